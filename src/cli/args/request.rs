//! Determines the page that a command line asks for.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command, CommandFactory, value_parser};

use super::Cli;

const SHORT: &str = "short-help";
const LONG: &str = "long-help";

/// The page that a command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The names of the command and of those above it.
    pub(crate) words: Vec<String>,
    /// `--help`, not `-h`.
    pub(crate) is_long: bool,
}

impl Request {
    /// Parses the arguments again, without errors and with `-h` and `--help` as plain flags.
    pub(crate) fn of(arguments: &[OsString]) -> Request {
        let flag = |id: &'static str| Arg::new(id).action(ArgAction::SetTrue).global(true);
        let matches = Cli::command()
            .disable_help_flag(true)
            .ignore_errors(true)
            .arg(flag(SHORT).short('h'))
            .arg(flag(LONG).long("help"))
            .try_get_matches_from(arguments);
        let mut request = Request {
            words: Vec::new(),
            is_long: false,
        };
        let Ok(matches) = matches else {
            return request;
        };
        let mut matches = &matches;
        loop {
            // After an error the flag can lack its default.
            request.is_long |= matches.get_one(LONG).copied().unwrap_or(false);
            let Some((word, below)) = matches.subcommand() else {
                return request;
            };
            request.words.push(word.to_owned());
            matches = below;
        }
    }
}

/// Whether the command line asks for help, although an invalid value comes before `-h` or `--help`.
pub(crate) fn asks_for_help(arguments: &[OsString]) -> bool {
    let parsed = with_any_values(Cli::command()).try_get_matches_from(arguments);
    parsed.is_err_and(|other| other.kind() == ErrorKind::DisplayHelp)
}

/// Makes each option and argument of a command, and of those below it, accept any value.
fn with_any_values(command: Command) -> Command {
    let command = command.mut_args(|arg| match arg.get_action().takes_values() {
        true => arg.value_parser(value_parser!(OsString)),
        false => arg,
    });
    command.mut_subcommands(with_any_values)
}

#[cfg(test)]
mod tests {
    use super::{Request, asks_for_help};

    #[test]
    fn help_is_asked_for_after_an_invalid_value_but_not_by_the_command_of_exec() {
        for (line, asks) in [
            ("acspass get --min-validity x --help", true),
            ("acspass get --min-validity x -qh", true),
            ("acspass get --help --min-validity x", true),
            ("acspass get --min-validity x", false),
            ("acspass exec --min-validity x -- curl --help", false),
            ("acspass exec --min-validity x curl -h", false),
        ] {
            let arguments: Vec<_> = line.split(' ').map(Into::into).collect();
            assert_eq!(asks_for_help(&arguments), asks, "{line}");
        }
    }

    #[test]
    fn page_is_that_of_the_innermost_command() {
        let cases: [(&str, &[&str], bool); 11] = [
            (
                "acspass token issue --valid-for x",
                &["token", "issue"],
                false,
            ),
            ("acspass --color x", &[], false),
            ("acspass -h", &[], false),
            ("acspass --help", &[], true),
            ("acspass get -h", &["get"], false),
            ("acspass -v get --min-validity 10m --help", &["get"], true),
            ("acspass token issue -h", &["token", "issue"], false),
            ("acspass token revoke --help", &["token", "revoke"], true),
            ("acspass whoami -qh", &["status"], false),
            ("acspass account", &["account"], false),
            (
                "acspass --profile get config set --help",
                &["config", "set"],
                true,
            ),
        ];
        for (line, words, is_long) in cases {
            let arguments: Vec<_> = line.split(' ').map(Into::into).collect();
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(
                Request::of(&arguments),
                Request { words, is_long },
                "{line}"
            );
        }
    }
}
