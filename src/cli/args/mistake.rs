//! Turns clap's errors into usage errors: one sentence that quotes the value, and the next step.

use std::error::Error as _;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ColorChoice, CommandFactory, ValueEnum};

use super::Cli;
use super::format::Format;
use super::request::Request;
use super::secrets::next_step;
use super::suggestions;
use crate::cli::help::sections::sections;
use crate::cli::hints::{OTHER_PROGRAM, argument_word, own_words, with_options};
use crate::error::Error;
use crate::text::{after_noun, secret_form};

/// The longest command line that a hint repeats, in characters.
const MAX_COMMAND_LENGTH: usize = 200;

/// Translates clap's error about these arguments. Values that may be secrets are not repeated.
pub(crate) fn error_of(wrong: clap::Error, arguments: &[OsString]) -> Error {
    let mistake = Mistake {
        command: Request::of(arguments).words,
        typed: arguments,
        arguments: arguments
            .iter()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect(),
        wrong,
    };
    let (message, hint) = mistake.message_and_hint();
    let texts = [
        ContextKind::InvalidArg,
        ContextKind::InvalidSubcommand,
        ContextKind::InvalidValue,
    ];
    let form = texts
        .iter()
        .find_map(|kind| secret_form(mistake.text(*kind)?));
    let hint = match form {
        Some(form) => {
            let step = next_step(form);
            format!("Every process on this machine can read {form} here. {step}")
        }
        None => hint,
    };
    Error::usage(message, hint)
}

/// Clap's error, and the command line that it is about.
struct Mistake<'a> {
    /// The names of the command, as far as it was parsed.
    command: Vec<String>,
    typed: &'a [OsString],
    arguments: Vec<String>,
    wrong: clap::Error,
}

impl Mistake<'_> {
    fn message_and_hint(&self) -> (String, String) {
        let argument = self.text(ContextKind::InvalidArg).unwrap_or_default();
        let value = self.text(ContextKind::InvalidValue).unwrap_or_default();
        match self.wrong.kind() {
            ErrorKind::InvalidSubcommand => self.unknown_command(),
            ErrorKind::UnknownArgument => self.unknown_argument(argument),
            ErrorKind::InvalidValue | ErrorKind::TooFewValues if value.is_empty() => {
                let (name, placeholder) = split(argument);
                if !name.starts_with('-') {
                    return (format!("the argument {name} is empty"), self.example());
                }
                (
                    format!("{name} needs a value"),
                    format!("Run `{} {name} {placeholder}`.", self.name()),
                )
            }
            ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
                self.invalid_value(argument, value)
            }
            ErrorKind::ArgumentConflict => {
                let other = self.texts(ContextKind::PriorArg);
                let other = other.first().map(|name| split(name).0).unwrap_or_default();
                match split(argument).0 {
                    name if name == other => (
                        format!("{name} appears more than once"),
                        format!("Use {name} once."),
                    ),
                    name => (
                        format!("{name} cannot be used with {other}"),
                        format!("Remove {name} or {other}."),
                    ),
                }
            }
            ErrorKind::MissingRequiredArgument => {
                let missing = self.texts(ContextKind::InvalidArg);
                let missing: Vec<String> = missing.iter().map(|name| plain(name)).collect();
                let message = format!("missing argument: {}", missing.join(", "));
                (message, self.with_missing(&missing))
            }
            ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => (
                format!("missing command after `{}`", self.name()),
                self.see_help(),
            ),
            ErrorKind::InvalidUtf8 => (
                "an argument is not text in UTF-8".to_owned(),
                self.see_help(),
            ),
            ErrorKind::TooManyValues => {
                let (name, _) = split(argument);
                (format!("{name} takes no value"), format!("Use `{name}`."))
            }
            // Clap's own text repeats values that may be secrets.
            _ => (
                format!("invalid arguments for `{}`", self.name()),
                self.see_help(),
            ),
        }
    }

    fn unknown_command(&self) -> (String, String) {
        let word = self
            .text(ContextKind::InvalidSubcommand)
            .unwrap_or_default();
        let message = match self.command.is_empty() {
            true => format!("unknown command {}", after_noun(word)),
            false => format!(
                "unknown command {} after `{}`",
                after_noun(word),
                self.name()
            ),
        };
        let at = self.arguments.iter().position(|argument| argument == word);
        let next = at.and_then(|at| self.arguments.get(at + 1));
        let next = next.map(String::as_str).unwrap_or_default();
        if let Some(hint) = suggestions::for_command(&self.command, word, next) {
            return (message, hint.to_owned());
        }
        // The most similar name is the last one.
        let similar = self.texts(ContextKind::SuggestedSubcommand);
        let similar = similar.iter().rfind(|name| self.is_visible_command(name));
        let hint = similar.map(|name| format!("Run `{} {name}`.", self.name()));
        (message, hint.unwrap_or_else(|| self.see_help()))
    }

    fn unknown_argument(&self, argument: &str) -> (String, String) {
        let is_option = argument.starts_with('-');
        let message = match is_option {
            true => format!(
                "unknown option {} for `{}`",
                after_noun(argument),
                self.name()
            ),
            false => format!(
                "unexpected argument {} after `{}`",
                after_noun(argument),
                self.name()
            ),
        };
        if let Some(hint) = suggestions::for_option(&self.command, argument) {
            return (message, self.with_option(argument, hint));
        }
        let similar = self.texts(ContextKind::SuggestedArg);
        let hint = similar
            .first()
            .map(|name| self.with_option(argument, &format!("Use `{}`.", split(name).0)));
        (message, hint.unwrap_or_else(|| self.see_help()))
    }

    /// Completes a hint that names an option alone to the command line with this option in place of
    /// the wrong one.
    fn with_option(&self, wrong: &str, hint: &str) -> String {
        let option = hint
            .strip_prefix("Use `")
            .and_then(|rest| rest.strip_suffix("`."));
        let Some(option) = option else {
            return hint.to_owned();
        };
        let (name, value) = option.split_once(' ').unwrap_or((option, ""));
        // A value that the hint fixes replaces the user's.
        let is_fixed = value.chars().any(char::is_lowercase);
        let definition = self.definition();
        let root = Cli::command();
        let global = root.get_arguments().filter(|one| one.is_global_set());
        let mut all = definition.get_arguments().chain(global);
        let meant = all.find(|one| {
            one.get_long()
                .is_some_and(|long| name == format!("--{long}"))
        });
        let takes_value = match is_fixed {
            true => wrong == "--format",
            false => !value.is_empty() || meant.is_some_and(|one| one.get_action().takes_values()),
        };
        let misspelt = Some((wrong, takes_value));
        let (own, has_other) = own_words(&self.arguments, &definition, misspelt);
        let mut words = vec!["acspass".to_owned()];
        let mut rest = own.iter().skip(1).peekable();
        while let Some(argument) = rest.next() {
            let given = argument.strip_prefix(wrong);
            let given = given.filter(|given| given.is_empty() || given.starts_with('='));
            let Some(given) = given else {
                words.push(argument_word(argument));
                continue;
            };
            let next = rest.peek().filter(|next| !next.starts_with('-'));
            match is_fixed {
                true => words.push(option.to_owned()),
                false if value.is_empty() || next.is_some() || !given.is_empty() => {
                    words.push(argument_word(&format!("{name}{given}")));
                }
                false => words.push(option.to_owned()),
            }
            if is_fixed && takes_value && given.is_empty() && next.is_some() {
                rest.next();
            }
        }
        if has_other {
            words.push(OTHER_PROGRAM.to_owned());
        }
        let command = words.join(" ");
        match command.chars().count() <= MAX_COMMAND_LENGTH {
            true => format!("Run `{command}`."),
            false => format!("Run `{} {option}`.", self.name()),
        }
    }

    fn invalid_value(&self, argument: &str, value: &str) -> (String, String) {
        let (name, placeholder) = split(argument);
        let noun = match placeholder.as_str() {
            "DURATION" => "duration",
            _ => "value",
        };
        let message = format!("invalid {noun} {} for {name}", after_noun(value));
        let valid = match name.as_str() {
            // Clap knows the formats of the place of the option, and not those of the command.
            "--output" => Format::names_for(&self.command),
            _ => self.texts(ContextKind::ValidValue),
        };
        let hint = match (valid.is_empty(), self.wrong.source()) {
            (false, _) => format!("Use one of {}.", valid.join(", ")),
            (true, Some(hint)) => hint.to_string(),
            (true, None) => self.see_help(),
        };
        (message, hint)
    }

    fn name(&self) -> String {
        let words = std::iter::once("acspass").chain(self.command.iter().map(String::as_str));
        words.collect::<Vec<_>>().join(" ")
    }

    fn see_help(&self) -> String {
        format!("Run `{} --help`.", self.name())
    }

    /// Returns the hint with the first example of the command.
    fn example(&self) -> String {
        let words: Vec<&str> = self.command.iter().map(String::as_str).collect();
        match sections(&words).examples.first() {
            Some((example, _)) => format!(
                "Run, for example, `{example}`. `{} --help` explains the arguments.",
                self.name()
            ),
            None => self.see_help(),
        }
    }

    /// Returns the hint for arguments that are missing: the first example, or the typed command line with
    /// the missing options if there is no example with all that was typed.
    fn with_missing(&self, missing: &[String]) -> String {
        let is_bare = self.typed.len() == self.command.len() + 1;
        let are_options = missing.iter().all(|name| name.starts_with("--"));
        let completed = match are_options && !is_bare {
            true => with_options(self.typed, missing),
            false => None,
        };
        match completed {
            Some(command) => format!(
                "Run `{command}`. `{} --help` explains the arguments.",
                self.name()
            ),
            None => self.example(),
        }
    }

    /// Returns the definition of the command, as far as it was parsed.
    fn definition(&self) -> clap::Command {
        let root = Cli::command();
        let words = self.command.iter();
        let found = words.fold(&root, |command, word| {
            command.find_subcommand(word).unwrap_or(command)
        });
        found.clone()
    }

    /// Whether help shows this name: a hidden alias is never suggested.
    fn is_visible_command(&self, name: &str) -> bool {
        let parent = self.definition();
        let mut below = parent.get_subcommands();
        below.any(|command| command.get_name() == name && !command.is_hide_set())
    }

    fn text(&self, kind: ContextKind) -> Option<&str> {
        match self.wrong.get(kind) {
            Some(ContextValue::String(text)) => Some(text),
            _ => None,
        }
    }

    fn texts(&self, kind: ContextKind) -> Vec<String> {
        match self.wrong.get(kind) {
            Some(ContextValue::String(text)) => vec![text.clone()],
            Some(ContextValue::Strings(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }
}

/// Splits `--timeout <DURATION>` into the name and the placeholder.
fn split(argument: &str) -> (String, String) {
    let plain = plain(argument);
    match plain.split_once([' ', '=']) {
        Some((name, placeholder)) => (name.to_owned(), placeholder.to_owned()),
        None => (plain, "VALUE".to_owned()),
    }
}

/// Removes the marks of a usage line: the brackets around a placeholder, and the dots after one that can
/// be repeated.
fn plain(text: &str) -> String {
    let text = text.replace(['<', '>', '[', ']'], "");
    text.trim_end_matches("...").to_owned()
}

/// Whether the command line asks for JSON although it does not parse.
pub(crate) fn wants_json(arguments: &[OsString]) -> bool {
    last_value(arguments, Some('o'), "--output").is_some_and(|format| format == "json")
}

/// The colour that the command line asks for although it does not parse.
pub(crate) fn wanted_color(arguments: &[OsString]) -> ColorChoice {
    let color = last_value(arguments, None, "--color");
    let color = color.and_then(|color| ColorChoice::from_str(color, true).ok());
    color.unwrap_or_default()
}

/// Returns the value of an option with these names, before `--`. Flags can precede the short name, as in
/// `-qo json`.
fn last_value<'a>(arguments: &'a [OsString], short: Option<char>, long: &str) -> Option<&'a str> {
    let words = arguments
        .iter()
        .map(|word| word.to_str().unwrap_or_default());
    let words: Vec<&str> = words.take_while(|word| *word != "--").collect();
    let mut found = None;
    for (at, word) in words.iter().enumerate() {
        let value = match word.strip_prefix(long) {
            Some("") => words.get(at + 1).copied(),
            Some(value) => value.strip_prefix('='),
            None => match short.and_then(|short| after_flags(word)?.strip_prefix(short)) {
                Some("") => words.get(at + 1).copied(),
                Some(value) => Some(value.strip_prefix('=').unwrap_or(value)),
                None => None,
            },
        };
        found = value.or(found);
    }
    found
}

/// Returns what follows the flags of a cluster of short options.
fn after_flags(word: &str) -> Option<&str> {
    let cluster = word.strip_prefix('-')?;
    Some(cluster.trim_start_matches(['h', 'q', 'v']))
}
