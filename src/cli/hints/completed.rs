//! Completes an option in a hint, as in "Add `--tenant TENANT`", to the command that the user ran, with
//! this option.

use std::ffi::OsString;

use clap::{Arg, Command, CommandFactory};

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
            .with(&[part.to_owned()])
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

/// Returns the command line that the user typed, with these options in addition. An option that has only
/// one value gets it. `None` if the line cannot be repeated.
pub(in crate::cli) fn with_options(arguments: &[OsString], options: &[String]) -> Option<String> {
    let line = CommandLine::of(arguments)?;
    let options: Vec<String> = options.iter().map(|option| line.valued(option)).collect();
    line.with(&options)
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

/// Stands for another program's command line, which can hold a secret, so that no message repeats it.
pub(in crate::cli) const OTHER_PROGRAM: &str = "-- CMD";

/// Returns the words before another program's command line, and whether there is one. `misspelt` is an
/// option that the command does not have, and whether it takes a value.
pub(in crate::cli) fn own_words<'w, W: AsRef<str>>(
    words: &'w [W],
    command: &Command,
    misspelt: Option<(&str, bool)>,
) -> (&'w [W], bool) {
    let is = |wanted: &str| words.iter().position(|word| word.as_ref() == wanted);
    if command.get_name() != "exec" {
        return match is("--") {
            Some(end) => (&words[..end], true),
            None => (words, false),
        };
    }
    let mut at = is("exec").map_or(0, |name| name + 1);
    while let Some(word) = words.get(at).map(AsRef::as_ref) {
        let is_option = word.starts_with('-') && !["-", "--"].contains(&word);
        let takes_value = is_option.then(|| takes_value(word, command, misspelt));
        let Some(takes_value) = takes_value.flatten() else {
            return (&words[..at], true);
        };
        at += if takes_value { 2 } else { 1 };
    }
    (words, false)
}

/// Returns whether the next word is the value of this option; `None` if there is no such option.
fn takes_value(option: &str, command: &Command, misspelt: Option<(&str, bool)>) -> Option<bool> {
    let (name, has_value) = match option.split_once('=') {
        Some((name, _)) => (name, true),
        None => (option, false),
    };
    let root = Cli::command();
    let global = root.get_arguments().filter(|one| one.is_global_set());
    let mut all = command.get_arguments().chain(global);
    let found = match name.strip_prefix("--") {
        Some(name) => all.find(|argument| argument.get_long() == Some(name)),
        None => {
            let last = name.chars().next_back();
            all.find(|argument| argument.get_short().is_some() && argument.get_short() == last)
        }
    };
    let takes_value = match (found, misspelt) {
        (Some(found), _) => found.get_action().takes_values(),
        (None, Some((misspelt, takes_value))) if misspelt == name => takes_value,
        (None, _) => return None,
    };
    Some(takes_value && !has_value)
}

/// Returns the name of an option with a value.
fn flag_of(option: &str) -> &str {
    option.split(' ').next().unwrap_or(option)
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

    /// Returns the definition of an option such as `--account USER`.
    fn option(&self, option: &str) -> Option<&Arg> {
        let name = flag_of(option).strip_prefix("--")?;
        let global = self.root.get_arguments().filter(|one| one.is_global_set());
        self.command
            .get_arguments()
            .chain(global)
            .find(|argument| argument.get_long() == Some(name))
    }

    /// Returns an option with its value instead of the placeholder, if it has only one value.
    fn valued(&self, option: &str) -> String {
        let values = self.option(option).map(Arg::get_possible_values);
        match values.as_deref() {
            Some([only]) => format!("{} {}", flag_of(option), only.get_name()),
            _ => option.to_owned(),
        }
    }

    /// Returns the command line with these options, in place of their former values. `None` if the
    /// command does not have one of them.
    fn with(&self, options: &[String]) -> Option<String> {
        for option in options {
            self.option(option)?;
        }
        let (own, has_other) = own_words(&self.words, &self.command, None);
        let mut words = vec!["acspass".to_owned()];
        let mut rest = own.iter();
        while let Some(word) = rest.next() {
            let same = options.iter().find_map(|option| {
                let value = word.strip_prefix(flag_of(option))?;
                (value.is_empty() || value.starts_with('=')).then_some((option, value))
            });
            match same {
                Some((option, "")) if option.contains(' ') => drop(rest.next()),
                Some(_) => {}
                None => words.push(argument_word(word)),
            }
        }
        words.extend_from_slice(options);
        if has_other {
            words.push(OTHER_PROGRAM.to_owned());
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
                "exec --account x node --account hunter2",
                "Add `--account ada`.",
                "Run `acspass exec --account ada -- CMD`.",
            ),
            (
                "exec -o json --server npm --token=hunter2 -- x",
                "Use `--profile work`.",
                "Run `acspass exec -o json --server --profile work -- CMD`.",
            ),
            (
                "--profile wrok emulator exec npm test",
                "Use `--profile work`.",
                "Run `acspass emulator exec --profile work -- CMD`.",
            ),
            (
                "exec --profile=wrok --server",
                "Use `--profile work`.",
                "Run `acspass exec --server --profile work`.",
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
