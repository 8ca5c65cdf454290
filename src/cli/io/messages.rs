//! Messages to the user, on standard error, wrapped at words to the width of a terminal.
//!
//! Control characters of foreign text are removed here.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::level_filters::LevelFilter;

use crate::cli::hints::global_options::GlobalOptions;
use crate::text::{printable, without_secrets};

use super::style::Style;
use super::wrap::wrapped;

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
    pub(crate) style: Style,
    /// The width of the terminal; `None` if standard error is no terminal that can rewrite a line.
    pub(crate) columns: Option<usize>,
    /// Added to the commands of this program in a message.
    pub(crate) global_options: GlobalOptions,
}

struct Stderr {
    stream: Box<dyn Write + Send>,
    /// The last line, if the next output replaces it.
    replaceable: Option<LastLine>,
    /// Waits are not shown: the command draws its own progress, or runs until it is stopped.
    hides_waits: bool,
}

/// A last line that the next output replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastLine {
    /// The status of the command, such as a countdown.
    Status,
    /// The wait with this number.
    Wait(u64),
}

impl Messages {
    /// Prints to `stderr`: without colour and line breaks, at level `info`.
    pub(crate) fn new(stderr: impl Write + Send + 'static) -> Self {
        let stderr = Stderr {
            stream: Box::new(stderr),
            replaceable: None,
            hides_waits: false,
        };
        Messages {
            stderr: Arc::new(Mutex::new(stderr)),
            is_quiet: false,
            level: LevelFilter::INFO,
            style: Style::default(),
            columns: None,
            global_options: GlobalOptions::default(),
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
        let text = self.global_options.added_to(text);
        self.line(&wrapped("", &printable(&text), self.columns));
    }

    /// Prints a warning, if the level includes warnings.
    pub(crate) fn warn(&self, text: &str) {
        if self.level >= LevelFilter::WARN {
            self.warn_always(text);
        }
    }

    /// Prints a warning at any level.
    pub(crate) fn warn_always(&self, text: &str) {
        let label = self.style.paint("33;1", "warning:");
        let text = self.global_options.added_to(&without_secrets(text));
        self.line(&self.labelled(&label, &text));
    }

    /// Prints a question; the answer is typed behind it.
    pub(crate) fn ask(&self, text: &str) {
        let question = text.trim_end_matches(' ');
        let space = &text[question.len()..];
        let question = wrapped("", &printable(question), self.columns);
        self.write("", &format!("{question}{space}"));
    }

    /// Prints a line that the next output replaces. Returns `false` if standard error cannot do that.
    pub(crate) fn status(&self, text: &str) -> bool {
        let Some(columns) = self.columns() else {
            return false;
        };
        let line = cut(text, columns);
        write(
            &mut self.stderr(),
            CLEAR_LINE,
            &line,
            Some(LastLine::Status),
        );
        true
    }

    /// Clears a status line.
    pub(crate) fn end_status(&self) {
        write(&mut self.stderr(), "", "", None);
    }

    /// Shows a wait, unless a status line is shown. Waits have different numbers.
    pub(super) fn show_wait(&self, number: u64, text: &str) {
        let (Some(columns), mut stderr) = (self.columns(), self.stderr()) else {
            return;
        };
        if stderr.hides_waits || stderr.replaceable == Some(LastLine::Status) {
            return;
        }
        let (line, last) = (cut(text, columns), LastLine::Wait(number));
        write(&mut stderr, CLEAR_LINE, &line, Some(last));
    }

    /// Clears the line of a wait, if it is still shown.
    pub(super) fn end_wait(&self, number: u64) {
        let mut stderr = self.stderr();
        if stderr.replaceable == Some(LastLine::Wait(number)) {
            write(&mut stderr, "", "", None);
        }
    }

    /// Shows no waits from now on: the command draws its own progress, or runs until it is stopped.
    pub(crate) fn hide_waits(&self) {
        let mut stderr = self.stderr();
        stderr.hides_waits = true;
        if let Some(LastLine::Wait(_)) = stderr.replaceable {
            write(&mut stderr, "", "", None);
        }
    }

    /// Prints a line of the log, in a faint colour.
    pub(super) fn log(&self, text: &str) {
        let line = wrapped("", &printable(text), self.columns);
        self.line(&self.style.paint("2", &line));
    }

    /// Draws lines of block characters, as dark ink on a light ground if colour is on.
    pub(crate) fn picture(&self, lines: &[String]) {
        let lines = lines.iter();
        let lines = lines.map(|line| format!("  {}", self.style.paint("38;5;16;48;5;231", line)));
        self.line(&lines.collect::<Vec<_>>().join("\n"));
    }

    /// Returns a label and its text; further lines of the text are indented to the first one.
    pub(super) fn labelled(&self, label: &str, text: &str) -> String {
        wrapped(&format!("{label} "), &printable(text), self.columns)
    }

    /// Prints lines unchanged: the caller has wrapped and cleaned them.
    pub(crate) fn line(&self, text: &str) {
        self.write("", &format!("{text}\n"));
    }

    fn write(&self, start: &str, text: &str) {
        write(&mut self.stderr(), start, text, None);
    }

    fn stderr(&self) -> MutexGuard<'_, Stderr> {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes `start`, or the end of a replaceable line, and `text`. A closed standard error is no error.
fn write(stderr: &mut Stderr, start: &str, text: &str, last: Option<LastLine>) {
    let start = match std::mem::replace(&mut stderr.replaceable, last) {
        Some(_) => CLEAR_LINE,
        None => start,
    };
    let text = format!("{start}{text}");
    if !text.is_empty() {
        let _ = stderr.stream.write_all(text.as_bytes());
        let _ = stderr.stream.flush();
    }
}

/// Returns a line that leaves the last column free, so that the terminal does not wrap it.
fn cut(text: &str, columns: usize) -> String {
    let text = printable(text);
    text.chars().take(columns.saturating_sub(1)).collect()
}
