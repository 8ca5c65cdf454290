//! Suggestions for commands and options of other tools, and for mistakes that resemble no name.

/// Commands: the command before the word, the word, the next word if it matters, and the hint.
const COMMANDS: &[(&str, &str, &str, &str)] = &[
    ("", "auth", "login", "Run `acspass login`."),
    ("", "auth", "logout", "Run `acspass logout`."),
    ("", "auth", "status", "Run `acspass status`."),
    ("", "auth", "switch", "Run `acspass account switch`."),
    ("", "auth", "token", "Run `acspass get`."),
    ("", "auth", "", "Run `acspass login`."),
    ("", "sign-in", "", "Run `acspass login`."),
    ("", "log-in", "", "Run `acspass login`."),
    ("", "signout", "", "Run `acspass logout`."),
    ("", "sign-out", "", "Run `acspass logout`."),
    ("", "log-out", "", "Run `acspass logout`."),
    ("", "list", "", "Run `acspass account list`."),
    ("", "ls", "", "Run `acspass account list`."),
    ("", "accounts", "", "Run `acspass account list`."),
    ("", "show", "", "Run `acspass status`."),
    ("", "env", "", "Run `acspass get -o env`."),
    ("", "run", "", "Run `acspass exec -- CMD`."),
    ("", "refresh", "", "Run `acspass get --force-refresh`."),
    ("", "renew", "", "Run `acspass get --force-refresh`."),
    ("", "dashboard", "", "Run `acspass serve --open`."),
    ("", "server", "", "Run `acspass serve`."),
    ("", "start", "", "Run `acspass serve`."),
    (
        "",
        "init",
        "",
        "Run `acspass login`, which asks for missing settings.",
    ),
    ("", "configure", "", "Run `acspass config list`."),
    ("", "settings", "", "Run `acspass config list`."),
    ("", "check", "", "Run `acspass doctor`."),
    ("", "mock", "", "Run `acspass emulator`."),
    ("", "identity", "", "Run `acspass user --help`."),
    ("account", "add", "", "Run `acspass login`."),
    ("account", "login", "", "Run `acspass login`."),
    ("account", "show", "", "Run `acspass status`."),
    ("account", "current", "", "Run `acspass status`."),
    ("account", "get", "", "Run `acspass status`."),
    (
        "account",
        "remove",
        "",
        "Run `acspass logout --account USER`.",
    ),
    (
        "account",
        "delete",
        "",
        "Run `acspass logout --account USER`.",
    ),
    (
        "account",
        "logout",
        "",
        "Run `acspass logout --account USER`.",
    ),
    ("account", "set", "", "Run `acspass account switch USER`."),
    ("account", "use", "", "Run `acspass account switch USER`."),
    (
        "account",
        "select",
        "",
        "Run `acspass account switch USER`.",
    ),
    (
        "user",
        "list",
        "",
        "Run `acspass account list` for accounts; the service has no list of identities.",
    ),
    ("user", "add", "", "Run `acspass user create`."),
    ("user", "new", "", "Run `acspass user create`."),
    ("user", "remove", "", "Run `acspass user delete ID`."),
    ("user", "show", "", "Run `acspass status`."),
    ("token", "get", "", "Run `acspass get`."),
    ("token", "print", "", "Run `acspass get`."),
    ("token", "show", "", "Run `acspass get`."),
    ("token", "refresh", "", "Run `acspass get --force-refresh`."),
    (
        "token",
        "create",
        "",
        "Run `acspass token issue --scope SCOPE`.",
    ),
    ("token", "inspect", "", "Run `acspass inspect FILE`."),
    ("token", "decode", "", "Run `acspass inspect FILE`."),
    ("config", "show", "", "Run `acspass config list`."),
    ("config", "view", "", "Run `acspass config list`."),
    (
        "config",
        "edit",
        "",
        "Run `acspass config path` and edit that file.",
    ),
    ("config", "file", "", "Run `acspass config path`."),
    ("config", "remove", "", "Run `acspass config unset KEY`."),
    ("config", "delete", "", "Run `acspass config unset KEY`."),
];

/// Options: the option, and the hint.
const OPTIONS: &[(&str, &str)] = &[
    ("--json", "Use `-o json`."),
    ("-j", "Use `-o json`."),
    ("--format", "Use `-o json`."),
    ("--debug", "Use `-vv`."),
    ("--silent", "Use `--quiet`."),
    ("--no-color", "Use `--color never`."),
    ("--no-colour", "Use `--color never`."),
    ("--force", "Use `--force-refresh`."),
    ("--username", "Use `--account USER`."),
    ("--login-hint", "Use `--account USER`."),
    ("--use-device-code", "Use `--device-code`."),
];

/// Options that only some commands have: the command without the option, the option, and the hint.
const OPTIONS_ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "login",
        "--no-interactive",
        "Run `acspass get --no-interactive` for a token without a sign-in. A sign-in needs a user, who \
         can be at another device: `acspass login --device-code`.",
    ),
    (
        "login",
        "--interactive",
        "Run `acspass login`, which is interactive.",
    ),
    (
        "emulator",
        "--port",
        "Run `acspass emulator --https-port 0 --http-port 0`, or with other ports.",
    ),
];

/// Returns the hint for a command that does not exist.
pub(super) fn for_command(parents: &[String], word: &str, next: &str) -> Option<&'static str> {
    let parents = parents.join(" ");
    let rows = COMMANDS.iter();
    let mut rows = rows.filter(|row| row.0 == parents && row.1 == word);
    rows.find(|row| row.2 == next || row.2.is_empty())
        .map(|row| row.3)
}

/// Returns the hint for an option that does not exist, if the command has the option of the hint.
pub(super) fn for_option(command: &[String], option: &str) -> Option<&'static str> {
    let name = option.split('=').next().unwrap_or(option);
    let word = command.first().map(String::as_str).unwrap_or_default();
    let mut elsewhere = OPTIONS_ELSEWHERE.iter();
    if let Some((.., hint)) = elsewhere.find(|row| (row.0, row.1) == (word, name)) {
        return Some(hint);
    }
    let (_, hint) = OPTIONS.iter().find(|(wrong, _)| *wrong == name)?;
    let has_option = match *hint {
        hint if hint.contains("--force-refresh") => matches!(word, "get" | "exec"),
        hint if hint.contains("--account") => matches!(word, "get" | "exec" | "login" | "logout"),
        hint if hint.contains("--device-code") => word == "login",
        _ => true,
    };
    has_option.then_some(*hint)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::{COMMANDS, OPTIONS, OPTIONS_ELSEWHERE};
    use crate::cli::args::Cli;

    #[test]
    fn each_suggested_command_parses_and_each_mistake_does_not() {
        for (parent, word, next, hint) in COMMANDS {
            let command = hint.split('`').nth(1).expect("a command in backticks");
            let parsed = Cli::command().try_get_matches_from(command.split(' '));
            let is_help = |error: &clap::Error| error.kind() == ErrorKind::DisplayHelp;
            assert!(
                parsed.as_ref().err().is_none_or(is_help),
                "{command}: {parsed:?}"
            );
            let typed = ["acspass", parent, word, next];
            let typed = typed.into_iter().filter(|word| !word.is_empty());
            let parsed = Cli::command().try_get_matches_from(typed);
            let kind = parsed.err().map(|error| error.kind());
            assert_eq!(kind, Some(ErrorKind::InvalidSubcommand), "{parent} {word}");
        }
        for (option, _) in OPTIONS {
            for command in ["get", "login", "status"] {
                let parsed = Cli::command().try_get_matches_from(["acspass", command, option]);
                let kind = parsed.err().map(|error| error.kind());
                assert_eq!(kind, Some(ErrorKind::UnknownArgument), "{option}");
            }
        }
    }

    #[test]
    fn option_of_another_command_is_explained_with_commands_that_parse() {
        for (command, option, hint) in OPTIONS_ELSEWHERE {
            let parsed = Cli::command().try_get_matches_from(["acspass", command, option]);
            let kind = parsed.err().map(|error| error.kind());
            assert_eq!(kind, Some(ErrorKind::UnknownArgument), "{option}");
            let words = [(*command).to_owned()];
            assert_eq!(super::for_option(&words, option), Some(*hint));
            assert_ne!(super::for_option(&["get".to_owned()], option), Some(*hint));
            for suggested in hint.split('`').skip(1).step_by(2) {
                let parsed = Cli::command().try_get_matches_from(suggested.split(' '));
                assert!(parsed.is_ok(), "{suggested}: {parsed:?}");
            }
        }
    }
}
