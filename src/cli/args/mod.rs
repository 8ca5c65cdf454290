//! The arguments of the command line: one struct for each command. Doc comments are the help.

mod duration;
mod identity;
mod machine;
mod session;
pub(super) mod usage;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use identity::{
    Token, TokenExchange, TokenIssue, TokenRevoke, User, UserCreate, UserDelete,
};
pub(crate) use machine::{Completions, Config, ConfigSet, Doctor, Emulator, Man, Serve};
pub(crate) use session::{
    Account, AccountSwitch, Exec, Get, Inspect, Login, Logout, PromptArg, TokenOptions,
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
    #[arg(short, long, global = true, value_enum, default_value_t)]
    pub(crate) output: Format,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more: -v each step, -vv all; no secret is ever shown
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Whether messages are coloured
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) color: Color,
    /// Use the embedded emulator in this very process: no account, no resource, no network
    #[arg(long, global = true)]
    pub(crate) emulator: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(alias = "signin")]
    Login(Login),
    #[command(alias = "get-token", alias = "print-access-token")]
    Get(Get),
    Exec(Exec),
    Serve(Serve),
    /// Show who is signed in, and what is fresh until when
    #[command(
        alias = "whoami",
        after_help = include_str!("../../../assets/help/status.txt")
    )]
    Status,
    Logout(Logout),
    #[command(subcommand)]
    Account(Account),
    #[command(name = "switch", hide = true)]
    Switch(AccountSwitch),
    #[command(alias = "decode")]
    Inspect(Inspect),
    #[command(subcommand)]
    User(User),
    #[command(subcommand)]
    Token(Token),
    #[command(subcommand)]
    Config(Config),
    /// Print how to register the Entra application and grant consent
    #[command(after_help = include_str!("../../../assets/help/setup.txt"))]
    Setup,
    Doctor(Doctor),
    Emulator(Emulator),
    Completions(Completions),
    Man(Man),
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
