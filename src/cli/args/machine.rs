//! What can be typed about this machine: settings, advice, the emulator, the shell.

use clap::{Args, Subcommand};

use super::duration::duration;

/// See and change settings
#[derive(Debug, Subcommand)]
#[command(after_help = include_str!("../../../assets/help/config.txt"))]
pub(crate) enum Config {
    /// Print where the configuration file is
    #[command(after_help = include_str!("../../../assets/help/config-path.txt"))]
    Path,
    /// List every setting, its value, and where it came from
    #[command(after_help = include_str!("../../../assets/help/config-list.txt"))]
    List,
    Get(ConfigGet),
    Set(ConfigSet),
    Unset(ConfigUnset),
}

/// Print one setting's value
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/config-get.txt"))]
pub(crate) struct ConfigGet {
    /// The setting's name
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
}

/// Set a value in the profile
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/config-set.txt"))]
pub(crate) struct ConfigSet {
    /// The setting's name
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
    /// The value; several for a list. `connection-string` takes none: it is read from standard
    /// input, or asked for
    #[arg(value_name = "VALUE")]
    pub(crate) values: Vec<String>,
}

/// Remove a value from the profile
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/config-unset.txt"))]
pub(crate) struct ConfigUnset {
    /// The setting's name
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
}

/// Check everything that a token depends on, and say what to do
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/doctor.txt"))]
pub(crate) struct Doctor {
    /// Contact nothing, neither the network nor the keyring
    #[arg(long)]
    pub(crate) offline: bool,
}

/// Run the emulator of Entra ID and ACS Identity until stopped
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/emulator.txt"))]
pub(crate) struct Emulator {
    /// The port for https; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) https_port: u16,
    /// The port for http; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) http_port: u16,
    /// How long its Entra tokens live
    #[arg(long, value_name = "DURATION", default_value = "75m", value_parser = duration)]
    pub(crate) token_life: std::time::Duration,
    /// A name beside localhost that it answers to, for a proxy or relay in front of it; repeatable
    #[arg(long = "host-name", value_name = "NAME")]
    pub(crate) host_names: Vec<String>,
}

/// Serve fresh tokens to this machine's apps
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/serve.txt"))]
pub(crate) struct Serve {
    /// The port; 0 takes a free one. Sockets that systemd hands over have their own
    #[arg(long, value_name = "N", default_value_t = crate::serve::PORT)]
    pub(crate) port: u16,
    /// Open the dashboard; where a service runs already, that one's
    #[arg(long)]
    pub(crate) open: bool,
    /// A web origin whose pages may ask, like `https://app.contoso.com`; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<String>,
    /// Run by itself from now on, as a systemd user service
    #[arg(long, conflicts_with_all = ["uninstall", "status"])]
    pub(crate) install: bool,
    /// Stop that service, and remove it
    #[arg(long, conflicts_with_all = ["status", "port", "allow_origin"])]
    pub(crate) uninstall: bool,
    /// Show whether a service runs and answers, and who must sign in
    #[arg(long, conflicts_with_all = ["port", "allow_origin"])]
    pub(crate) status: bool,
}

/// Print a shell's completion script
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/completions.txt"))]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// Print the manual page, or write one for each command
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/man.txt"))]
pub(crate) struct Man {
    /// Write a page for each command into this folder, which is made where it is missing
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<std::path::PathBuf>,
}
