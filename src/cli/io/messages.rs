//! Messages to the user, on standard error, wrapped at words to the width of a terminal.
//!
//! Control characters of foreign text are removed here. An address, and a command in backticks, is one
//! word of any length, so that it can be copied whole. An indented line is a command, an address or a
//! row of a table, and stays unchanged.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use textwrap::core::{Word, display_width};
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm, wrap};
use tracing::level_filters::LevelFilter;

use crate::text::{printable, without_secrets};

/// Longest line, in columns: longer ones are hard to read.
const MAX_LINE_COLUMNS: usize = 100;
/// Moves to the start of the line and clears it (ECMA-48).
const CLEAR_LINE: &str = "\r\u{1b}[K";

/// Standard error, shared by everything that prints messages while a command runs.
#[derive(Clone)]
pub(crate) struct Messages {
    stderr: Arc<Mutex<Stderr>>,
    /// `-q`: only errors, and messages that the user cannot do without.
    pub(crate) is_quiet: bool,
    /// The library events that are printed. Warnings are printed from [`LevelFilter::WARN`] on.
    pub(crate) level: LevelFilter,
    pub(crate) is_coloured: bool,
    /// The width of the terminal; `None` if standard error is no terminal that can rewrite a line.
    pub(crate) columns: Option<usize>,
}

struct Stderr {
    stream: Box<dyn Write + Send>,
    /// The last line is a status line, which the next output replaces.
    has_status: bool,
}

impl Messages {
    /// Prints to `stderr`: without colour and line breaks, at level `info`.
    pub(crate) fn new(stderr: impl Write + Send + 'static) -> Self {
        let stderr = Stderr {
            stream: Box::new(stderr),
            has_status: false,
        };
        Messages {
            stderr: Arc::new(Mutex::new(stderr)),
            is_quiet: false,
            level: LevelFilter::INFO,
            is_coloured: false,
            columns: None,
        }
    }

    /// Returns the width of the terminal, unless the user asked for quiet.
    pub(crate) fn columns(&self) -> Option<usize> {
        self.columns.filter(|_| !self.is_quiet)
    }

    /// Prints a message, unless the user asked for quiet.
    pub(crate) fn print(&self, text: &str) {
        if !self.is_quiet {
            self.print_always(text);
        }
    }

    /// Prints a message that the user cannot do without.
    pub(crate) fn print_always(&self, text: &str) {
        self.line(&wrapped("", &printable(text), self.columns));
    }

    /// Prints a warning, if the level includes warnings.
    pub(crate) fn warn(&self, text: &str) {
        if self.level >= LevelFilter::WARN {
            self.warn_always(text);
        }
    }

    /// Prints a warning at any level.
    pub(crate) fn warn_always(&self, text: &str) {
        let label = self.paint("33;1", "warning:");
        self.line(&self.labelled(&label, &without_secrets(text)));
    }

    /// Prints a question; the answer is typed behind it.
    pub(crate) fn ask(&self, text: &str) {
        self.write("", &printable(text), false);
    }

    /// Prints a line that the next output replaces. Returns `false` if standard error cannot do that.
    pub(crate) fn status(&self, text: &str) -> bool {
        let Some(columns) = self.columns() else {
            return false;
        };
        let text = printable(text);
        let text: String = text.chars().take(columns.saturating_sub(1)).collect();
        self.write(CLEAR_LINE, &text, true);
        true
    }

    /// Clears a status line.
    pub(crate) fn end_status(&self) {
        self.write("", "", false);
    }

    /// Draws lines of block characters, as dark ink on a light ground if colour is on.
    pub(crate) fn picture(&self, lines: &[String]) {
        let lines = lines.iter();
        let lines = lines.map(|line| format!("  {}", self.paint("38;5;16;48;5;231", line)));
        self.line(&lines.collect::<Vec<_>>().join("\n"));
    }

    /// Returns a label and its text; further lines of the text are indented to the first one.
    pub(super) fn labelled(&self, label: &str, text: &str) -> String {
        wrapped(&format!("{label} "), &printable(text), self.columns)
    }

    /// Returns `text` with an ANSI code (SGR) around it, if colour is on.
    pub(super) fn paint(&self, code: &str, text: &str) -> String {
        match self.is_coloured {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    pub(super) fn line(&self, text: &str) {
        self.write("", &format!("{text}\n"), false);
    }

    /// Writes `start`, or the end of a status line, and `text`. A closed standard error is no error.
    fn write(&self, start: &str, text: &str, is_status: bool) {
        let mut stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        let had_status = std::mem::replace(&mut stderr.has_status, is_status);
        let start = if had_status { CLEAR_LINE } else { start };
        let text = format!("{start}{text}");
        if !text.is_empty() {
            let _ = stderr.stream.write_all(text.as_bytes());
            let _ = stderr.stream.flush();
        }
    }
}

/// Returns a label and its text, wrapped if `columns` is known. Further lines are indented to the
/// first one's text.
fn wrapped(label: &str, text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else {
        return format!("{label}{text}");
    };
    let lines = text.split('\n').enumerate().map(|(number, line)| {
        let label = if number == 0 { label } else { "" };
        if line.starts_with(' ') {
            return format!("{label}{line}");
        }
        let hang = " ".repeat(display_width(label));
        let options = Options::new(columns.min(MAX_LINE_COLUMNS))
            .initial_indent(label)
            .subsequent_indent(&hang)
            .break_words(false)
            .wrap_algorithm(WrapAlgorithm::FirstFit)
            .word_splitter(WordSplitter::NoHyphenation)
            .word_separator(WordSeparator::Custom(words));
        wrap(line, options).join("\n")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Splits a line into words, each with the spaces behind it.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut words = Vec::new();
    let (mut start, mut in_command, mut after_space) = (0, false, false);
    for (at, c) in line.char_indices() {
        if after_space && c != ' ' && !in_command {
            words.push(Word::from(&line[start..at]));
            start = at;
        }
        if c == '`' {
            // An unpaired backtick is an ordinary character.
            in_command = !in_command && line[at + 1..].contains('`');
        }
        after_space = c == ' ';
    }
    words.push(Word::from(&line[start..]));
    Box::new(words.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_words_and_hang_under_the_first_ones_text() {
        let text = "sign in again, and take care that nothing is cut";
        let expected =
            "hint: sign in again,\n      and take care\n      that nothing\n      is cut";
        assert_eq!(wrapped("hint: ", text, Some(20)), expected);
        let coloured = expected.replacen("hint:", "\u{1b}[1mhint:\u{1b}[0m", 1);
        let label = "\u{1b}[1mhint:\u{1b}[0m ";
        assert_eq!(wrapped(label, text, Some(20)), coloured);
        assert_eq!(wrapped("hint: ", text, None), format!("hint: {text}"));
    }

    #[test]
    fn what_is_to_be_copied_stays_whole() {
        let text = "run `acspass config set client-id GUID` now";
        let expected = "run\n`acspass config set client-id GUID`\nnow";
        assert_eq!(wrapped("", text, Some(20)), expected);
        let address = format!("https://login.test/{}", "x".repeat(50));
        let expected = format!("see\n{address}\nfirst");
        assert_eq!(
            wrapped("", &format!("see {address} first"), Some(20)),
            expected
        );
        let lines = "Open this:\n\n  ssh -L 8400:localhost:8400 host.example\n";
        assert_eq!(wrapped("", lines, Some(20)), lines);
        assert_eq!(wrapped("", "one ` two three", Some(9)), "one ` two\nthree");
    }

    #[test]
    fn no_line_is_wider_than_is_good_to_read() {
        let text = "word ".repeat(60);
        let widest = |columns| {
            let text = wrapped("", text.trim(), Some(columns));
            text.lines().map(str::len).max()
        };
        assert_eq!(widest(80), Some(79));
        assert_eq!(widest(300), Some(99));
    }
}
