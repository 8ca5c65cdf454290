//! The candidates for the word at the cursor: commands, options and their values.

use std::any::TypeId;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, Command};

use super::line::{Line, is_repeatable, takes_value};
use crate::acs::TokenScope;
use crate::config::{Setting, StoreChoice, default_scopes};
use crate::exchange::ExchangeKind;

/// The key of `config` that is not a [`Setting`].
const PROFILE: &str = "profile";

/// Text that can replace the word at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The whole word. It is empty for one of the kinds that the shell completes itself.
    pub(super) word: String,
    /// A description of one line, or the kind.
    pub(super) about: String,
}

impl Candidate {
    fn new(word: impl Into<String>, about: impl ToString) -> Candidate {
        Candidate {
            word: word.into(),
            about: about.to_string(),
        }
    }
}

/// The values that come from files of the user.
pub(super) trait Names {
    /// Returns the usernames of the signed-in accounts.
    fn accounts(&self) -> Vec<String>;
    /// Returns the names of the profiles.
    fn profiles(&self) -> Vec<String>;
}

/// Returns the candidates that begin with the word at the cursor.
pub(super) fn candidates(
    root: &Command,
    line: &Line<'_>,
    word: &str,
    names: &impl Names,
) -> Vec<Candidate> {
    let values = Values { root, line, names };
    let mut found = match (line.pending, word.split_once('=')) {
        (Some(arg), _) => values.of(arg, word),
        (None, _) if line.is_foreign => return kind("files"),
        (None, Some((option, value))) if option.starts_with("--") && !line.is_escaped => {
            let arg = option.strip_prefix("--").and_then(|name| line.long(name));
            let arg = arg.filter(|arg| takes_value(arg));
            let mut found = arg.map_or_else(Vec::new, |arg| values.of(arg, value));
            for candidate in &mut found {
                if !candidate.word.is_empty() {
                    candidate.word = format!("{option}={}", candidate.word);
                }
            }
            found
        }
        _ => values.of_command(word),
    };
    found.retain(|candidate| candidate.word.is_empty() || candidate.word.starts_with(word));
    found
}

/// Returns the instruction to the shell to complete words of this kind itself.
fn kind(kind: &str) -> Vec<Candidate> {
    vec![Candidate::new("", kind)]
}

fn about(command: &Command) -> String {
    command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// The shown commands below a command.
fn commands(command: &Command) -> impl Iterator<Item = Candidate> {
    let shown = command
        .get_subcommands()
        .filter(|below| !below.is_hide_set());
    // `help` is below each group of commands.
    let shown = shown.filter(|below| below.get_name() != "help" || command.get_name() == "acspass");
    shown.map(|below| Candidate::new(below.get_name(), about(below)))
}

/// The definition of the arguments, and the line before the cursor.
struct Values<'a, N> {
    root: &'a Command,
    line: &'a Line<'a>,
    names: &'a N,
}

impl<N: Names> Values<'_, N> {
    /// Returns commands, then values of the next argument, then options.
    fn of_command(&self, word: &str) -> Vec<Candidate> {
        let line = self.line;
        let is_option = word.starts_with('-') && !line.is_escaped;
        let mut found = Vec::new();
        if !is_option {
            if line.positionals.is_empty() && !line.is_escaped {
                found.extend(commands(line.command));
            }
            if let Some(arg) = line.positional() {
                found.extend(self.of(arg, word));
            }
        }
        if !line.is_escaped {
            self.add_options(is_option, &mut found);
        }
        found
    }

    /// Adds the options of the command, and after a `-` those of every command.
    fn add_options(&self, is_option: bool, found: &mut Vec<Candidate>) {
        let line = self.line;
        let is_common =
            |arg: &Arg| arg.is_global_set() || matches!(arg.get_id().as_str(), "help" | "version");
        let is_free =
            |arg: &Arg| is_repeatable(arg) || !line.given.contains(&arg.get_id().as_str());
        let shown = line
            .command
            .get_arguments()
            .filter(|arg| !arg.is_hide_set() && is_free(arg));
        let (common, own): (Vec<&Arg>, Vec<&Arg>) = shown.partition(|arg| is_common(arg));
        let common = common.into_iter().filter(|_| is_option);
        for arg in own.into_iter().chain(common) {
            if let Some(long) = arg.get_long() {
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                found.push(Candidate::new(format!("--{long}"), help));
            }
        }
    }

    /// Returns the values of an argument.
    fn of(&self, arg: &Arg, word: &str) -> Vec<Candidate> {
        let possible = arg.get_possible_values();
        if takes_value(arg) && !possible.is_empty() {
            let shown = possible.iter().filter(|value| !value.is_hide_set());
            return shown
                .map(|value| {
                    let help = value.get_help().map(ToString::to_string);
                    Candidate::new(value.get_name(), help.unwrap_or_default())
                })
                .collect();
        }
        match (&self.line.path[..], arg.get_id().as_str()) {
            (_, "account") | (["account", "switch"] | ["switch"], "user") => {
                bare(self.names.accounts())
            }
            (_, "profile") | (["profile", "use" | "delete"], "name") => bare(self.names.profiles()),
            (["store", "migrate"], "to") => persistent_stores(),
            (["config", _], "key") => settings(),
            (["config", "set"], "values") => self.of_setting(),
            (["user", "create"] | ["token", "issue"], "scope") => acs_scopes(word),
            (["login"], "scope") => entra_scopes(),
            (["help" | "man"], "command") => self.of_words(),
            _ => path_or_command(arg, word, self.line.is_escaped),
        }
    }

    /// Returns the values of the setting that was named.
    fn of_setting(&self) -> Vec<Candidate> {
        match self.line.positionals[..] {
            [PROFILE] => bare(self.names.profiles()),
            [key, ..] if key == Setting::Scopes.key() => entra_scopes(),
            [key] => {
                let setting = Setting::from_key(key).ok();
                let values = setting.map(Setting::fixed_values).unwrap_or_default();
                bare(values.iter().copied())
            }
            _ => Vec::new(),
        }
    }

    /// Returns the commands below the one that the words name.
    fn of_words(&self) -> Vec<Candidate> {
        let mut words = self.line.positionals.iter();
        let command = words.try_fold(self.root, |command, word| command.find_subcommand(word));
        command
            .map(|command| commands(command).collect())
            .unwrap_or_default()
    }
}

fn bare(words: impl IntoIterator<Item = impl Into<String>>) -> Vec<Candidate> {
    words
        .into_iter()
        .map(|word| Candidate::new(word, ""))
        .collect()
}

/// Returns the stores that keep items after a command.
fn persistent_stores() -> Vec<Candidate> {
    let stores = Setting::Store.fixed_values().iter().copied();
    bare(stores.filter(|store| *store != StoreChoice::Memory.as_str()))
}

fn settings() -> Vec<Candidate> {
    let profile = Candidate::new(PROFILE, "Default profile");
    let settings = Setting::ALL.map(|setting| Candidate::new(setting.key(), setting.summary()));
    std::iter::once(profile).chain(settings).collect()
}

/// Returns the scopes of a Communication token that do not precede the last comma of the word.
fn acs_scopes(word: &str) -> Vec<Candidate> {
    let (before, _) = word.rsplit_once(',').unwrap_or_default();
    let known = TokenScope::known().into_iter();
    let left = known.filter(|scope| !before.split(',').any(|given| given == *scope));
    match before {
        "" => bare(left),
        _ => bare(left.map(|scope| format!("{before},{scope}"))),
    }
}

fn entra_scopes() -> Vec<Candidate> {
    let kinds = [
        ExchangeKind::Key,
        ExchangeKind::Entra,
        ExchangeKind::TeamsExtension,
    ];
    bare(
        kinds
            .into_iter()
            .flat_map(|kind| default_scopes(kind).split(' ')),
    )
}

/// Leaves paths and names of programs to the shell.
fn path_or_command(arg: &Arg, word: &str, is_escaped: bool) -> Vec<Candidate> {
    let parsed = arg.get_value_parser().type_id();
    if arg.is_trailing_var_arg_set() {
        // Without a letter these are all programs of the machine.
        return match is_escaped || !word.is_empty() {
            true => kind("commands"),
            false => vec![Candidate::new("--", "Run a command")],
        };
    }
    let is_folder = arg
        .get_value_names()
        .is_some_and(|names| names.iter().any(|name| name == "DIR"));
    match parsed == TypeId::of::<PathBuf>() || parsed == TypeId::of::<OsString>() {
        true if is_folder => kind("folders"),
        true => kind("files"),
        false => Vec::new(),
    }
}
