//! The arguments of the command line: the tree of commands. Doc comments are the help.

mod format;
mod options;
pub(super) mod usage;

use clap::{Args, Parser, Subcommand};

pub(crate) use format::Format;
pub(crate) use options::{
    Emulator, Login, Serve, TokenExchange, TokenIssue, TokenOptions, UserCreate,
};

/// Sign in as a Teams user and get Azure Communication Services tokens.
#[derive(Debug, Parser)]
#[command(
    name = "acspass",
    version,
    propagate_version = false,
    disable_help_subcommand = true,
    after_help = include_str!("../../../assets/help/acspass.txt")
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The options of every command.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Use this profile of config.toml [env: ACSPASS_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// How the result is printed
    #[arg(short, long, global = true, value_parser = Format::of_results(), default_value_t)]
    pub(crate) output: Format,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more: -v each step, -vv all; no secret is ever shown
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Whether messages are coloured
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) color: clap::ColorChoice,
    /// Use the embedded emulator in this very process: no account, no resource, no network
    #[arg(long, global = true)]
    pub(crate) emulator: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(alias = "signin")]
    Login(Login),
    /// Print one fresh Communication token
    #[command(aliases = ["get-token", "print-access-token"])]
    #[command(after_help = include_str!("../../../assets/help/get.txt"))]
    Get {
        #[command(flatten)]
        options: TokenOptions,
        /// Print the Entra token instead
        #[arg(long)]
        entra: bool,
        // Replaces the global option, which has the same id and therefore gets the value too.
        /// How the token is printed: env as shell assignments, header as an HTTP header
        #[arg(short, long, value_parser = Format::of_tokens(), default_value_t)]
        output: Format,
    },
    /// Run a command with a fresh token in its environment
    #[command(after_help = include_str!("../../../assets/help/exec.txt"))]
    Exec {
        #[command(flatten)]
        options: TokenOptions,
        /// The command and its arguments
        #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
        command: Vec<std::ffi::OsString>,
    },
    Serve(Serve),
    /// Show who is signed in, and what is fresh until when
    #[command(alias = "whoami")]
    #[command(after_help = include_str!("../../../assets/help/status.txt"))]
    Status,
    /// Forget one account, or all
    #[command(after_help = include_str!("../../../assets/help/logout.txt"))]
    Logout {
        /// The account to forget, or the beginning of its name
        #[arg(long, value_name = "USER", conflicts_with = "all")]
        account: Option<String>,
        /// Forget every account of every profile
        #[arg(long)]
        all: bool,
    },
    #[command(subcommand)]
    Account(Account),
    #[command(name = "switch", hide = true)]
    Switch(AccountSwitch),
    /// Decode the header and claims of a token, verifying nothing
    #[command(alias = "decode")]
    #[command(after_help = include_str!("../../../assets/help/inspect.txt"))]
    Inspect {
        /// A file that holds the token; standard input where it is missing or `-`
        #[arg(value_name = "FILE")]
        file: Option<std::path::PathBuf>,
    },
    #[command(subcommand)]
    User(User),
    #[command(subcommand)]
    Token(Token),
    #[command(subcommand)]
    Config(Config),
    #[command(subcommand)]
    Profile(Profile),
    /// Print how to register the Entra application and grant consent
    #[command(after_help = include_str!("../../../assets/help/setup.txt"))]
    Setup,
    /// Check everything that a token depends on, and say what to do
    #[command(after_help = include_str!("../../../assets/help/doctor.txt"))]
    Doctor {
        /// Contact nothing, neither the network nor the keyring
        #[arg(long)]
        offline: bool,
    },
    Emulator(Emulator),
    /// Print a shell's completion script
    #[command(after_help = include_str!("../../../assets/help/completions.txt"))]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each command
    #[command(after_help = include_str!("../../../assets/help/man.txt"))]
    Man {
        /// Write a page for each command into this folder, which is made where it is missing
        #[arg(long, value_name = "DIR")]
        folder: Option<std::path::PathBuf>,
    },
    /// Print the help of acspass, or of a command
    #[command(after_help = include_str!("../../../assets/help/help.txt"))]
    Help {
        /// The command, as in `help token issue`
        #[arg(value_name = "CMD")]
        command: Vec<String>,
    },
    /// Print the version
    #[command(after_help = include_str!("../../../assets/help/version.txt"))]
    Version,
}

/// See and choose among signed-in accounts
#[derive(Debug, Subcommand)]
#[command(after_help = include_str!("../../../assets/help/account.txt"))]
pub(crate) enum Account {
    /// List the signed-in accounts
    #[command(after_help = include_str!("../../../assets/help/account-list.txt"))]
    List,
    Switch(AccountSwitch),
}

/// Make another account the active one
#[derive(Debug, Args)]
#[command(after_help = include_str!("../../../assets/help/account-switch.txt"))]
pub(crate) struct AccountSwitch {
    /// A username, a home account id, or the beginning of either
    #[arg(value_name = "USER")]
    pub(crate) user: Option<String>,
}

/// Create and delete ACS identities
#[derive(Debug, Subcommand)]
#[command(after_help = include_str!("../../../assets/help/user.txt"))]
pub(crate) enum User {
    Create(UserCreate),
    /// Delete an identity, its tokens and its data, without asking
    #[command(after_help = include_str!("../../../assets/help/user-delete.txt"))]
    Delete {
        /// The identity's id, or `-`
        #[arg(value_name = "ID")]
        id: String,
        /// Accepted for habit's sake: nothing is asked anyway
        #[arg(long)]
        yes: bool,
    },
}

/// Issue, revoke and exchange Communication tokens
#[derive(Debug, Subcommand)]
#[command(after_help = include_str!("../../../assets/help/token.txt"))]
pub(crate) enum Token {
    Issue(TokenIssue),
    /// Revoke every token that was issued for an identity so far; takes up to 15 minutes
    #[command(after_help = include_str!("../../../assets/help/token-revoke.txt"))]
    Revoke {
        /// The identity's id
        #[arg(long, value_name = "ID")]
        user: String,
        /// Accepted for habit's sake: nothing is asked anyway
        #[arg(long)]
        yes: bool,
    },
    #[command(alias = "get-for-teams-user")]
    Exchange(TokenExchange),
}

/// List, select and delete profiles
#[derive(Debug, Subcommand)]
#[command(after_help = include_str!("../../../assets/help/profile.txt"))]
pub(crate) enum Profile {
    /// List the profiles
    #[command(after_help = include_str!("../../../assets/help/profile-list.txt"))]
    List,
    /// Set the default profile
    #[command(after_help = include_str!("../../../assets/help/profile-use.txt"))]
    Use {
        /// The name of the profile
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Delete a profile and its stored connection string
    #[command(after_help = include_str!("../../../assets/help/profile-delete.txt"))]
    Delete {
        /// The name of the profile
        #[arg(value_name = "NAME")]
        name: String,
    },
}

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
    /// Print one setting's value
    #[command(after_help = include_str!("../../../assets/help/config-get.txt"))]
    Get {
        /// The setting's name
        #[arg(value_name = "KEY")]
        key: String,
    },
    /// Set a value in the profile
    #[command(after_help = include_str!("../../../assets/help/config-set.txt"))]
    Set {
        /// The setting's name
        #[arg(value_name = "KEY")]
        key: String,
        /// The value; several for a list. `connection-string` takes none: it is read from standard
        /// input, or asked for
        #[arg(value_name = "VALUE")]
        values: Vec<String>,
    },
    /// Remove a value from the profile
    #[command(after_help = include_str!("../../../assets/help/config-unset.txt"))]
    Unset {
        /// The setting's name
        #[arg(value_name = "KEY")]
        key: String,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use textwrap::core::display_width;

    use super::Cli;

    /// What stands below the options of a command and of all below it.
    fn below_options(command: &clap::Command, found: &mut Vec<(String, String)>) {
        let text = command.get_after_help().map(ToString::to_string);
        found.push((command.get_name().to_owned(), text.unwrap_or_default()));
        for command in command.get_subcommands() {
            below_options(command, found);
        }
    }

    #[test]
    fn the_help_fits_a_terminal_of_80_columns() {
        let mut found = Vec::new();
        below_options(&Cli::command(), &mut found);
        assert!(found.len() > 20, "{}", found.len());
        for (command, text) in found {
            let lines: Vec<&str> = text.lines().collect();
            assert!(!lines.is_empty(), "{command} has no example");
            for (number, line) in lines.iter().enumerate() {
                if line.starts_with(' ') {
                    assert!(display_width(line) <= 80, "{command}: {line}");
                    continue;
                }
                // The terminal's width breaks a paragraph: a break of its own would make it ragged.
                let next = lines.get(number + 1).copied().unwrap_or_default();
                let is_text = |line: &str| !line.is_empty() && !line.starts_with(' ');
                let goes_on = is_text(line) && is_text(next);
                assert!(!goes_on, "{command}: {line}");
            }
        }
    }
}
