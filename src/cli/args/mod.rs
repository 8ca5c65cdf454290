//! The arguments of the command line: the tree of commands. Doc comments are the help, which `cli/help`
//! renders.

mod access;
mod api;
pub(super) mod emulator;
mod emulator_fault;
mod format;
pub(super) mod frequent;
pub(super) mod mistake;
#[cfg(test)]
mod mistake_tests;
mod options;
pub(super) mod request;
pub(super) mod secrets;
mod session;
mod shell;
mod suggestions;

use std::ffi::OsString;

use clap::{ArgMatches, Args, Parser, Subcommand};

pub(crate) use access::{
    Access, AccessGrant, AccessList, AccessOptions, AccessRevoke, KeylessExchange, Principal,
};
pub(crate) use api::Api;
pub(crate) use emulator::{
    Emulator, EmulatorCa, EmulatorClock, EmulatorCommand, EmulatorExec, EmulatorServer,
    EmulatorToken, EmulatorVerify, ForgedKind, ForgedSignature,
};
pub(crate) use emulator_fault::EmulatorFault;
pub(crate) use format::Format;
pub(crate) use options::{
    Exec, Get, Login, Serve, TokenExchange, TokenIssue, TokenOptions, UserCreate,
};
pub(crate) use session::{Session, SessionExport, SessionImport, Store};
pub(crate) use shell::Shell;

/// Sign in as a Teams user and get Azure Communication Services tokens.
#[derive(Debug, Parser)]
#[command(
    name = "acspass",
    version,
    propagate_version = false,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// A command line that was parsed, and what its arguments were parsed with.
pub(crate) struct Parsed<T> {
    pub(crate) cli: T,
    pub(crate) definition: clap::Command,
    pub(crate) matches: ArgMatches,
}

/// Parses the command line by the definition of `T`.
pub(crate) fn parse<T: Parser>(arguments: &[OsString]) -> Result<Parsed<T>, clap::Error> {
    let mut definition = T::command();
    let matches = definition.try_get_matches_from_mut(arguments)?;
    Ok(Parsed {
        cli: T::from_arg_matches(&matches)?,
        definition,
        matches,
    })
}

/// The options of every command.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Use this profile of config.toml [env: ACSPASS_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Set the output format
    #[arg(short, long, global = true, value_parser = Format::of_results(), default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print more: -v each step, -vv everything; never a secret
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Colour the output
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: clap::ColorChoice,
    /// Use the built-in emulator: no account, no resource, no network
    #[arg(long, global = true)]
    pub(crate) emulator: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(alias = "signin")]
    Login(Login),
    #[command(aliases = ["get-token", "print-access-token"])]
    Get(Get),
    Exec(Exec),
    Serve(Serve),
    /// Show accounts and token expiry
    #[command(alias = "whoami")]
    Status,
    /// Sign out
    Logout {
        /// Sign out this account: a username, or the beginning of it [default: the active account]
        #[arg(long, value_name = "USER", conflicts_with = "all")]
        account: Option<String>,
        /// Sign out every account of every profile
        #[arg(long)]
        all: bool,
    },
    #[command(subcommand)]
    Account(Account),
    #[command(name = "switch", hide = true)]
    Switch(AccountSwitch),
    /// Decode the header and claims of a token, without verification
    #[command(alias = "decode")]
    Inspect {
        /// Read the token from this file; `-` is standard input [default: -]
        #[arg(value_name = "FILE")]
        file: Option<std::path::PathBuf>,
    },
    #[command(subcommand)]
    User(User),
    #[command(subcommand)]
    Token(Token),
    Api(Api),
    #[command(subcommand)]
    Access(Access),
    #[command(subcommand)]
    Config(Config),
    #[command(subcommand)]
    Profile(Profile),
    #[command(subcommand)]
    Session(Session),
    #[command(subcommand)]
    Store(Store),
    /// Print how to register the Entra application and grant consent
    Setup {
        /// Print the script alone, for a file
        #[arg(long)]
        script: bool,
    },
    /// Check settings, store, network and services
    Doctor {
        /// Contact neither the network nor the keyring
        #[arg(long)]
        offline: bool,
    },
    Emulator(Box<Emulator>),
    /// Print a shell completion script
    Completions {
        /// Choose the shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print a manual page, or write all of them to a folder
    Man {
        /// Print the page of this command, as in `acspass man token issue`
        #[arg(value_name = "CMD", conflicts_with = "folder")]
        command: Vec<String>,
        /// Write the page of each command to this folder; create it if needed
        #[arg(long, value_name = "DIR")]
        folder: Option<std::path::PathBuf>,
    },
    /// Print help for acspass or for a command
    Help {
        /// Choose a command, as in `acspass help token issue`
        #[arg(value_name = "CMD")]
        command: Vec<String>,
    },
    /// Print the version
    Version,
}

impl Command {
    /// Returns the name of a command that has formats of its own.
    pub(crate) fn with_own_format(&self) -> &'static str {
        match self {
            Command::Get(_) => format::GET,
            Command::Emulator(emulator) if emulator.is_env() => format::EMULATOR_ENV,
            _ => "",
        }
    }
}

/// List and switch accounts
#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// List the signed-in accounts
    List,
    Switch(AccountSwitch),
}

/// Switch to another account
#[derive(Debug, Args)]
pub(crate) struct AccountSwitch {
    /// Choose the account: a username or a home account id, or the beginning of either
    #[arg(value_name = "USER")]
    pub(crate) user: Option<String>,
}

/// Create and delete ACS identities
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    Create(UserCreate),
    /// Delete an identity with its tokens and data, without confirmation
    Delete {
        /// Delete this identity, `8:acs:…`; `-` reads ids from standard input
        #[arg(value_name = "ID")]
        id: String,
        /// Accepted without effect: there is no confirmation
        #[arg(long, hide = true)]
        yes: bool,
    },
}

/// Issue, revoke and exchange Communication access tokens
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    Issue(TokenIssue),
    /// Revoke all tokens of an identity; takes effect within 15 minutes
    Revoke {
        /// Revoke the tokens of this identity, `8:acs:…`
        #[arg(long, value_name = "ID")]
        user: String,
        /// Accepted without effect: there is no confirmation
        #[arg(long, hide = true)]
        yes: bool,
    },
    #[command(alias = "get-for-teams-user")]
    Exchange(TokenExchange),
}

/// List, select and delete profiles
#[derive(Debug, Subcommand)]
pub(crate) enum Profile {
    /// List the profiles, their targets and the signed-in accounts
    List,
    /// Set the default profile
    Use {
        /// Name the profile
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Delete a profile and its stored connection string
    Delete {
        /// Name the profile
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Show and change settings
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print the path of config.toml
    Path,
    /// List settings with their values and sources
    List,
    /// Print the value of a setting
    Get {
        /// Name the setting
        #[arg(value_name = "KEY")]
        key: String,
    },
    /// Set a value in the profile
    Set {
        /// Name the setting
        #[arg(value_name = "KEY")]
        key: String,
        /// Set this value, or several for a list; `connection-string` is read from standard input or
        /// from a prompt instead
        #[arg(value_name = "VALUE")]
        values: Vec<String>,
    },
    /// Remove a value from the profile
    Unset {
        /// Name the setting
        #[arg(value_name = "KEY")]
        key: String,
    },
}
