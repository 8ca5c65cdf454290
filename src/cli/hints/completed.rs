//! Completes an option in a hint, as in "Add `--tenant TENANT`", to the command that the user ran, with
//! this option.

use std::ffi::OsString;

use clap::{Command, CommandFactory};

use crate::cli::args::Cli;
use crate::cli::args::request::Request;
use crate::text::shell_word;

/// The longest command line that a hint repeats, in characters.
const MAX_LENGTH: usize = 200;

/// The verbs before an option, and those before a command.
const VERBS: [(&str, &str); 4] = [
    ("Add ", "Run "),
    ("add ", "run "),
    ("Use ", "Run "),
    ("use ", "run "),
];

/// Returns the hint with commands in place of options that the user's command has. A hint about the
/// options of another command stays.
pub(super) fn completed(hint: &str, arguments: &[OsString]) -> String {
    if !hint.contains("`--") {
        return hint.to_owned();
    }
    let Some(line) = CommandLine::of(arguments) else {
        return hint.to_owned();
    };
    let mut text = String::new();
    let mut follows_command = false;
    for (number, part) in hint.split('`').enumerate() {
        if number > 0 {
            text.push('`');
        }
        if number % 2 == 0 {
            follows_command &= matches!(part, " or " | ", or ");
            text.push_str(part);
            continue;
        }
        let verb = VERBS.into_iter().find(|(verb, _)| {
            text.strip_suffix('`')
                .is_some_and(|text| text.ends_with(verb))
        });
        let command = line
            .with(part)
            .filter(|_| verb.is_some() || follows_command);
        follows_command = command.is_some();
        match (&command, verb) {
            (Some(command), Some((before, after))) => {
                text.truncate(text.len() - before.len() - 1);
                text.extend([after, "`", command]);
            }
            (Some(command), None) => text.push_str(command),
            (None, _) => text.push_str(part),
        }
    }
    text
}

/// Returns an argument as a shell word. Of `--option=value`, only the value is quoted.
pub(in crate::cli) fn argument_word(argument: &str) -> String {
    let is_plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    match argument.split_once('=') {
        Some((name, value)) if name.starts_with("--") && is_plain(name) => {
            format!("{name}={}", shell_word(value, "VALUE"))
        }
        _ => shell_word(argument, "VALUE").into_owned(),
    }
}

/// The command line that the user typed.
struct CommandLine<'a> {
    words: Vec<&'a str>,
    /// The definition of all commands, which has the global options.
    root: Command,
    command: Command,
}

impl<'a> CommandLine<'a> {
    /// `None` if it cannot be repeated.
    fn of(arguments: &'a [OsString]) -> Option<CommandLine<'a>> {
        let words = arguments.iter().skip(1).map(|argument| argument.to_str());
        let words = words.collect::<Option<Vec<_>>>()?;
        let root = Cli::command();
        let mut command = root.clone();
        for name in Request::of(arguments).words {
            command = command.find_subcommand(&name)?.clone();
        }
        Some(CommandLine {
            words,
            root,
            command,
        })
    }

    /// Returns the command line with an option, in place of its former value. `None` if the command does
    /// not have it.
    fn with(&self, option: &str) -> Option<String> {
        let flag = option.split(' ').next()?;
        let name = flag.strip_prefix("--")?;
        let global = self.root.get_arguments().filter(|one| one.is_global_set());
        self.command
            .get_arguments()
            .chain(global)
            .find(|argument| argument.get_long() == Some(name))?;
        let end = self.words.iter().position(|word| *word == "--");
        // What follows the options of `exec` is another program's command line.
        if end.is_none() && self.command.get_name() == "exec" {
            return None;
        }
        let own = &self.words[..end.unwrap_or(self.words.len())];
        let mut words = vec!["acspass".to_owned()];
        let mut rest = own.iter();
        while let Some(word) = rest.next() {
            match word.strip_prefix(flag) {
                Some("") if option.contains(' ') => drop(rest.next()),
                Some(value) if value.is_empty() || value.starts_with('=') => {}
                _ => words.push(argument_word(word)),
            }
        }
        words.push(option.to_owned());
        if end.is_some() {
            // The other program's words can hold a secret, so that no message repeats them.
            words.push("-- CMD".to_owned());
        }
        let command = words.join(" ");
        (command.chars().count() <= MAX_LENGTH).then_some(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_becomes_the_command_that_the_user_ran_with_it() {
        for (line, hint, expected) in [
            (
                "api GET /x",
                "Add `--api-version VERSION` with one of: 1, 2.",
                "Run `acspass api GET /x --api-version VERSION` with one of: 1, 2.",
            ),
            (
                "--profile work get --account bne -o env",
                "Use `--account ben` for the similar account, or run `acspass login`.",
                "Run `acspass --profile work get -o env --account ben` for the similar account, or run \
                 `acspass login`.",
            ),
            (
                "--profile wrok get -o env",
                "Use `--profile work`, or run `acspass profile list`.",
                "Run `acspass get -o env --profile work`, or run `acspass profile list`.",
            ),
            (
                "user create --scope chats --valid-for 2h",
                "Use `--scope chat`, or another one.",
                "Run `acspass user create --valid-for 2h --scope chat`, or another one.",
            ),
            (
                "exec --account=bne -- node --password hunter2",
                "Run `acspass account switch ada`, or add `--account ada`.",
                "Run `acspass account switch ada`, or run `acspass exec --account ada -- CMD`.",
            ),
            (
                "--output=json session export --account=a;b x",
                "Add `--force` to replace it.",
                "Run `acspass --output=json session export --account='a;b' x --force` to replace it.",
            ),
            (
                "access list",
                "Add `--exchange entra`, or `--exchange teams-extension`.",
                "Run `acspass access list --exchange entra`, or `acspass access list --exchange \
                 teams-extension`.",
            ),
            (
                "session export a;b",
                "Add `--force` to replace it, or name another file.",
                "Run `acspass session export 'a;b' --force` to replace it, or name another file.",
            ),
        ] {
            #[cfg(windows)]
            let expected = expected.replace('\'', "\"");
            assert_eq!(completed(hint, &arguments(line)), expected);
        }
    }

    #[test]
    fn other_hints_stay() {
        let long = format!("get {}", "x ".repeat(150));
        for (line, hint) in [
            ("status", "Add `--account ada`."),
            ("exec node --account x", "Add `--account ada`."),
            ("get", "Run `acspass login` without `--scope`."),
            ("get", "Use `key` alone, or `--account ada`."),
            (&*long, "Add `--account ada`."),
        ] {
            assert_eq!(completed(hint, &arguments(line)), hint);
        }
    }

    fn arguments(line: &str) -> Vec<OsString> {
        let words = line.split(' ').filter(|word| !word.is_empty());
        std::iter::once("acspass")
            .chain(words)
            .map(OsString::from)
            .collect()
    }
}
