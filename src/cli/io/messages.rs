//! Messages to the user, on standard error, wrapped at words to the width of a terminal.
//!
//! Control characters of foreign text are removed here.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::level_filters::LevelFilter;

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
            style: Style::default(),
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
        let label = self.style.paint("33;1", "warning:");
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
        let lines = lines.map(|line| format!("  {}", self.style.paint("38;5;16;48;5;231", line)));
        self.line(&lines.collect::<Vec<_>>().join("\n"));
    }

    /// Returns a label and its text; further lines of the text are indented to the first one.
    pub(super) fn labelled(&self, label: &str, text: &str) -> String {
        wrapped(&format!("{label} "), &printable(text), self.columns)
    }

    /// Prints lines unchanged: the caller has wrapped and cleaned them.
    pub(crate) fn line(&self, text: &str) {
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
