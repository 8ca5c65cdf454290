//! The arguments of `emulator` and of the commands below it.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, Subcommand, ValueEnum};
use serde_json::Value;

use super::emulator_fault::EmulatorFault;
use super::format::Format;
use super::options::{duration, port, time};
use crate::emulator::{HTTP_PORT, HTTPS_PORT};
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// Run an emulator of Entra ID and ACS Identity
#[derive(Debug, Args)]
#[command(override_usage = "acspass emulator [OPTIONS] [COMMAND]")]
pub(crate) struct Emulator {
    #[command(flatten)]
    pub(crate) server: EmulatorServer,
    #[command(subcommand)]
    pub(crate) command: Option<EmulatorCommand>,
}

impl Emulator {
    /// Whether this is `emulator env`.
    pub(super) fn is_env(&self) -> bool {
        matches!(self.command, Some(EmulatorCommand::Env { .. }))
    }
}

/// The options of the server.
#[derive(Debug, Args)]
pub(crate) struct EmulatorServer {
    /// Listen for https on this port; 0 selects a free one
    #[arg(long, value_name = "N", default_value_t = HTTPS_PORT, value_parser = port)]
    pub(crate) https_port: u16,
    /// Listen for http on this port; 0 selects a free one
    #[arg(long, value_name = "N", default_value_t = HTTP_PORT, value_parser = port)]
    pub(crate) http_port: u16,
    /// Start with the data of this file, TOML or JSON (see `acspass emulator init`)
    #[arg(long, value_name = "FILE")]
    pub(crate) seed: Option<PathBuf>,
    /// Continue from the state in this file, which `--export-on-exit` wrote
    #[arg(long, value_name = "FILE")]
    pub(crate) import: Option<PathBuf>,
    /// Write the state to this file when the emulator stops
    #[arg(long, value_name = "FILE")]
    pub(crate) export_on_exit: Option<PathBuf>,
    /// Set the lifetime of its Entra tokens
    #[arg(long, value_name = "DURATION", default_value = "75m", value_parser = duration)]
    pub(crate) token_life: Duration,
    /// Repeat the faults with a probability of a run with this seed
    #[arg(long, value_name = "N", value_parser = seed)]
    pub(crate) fault_seed: Option<u32>,
    /// Accept this host name beside localhost, such as that of a container; repeatable
    #[arg(long = "host-name", value_name = "NAME")]
    pub(crate) host_names: Vec<String>,
    /// Accept connections of other machines at this address; 0.0.0.0 is all addresses
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) listen: Option<IpAddr>,
    /// Serve https with this certificate (PEM: the server's, then its issuers')
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Use this key of --cert (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Write the variables of `emulator env` to this .env file when ready; remove it at the end
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Refuse API versions that are newer than each known one
    #[arg(long)]
    pub(crate) strict_versions: bool,
}

fn address(text: &str) -> std::result::Result<IpAddr, String> {
    let hint =
        "Use an IP address of this machine, such as 192.0.2.10, or 0.0.0.0 for all addresses.";
    text.parse().map_err(|_| hint.to_owned())
}

fn seed(text: &str) -> std::result::Result<u32, String> {
    let hint = || "Use the number `faultSeed` that the other run printed.".to_owned();
    text.parse().map_err(|_| hint())
}

/// The commands below `emulator`.
#[derive(Debug, Subcommand)]
pub(crate) enum EmulatorCommand {
    Exec(EmulatorExec),
    #[command(subcommand)]
    Ca(EmulatorCa),
    /// Print the environment variables that lead clients to the running emulator
    Env {
        // Replaces the global option, as in `get`.
        /// Set the output format: text is shell assignments, dotenv is for a .env file
        #[arg(short, long, value_parser = Format::of_environment(), default_value_t, value_name = "FORMAT")]
        output: Format,
    },
    /// Check that an emulator runs
    Healthcheck,
    /// Write a seed with comments, to be changed and used with `--seed`
    Init {
        /// Write to this file; `-` is standard output
        #[arg(value_name = "FILE", default_value = "acspass-emulator.toml")]
        file: PathBuf,
    },
    /// Return the emulator to the state at its start
    Reset,
    /// Print a forged token, valid or with a fault
    Token(EmulatorToken),
    /// Show or change the clock of the emulator
    #[command(subcommand)]
    Clock(EmulatorClock),
    Fault(EmulatorFault),
    /// Compare the requests to the emulator with expectations
    Verify(EmulatorVerify),
}

/// The options of `emulator verify`.
#[derive(Debug, Args)]
pub(crate) struct EmulatorVerify {
    /// Expect this number of requests, such as `exchange>=1`; repeatable
    #[arg(long, value_name = "NAME>=N")]
    pub(crate) expect: Vec<String>,
    /// Expect no request of this name, such as `refused`; repeatable
    #[arg(long, value_name = "NAME")]
    pub(crate) none: Vec<String>,
}

/// The commands below `emulator clock`.
#[derive(Debug, Subcommand)]
pub(crate) enum EmulatorClock {
    /// Show the clock
    Show,
    /// Stop the clock
    Freeze,
    /// Let a stopped clock run on
    Resume,
    /// Move the clock forward
    Advance {
        /// The time to skip, such as 90s, 10m or 1h30m
        #[arg(value_name = "DURATION", value_parser = duration)]
        by: Duration,
    },
    /// Set the clock to a time
    Set {
        /// A time of RFC 3339, such as 2027-01-31T12:00:00Z
        #[arg(value_name = "TIME", value_parser = time)]
        to: Timestamp,
    },
    /// Set the clock back to that of this machine
    Reset,
}

/// The arguments of `emulator token`.
#[derive(Debug, Args)]
pub(crate) struct EmulatorToken {
    /// The kind of token
    #[arg(value_name = "KIND")]
    pub(crate) kind: ForgedKind,
    /// Issue an Entra token to this user instead of the first one
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Issue a Communication access token to this identity instead of a new one
    #[arg(long, value_name = "ID")]
    pub(crate) identity: Option<String>,
    /// Issue it for this scope; repeatable
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// Set a claim, as NAME=VALUE with JSON or text; null removes the claim; repeatable
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
    pub(crate) claims: Vec<(String, Value)>,
    /// Let it be expired
    #[arg(long)]
    pub(crate) expired: bool,
    /// Let it be for another API or resource
    #[arg(long)]
    pub(crate) wrong_audience: bool,
    /// Give it a wrong signature
    #[arg(long, value_name = "FAULT")]
    pub(crate) signature: Option<ForgedSignature>,
}

/// The kinds of forged tokens.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ForgedKind {
    /// An Entra access token
    Entra,
    /// An id_token of Entra
    Id,
    /// A Communication access token
    Communication,
}

/// The faults of a signature.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ForgedSignature {
    /// One bit is wrong
    Bad,
    /// A key that is not published signed it
    OtherKey,
}

/// Reads `NAME=VALUE`; a value that is not JSON is text.
fn claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("Use NAME=VALUE, such as `oid=x` or `exp=0`.")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((name.to_owned(), value))
}

/// Run a command with an emulator of its own
#[derive(Debug, Args)]
#[command(override_usage = "acspass emulator exec [OPTIONS] -- CMD...")]
pub(crate) struct EmulatorExec {
    /// Start with the data of this file, TOML or JSON (see `acspass emulator init`)
    #[arg(long, value_name = "FILE")]
    pub(crate) seed: Option<PathBuf>,
    /// Set the lifetime of its Entra tokens
    #[arg(long, value_name = "DURATION", default_value = "75m", value_parser = duration)]
    pub(crate) token_life: Duration,
    /// Let the hosts of Entra ID and of ACS resources be the emulator for the command, which gets no
    /// other network (Linux)
    #[arg(long)]
    pub(crate) real_hosts: bool,
    /// Refuse API versions that are newer than each known one
    #[arg(long)]
    pub(crate) strict_versions: bool,
    /// Run this command with these arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// Show, trust and renew the certificate authority of the emulator
#[derive(Debug, Subcommand)]
pub(crate) enum EmulatorCa {
    /// Print the path of its certificate
    Path,
    /// Print the command that makes the system trust it
    Trust,
    /// Print the command that removes it from the system
    Untrust,
    /// Replace it by a new one
    Renew {
        /// Certify this host name beside loopback names; repeatable [default: the names of the
        /// present one]
        #[arg(long = "host-name", value_name = "NAME")]
        host_names: Vec<String>,
    },
}

/// Checks that no option of the server precedes a command below `emulator`. Clap's own check also
/// refuses the global options.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) that names the option.
pub(crate) fn check_no_server_option(matches: &ArgMatches) -> Result<()> {
    let Some(("emulator", emulator)) = matches.subcommand() else {
        return Ok(());
    };
    let Some((below, _)) = emulator.subcommand() else {
        return Ok(());
    };
    let server = EmulatorServer::augment_args(Command::new("emulator"));
    let mut options = server.get_arguments();
    let given = options.find(|option| {
        let source = emulator.value_source(option.get_id().as_str());
        source == Some(ValueSource::CommandLine)
    });
    let Some(name) = given.and_then(|option| option.get_long()) else {
        return Ok(());
    };
    Err(Error::usage(
        format!("--{name} cannot be used with `acspass emulator {below}`"),
        format!("Remove --{name}. It is an option of `acspass emulator`."),
    ))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::check_no_server_option;
    use crate::cli::args::Cli;

    #[test]
    fn options_of_the_server_precede_no_command() {
        for (line, is_accepted) in [
            ("acspass emulator --http-port 0", true),
            ("acspass emulator -o json healthcheck", true),
            ("acspass emulator healthcheck", true),
            ("acspass emulator --http-port 0 healthcheck", false),
        ] {
            let matches = Cli::command().try_get_matches_from(line.split(' '));
            let checked = check_no_server_option(&matches.expect(line));
            assert_eq!(checked.is_ok(), is_accepted, "{line}");
            let error = checked.err().map(|error| error.to_string());
            assert!(
                error.is_none_or(|error| error.starts_with("--http-port cannot")),
                "{line}"
            );
        }
    }
}
