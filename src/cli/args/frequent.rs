//! The commands that apps run often, parsed without the definitions of all the others.
//!
//! To define every command is half of the work of a fresh `get`.

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use super::{Cli, Command, Exec, Get, Global, Parsed, parse};

/// [`Cli`] with few commands. What it accepts, [`Cli`] accepts with the same result.
#[derive(Debug, Parser)]
#[command(
    name = "acspass",
    disable_version_flag = true,
    disable_help_flag = true
)]
#[command(disable_help_subcommand = true)]
struct FrequentCli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: FrequentCommand,
}

#[derive(Debug, Subcommand)]
enum FrequentCommand {
    Get(Get),
    Exec(Exec),
}

/// Parses the command line if it is that of a frequent command. Everything else is [`Cli`]'s, such as a
/// mistake or a request for help.
pub(crate) fn parse_frequent(arguments: &[OsString]) -> Option<Parsed<Cli>> {
    let is_frequent = |argument: &OsString| argument == "get" || argument == "exec";
    if !arguments.iter().skip(1).any(is_frequent) {
        return None;
    }
    let parsed = parse::<FrequentCli>(arguments).ok()?;
    let FrequentCli { global, command } = parsed.cli;
    let command = match command {
        FrequentCommand::Get(args) => Command::Get(args),
        FrequentCommand::Exec(args) => Command::Exec(args),
    };
    Some(Parsed {
        cli: Cli { global, command },
        definition: parsed.definition,
        matches: parsed.matches,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_frequent_command_is_parsed_as_among_all_commands() {
        for line in [
            "acspass get",
            "acspass --profile work get --force-refresh -o env -vv",
            "acspass get -o json --entra --copy -q --color never",
            "acspass --emulator get --min-validity 30m --account ada --no-interactive",
            "acspass exec --server -- get --help login",
            "acspass exec sh -c login",
            "acspass exec --managed-identity",
        ] {
            let frequent = parse_frequent(&split(line)).unwrap_or_else(|| panic!("{line}"));
            let all = parse::<Cli>(&split(line)).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(
                format!("{:?}", frequent.cli),
                format!("{:?}", all.cli),
                "{line}"
            );
        }
    }

    #[test]
    fn other_commands_mistakes_and_help_are_left_to_the_whole_definition() {
        for line in [
            "acspass",
            "acspass status",
            "acspass help get",
            "acspass man exec",
            "acspass --version get",
            "acspass -V",
            "acspass get --help",
            "acspass get -h",
            "acspass exec --help",
            "acspass get --unknown",
            "acspass get -o yaml",
            "acspass config get tenant",
            "acspass emulator exec -- npm test",
            "acspass get-token",
        ] {
            assert!(parse_frequent(&split(line)).is_none(), "{line}");
        }
    }
}
