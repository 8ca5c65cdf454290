//! The only writer: the result to standard output, everything said to a person to standard error.
//!
//! Text from outside loses its control characters here, whatever it is part of; errors are
//! rendered here, and nowhere else is their chain walked.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tracing::level_filters::LevelFilter;

use crate::error::{Error, Result};
use crate::json::{self, causes, clean};
use crate::text::{printable_json, without_secrets};

use super::wrap::wrapped;

/// How much is said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verbosity {
    /// `-q`: only errors, and what the user cannot do without.
    pub(crate) is_quiet: bool,
    /// Which events of the library are shown, and whether warnings are.
    pub(crate) level: LevelFilter,
}

impl Default for Verbosity {
    fn default() -> Self {
        Verbosity {
            is_quiet: false,
            level: LevelFilter::INFO,
        }
    }
}

/// Standard output and standard error, and how they are to be used.
pub(crate) struct Output {
    stdout: Box<dyn Write + Send>,
    messages: Messages,
    pub(crate) is_json: bool,
    /// Whoever read standard output has closed it.
    reader_is_gone: bool,
}

/// Standard error: shared with whatever else talks to the user while a command runs.
#[derive(Clone)]
pub(crate) struct Messages {
    stderr: Arc<Mutex<Stderr>>,
    loudness: Verbosity,
    is_coloured: bool,
    /// How wide the terminal is, where there is one that can rewrite a line.
    columns: Option<usize>,
}

struct Stderr {
    stream: Box<dyn Write + Send>,
    /// A line stands there that the next one takes the place of.
    has_status: bool,
}

/// Goes to the start of the line and clears it.
const CLEAR_LINE: &str = "\r\u{1b}[K";

impl Output {
    pub(crate) fn new(stdout: Box<dyn Write + Send>, messages: Messages, is_json: bool) -> Self {
        Output {
            stdout,
            messages,
            is_json,
            reader_is_gone: false,
        }
    }

    pub(crate) fn messages(&self) -> &Messages {
        &self.messages
    }

    /// Whether nobody reads the result any more: what makes more of it may stop.
    pub(crate) fn is_closed(&self) -> bool {
        self.reader_is_gone
    }

    /// Prints the result: `text` line by line, or `json` in one line.
    pub(crate) fn result(&mut self, text: &str, json: &impl Serialize) -> Result<()> {
        let line = match self.is_json {
            true => printable_json(
                &serde_json::to_string(json)
                    .map_err(|_| Error::internal("the result could not be written as JSON"))?,
            ),
            false => clean(text),
        };
        if line.is_empty() {
            return Ok(());
        }
        self.raw(format!("{line}\n").as_bytes())
    }

    /// Prints what is neither text nor JSON: a completion script, a manual page.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.messages.end_status();
        match self
            .stdout
            .write_all(bytes)
            .and_then(|()| self.stdout.flush())
        {
            // Whoever reads has enough: `acspass man | head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.reader_is_gone = true;
                Ok(())
            }
            Err(error) => Err(Error::new(
                crate::Kind::Internal,
                "the result could not be written to standard output",
                "see where standard output goes",
            )
            .caused_by(error)),
            Ok(()) => Ok(()),
        }
    }

    /// Prints an error, with its chain of causes, as the last thing on standard error.
    pub(crate) fn error(&self, error: &Error) {
        if self.is_json {
            self.messages.line(&json::error(error).to_string());
            return;
        }
        let mut paragraphs = vec![self.messages.labelled(
            &self.messages.bold_red("error:"),
            &without_secrets(error.message()),
        )];
        for cause in causes(error) {
            paragraphs.push(
                self.messages
                    .labelled("  caused by:", &without_secrets(&cause)),
            );
        }
        if let Some(code) = error.code() {
            paragraphs.push(self.messages.labelled("  code:", code));
        }
        if let Some(id) = error.correlation_id() {
            paragraphs.push(self.messages.labelled("  correlation id:", id));
        }
        paragraphs.push(String::new());
        paragraphs.push(
            self.messages
                .labelled(&self.messages.bold("hint:"), &without_secrets(error.hint())),
        );
        self.messages.line(&paragraphs.join("\n"));
    }
}

impl Messages {
    pub(crate) fn new(
        stderr: Box<dyn Write + Send>,
        loudness: Verbosity,
        is_coloured: bool,
        columns: Option<usize>,
    ) -> Self {
        Messages {
            stderr: Arc::new(Mutex::new(Stderr {
                stream: stderr,
                has_status: false,
            })),
            loudness,
            is_coloured,
            columns,
        }
    }

    pub(crate) fn columns(&self) -> Option<usize> {
        self.columns.filter(|_| !self.loudness.is_quiet)
    }

    pub(crate) fn is_coloured(&self) -> bool {
        self.is_coloured
    }

    /// Shows a line until the next one takes its place; `false` where that cannot be.
    pub(crate) fn status(&self, text: &str) -> bool {
        let Some(columns) = self.columns() else {
            return false;
        };
        let text: String = clean(text)
            .chars()
            .take(columns.saturating_sub(1))
            .collect();
        let mut stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        stderr.has_status = true;
        stderr.write(&format!("{CLEAR_LINE}{text}"));
        true
    }

    /// Clears a line that waits for the next one.
    pub(crate) fn end_status(&self) {
        let mut stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut stderr.has_status) {
            stderr.write(CLEAR_LINE);
        }
    }

    /// Draws lines of blocks: as dark ink on a light ground, where there is colour.
    pub(crate) fn picture(&self, lines: &[String]) {
        let lines = lines.iter();
        let text: Vec<String> = lines
            .map(|line| format!("  {}", self.paint("38;5;16;48;5;231", line)))
            .collect();
        self.line(&text.join("\n"));
    }

    pub(crate) fn level(&self) -> LevelFilter {
        self.loudness.level
    }

    /// Says something to the user, unless they asked for quiet.
    pub(crate) fn print(&self, text: &str) {
        if !self.loudness.is_quiet {
            self.print_always(text);
        }
    }

    /// Says something that the user cannot do without, however quiet it is to be.
    pub(crate) fn print_always(&self, text: &str) {
        self.line(&wrapped("", &clean(text), self.columns));
    }

    /// Asks for something to be typed behind it.
    pub(crate) fn ask(&self, text: &str) {
        self.end_status();
        let mut stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        stderr.write(&clean(text));
    }

    /// Warns the user, if the level includes warnings.
    pub(crate) fn warn(&self, text: &str) {
        if self.loudness.level >= LevelFilter::WARN {
            self.warn_always(text);
        }
    }

    /// Warns, however quiet it is to be.
    pub(crate) fn warn_always(&self, text: &str) {
        let label = self.paint("33;1", "warning:");
        self.line(&self.labelled(&label, &without_secrets(text)));
    }

    /// The text behind a label, under which its further lines hang.
    fn labelled(&self, label: &str, text: &str) -> String {
        wrapped(&format!("{label} "), &clean(text), self.columns)
    }

    pub(crate) fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn bold_red(&self, text: &str) -> String {
        self.paint("31;1", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.is_coloured {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    /// Writes a line. Where standard error is gone there is nobody left to tell.
    fn line(&self, text: &str) {
        self.end_status();
        let mut stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        stderr.write(&format!("{text}\n"));
    }
}

impl Stderr {
    fn write(&mut self, text: &str) {
        let _ = self
            .stream
            .write_all(text.as_bytes())
            .and_then(|()| self.stream.flush());
    }
}
