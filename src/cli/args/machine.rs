//! What can be typed about this machine: settings, advice, the emulator, the shell.

use clap::{Args, Subcommand};

use super::duration::duration;

/// See and change settings
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  acspass config set tenant contoso.com
  acspass config set client-id 11111111-2222-3333-4444-555555555555
  acspass config set connection-string < connection-string.txt
  acspass --profile work config set tenant fabrikam.com
  acspass config list")]
pub(crate) enum Config {
    /// Print where the configuration file is
    #[command(after_help = "Examples:
  cat \"$(acspass config path)\"")]
    Path,
    /// List every setting, its value, and where it came from
    #[command(after_help = "Examples:
  acspass config list
  acspass --profile work config list -o json")]
    List,
    Get(ConfigGet),
    Set(ConfigSet),
    Unset(ConfigUnset),
}

/// Print one setting's value
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass config get tenant")]
pub(crate) struct ConfigGet {
    /// The setting's name
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
}

/// Set a value in the profile
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass config set tenant contoso.com
  acspass config set scopes Teams.ManageCalls
  acspass config set connection-string  asks for it unseen; it goes to the store")]
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
#[command(after_help = "Examples:
  acspass config unset scopes
  acspass config unset connection-string  removes it from the store too")]
pub(crate) struct ConfigUnset {
    /// The setting's name
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
}

/// Check everything that a token depends on, and say what to do
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass doctor
  acspass doctor --offline
  acspass doctor -o json | jq '.checks[] | select(.result == \"fail\")'

One line each, `ok`, `warn`, `fail` or `skipped`, with what to do. Safe to paste in public: no secret \
and no user name; tenant, client id and resource are shortened. Ends with the exit code of the first \
check that failed, which explains the others. Nothing is changed.")]
pub(crate) struct Doctor {
    /// Contact nothing, neither the network nor the keyring
    #[arg(long)]
    pub(crate) offline: bool,
}

/// Run the emulator of Entra ID and ACS Identity until stopped
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass emulator
  acspass emulator --http-port 8080 --https-port 8443 -o json

Prints how to point any client at it, then runs until Ctrl-C. It is an emulator: its keys are \
published and worthless, and it listens on this machine only.

Users who meet an obstacle, picked by login hint (`acspass login --account NAME@contoso.example`):
  consent, mfa               a page asks for consent, or for a code (123456)
  admin-consent              an admin must consent (AADSTS90094)
  blocked, unassigned, disabled, locked, password-expired, nobody
                             a page says no (AADSTS53003, 50105, 50057, 50053,
                             50055, 50034)
  stranger@fabrikam.example  no guest of the tenant (AADSTS50020)
  step-up, moved             renewal refused with claims (AADSTS50076, 53003)
  expired, idle, revoked     renewal refused (AADSTS70043, 700082, 50173)")]
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
#[command(after_help = "Examples:
  acspass serve
  acspass serve --open                                 with its dashboard
  acspass serve --port 0 -o json
  acspass serve --allow-origin http://localhost:3000   let a web page ask, too
  acspass serve --emulator                             try it: no account
  acspass serve --install                              it runs by itself
  acspass serve --status && echo it answers
  acspass serve --uninstall

Prints where it is and where its secret lies, then runs until Ctrl-C. Every request but \
GET /healthz carries `Authorization: Bearer` with the contents of the secret file, which is \
another one in every run. GET /token answers as `acspass get -o json`; GET /openapi.json describes \
the rest.

--install writes a systemd user service and its socket, with this profile, port and these origins, \
and starts them, now and at every login; settings must be in the profile, not in the environment. \
`journalctl --user -u acspass` shows what the service says. --status ends with exit code 0 where a \
service runs and answers, and 6 where not.")]
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
#[command(after_help = "Examples:
  source <(acspass completions bash)    in ~/.bashrc
  source <(acspass completions zsh)     in ~/.zshrc, after compinit
  acspass completions fish | source     in ~/.config/fish/config.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// Print the manual page, or write one for each command
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  acspass man | man -l -
  acspass man --folder ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Write a page for each command into this folder, which is made where it is missing
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<std::path::PathBuf>,
}
