//! Completes a command line for a shell: `acspass __complete INDEX -- WORDS…`, which the scripts of
//! `acspass completions` call.
//!
//! `WORDS` begins with the program, and `INDEX` is the place of the word at the cursor. A line of the
//! output is a candidate, a tab and a description. A line without a candidate names the kind of words
//! that the shell completes itself: `files`, `folders` or `commands`.
//!
//! Reads `config.toml` and the index. Opens no store and no connection, and prints no error.

mod candidates;
mod line;
mod names;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::Write;

use clap::CommandFactory;

use self::candidates::{Candidate, candidates};
use self::line::Line;
use self::names::UserFiles;
use super::args::Cli;
use super::environment::Environment;

/// The word that calls the completion. It is no command of the definition, so that no list of commands
/// has it.
const WORD: &str = "__complete";

/// Returns whether these arguments call the completion.
pub(super) fn is_called(arguments: &[OsString]) -> bool {
    arguments.get(1).is_some_and(|word| word == WORD)
}

/// Prints the candidates. Prints nothing if the arguments are not those of a script.
pub(super) fn print(arguments: &[OsString], env: Environment, mut stdout: impl Write) {
    if let Some(text) = text(arguments, env) {
        // The shell may have stopped reading.
        let _ = stdout.write_all(text.as_bytes());
        let _ = stdout.flush();
    }
}

fn text(arguments: &[OsString], env: Environment) -> Option<String> {
    let [index, dashes, words @ ..] = arguments.get(2..)? else {
        return None;
    };
    let index: usize = index.to_str()?.parse().ok()?;
    if dashes != "--" || index == 0 || index > words.len() {
        return None;
    }
    let words = words.iter().take(index + 1).skip(1);
    let mut words: Vec<String> = words
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let word = match words.len() == index {
        true => words.pop()?,
        false => String::new(),
    };
    let mut root = Cli::command();
    root.build();
    let line = Line::read(&root, &words);
    let names = UserFiles::new(env, line.profile, line.emulator);
    let found = candidates(&root, &line, &word, &names);
    Some(found.iter().map(row).collect())
}

fn row(candidate: &Candidate) -> String {
    let about: Vec<&str> = candidate.about.split_whitespace().collect();
    match about.is_empty() {
        true => format!("{}\n", candidate.word),
        false => format!("{}\t{}\n", candidate.word, about.join(" ")),
    }
}
