//! The result on standard output, and the error that ends a command on standard error.

use std::io::{self, Write};

use askama::Template;
use serde::Serialize;
use tracing::level_filters::LevelFilter;

use crate::error::{Error, Kind, Result};
use crate::json::{self, causes};
use crate::text::{as_sentence, printable, printable_json, without_secrets};

use super::messages::Messages;
use super::report::Report;
use super::style::Style;

/// Standard output, and the messages beside it.
pub(crate) struct Output {
    stdout: Box<dyn Write + Send>,
    pub(crate) messages: Messages,
    pub(crate) is_json: bool,
    /// The colours and symbols of standard output.
    pub(crate) style: Style,
    /// Standard output is a terminal: JSON is indented.
    pub(crate) is_terminal: bool,
    /// The width of that terminal, if known.
    pub(crate) columns: Option<usize>,
    /// The reader of standard output has closed it: a command that prints many results may stop.
    pub(crate) is_closed: bool,
}

impl Output {
    pub(crate) fn new(stdout: Box<dyn Write + Send>, messages: Messages, is_json: bool) -> Self {
        Output {
            stdout,
            messages,
            is_json,
            style: Style::default(),
            is_terminal: false,
            columns: None,
            is_closed: false,
        }
    }

    /// Prints the result: `json` with `--output json`, else `text` if there is any. JSON is one line, or
    /// indented on a terminal. Returns the exit code of success.
    pub(crate) fn print_result(&mut self, text: &str, json: &impl Serialize) -> Result<u8> {
        match self.is_json {
            true => self.print_json(json),
            false => self.print_line(&printable(text)),
        }
    }

    /// Prints the result as JSON.
    pub(crate) fn print_json(&mut self, json: &impl Serialize) -> Result<u8> {
        let text = match self.is_terminal {
            true => serde_json::to_string_pretty(json),
            false => serde_json::to_string(json),
        };
        let text = text.map_err(|_| Error::internal("the result could not be written as JSON"))?;
        // A line break between two lines of JSON is no part of a string.
        let lines = text.lines().map(printable_json);
        self.print_line(&lines.collect::<Vec<_>>().join("\n"))
    }

    /// Returns an empty report for standard output.
    pub(crate) fn report(&self) -> Report {
        Report::new(self.style, self.columns)
            .with_global_options(self.messages.global_options.clone())
    }

    /// Prints the result as text.
    pub(crate) fn print_report(&mut self, report: Report) -> Result<u8> {
        self.print_line(&report.into_text())
    }

    fn print_line(&mut self, line: &str) -> Result<u8> {
        match line.is_empty() {
            true => Ok(0),
            false => self.write_bytes(format!("{line}\n").as_bytes()),
        }
    }

    /// Writes bytes unchanged. A closed pipe is not an error. Returns the exit code of success.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) -> Result<u8> {
        self.messages.end_status();
        let written = self.stdout.write_all(bytes);
        match written.and_then(|()| self.stdout.flush()) {
            Ok(()) => Ok(0),
            // The reader has read enough, as in `acspass man | head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(0)
            }
            Err(error) => Err(Error::new(
                Kind::Internal,
                "the result could not be written to standard output",
                "Check the destination of standard output.",
            )
            .caused_by(error)),
        }
    }

    /// Prints an error with its nearest cause, or all causes with `-v`. It is the last output on standard
    /// error.
    pub(crate) fn error(&self, error: &Error) {
        let messages = &self.messages;
        if self.is_json {
            return messages.line(&json::error(error).to_string());
        }
        let paragraph = |label: &str, text: &str| messages.labelled(label, &without_secrets(text));
        let label = messages.style.paint("31;1", "error:");
        let mut lines = vec![paragraph(&label, error.message())];
        let causes = causes(error);
        let shown = match messages.level >= LevelFilter::DEBUG {
            true => causes.len(),
            false => 1,
        };
        let causes = causes.iter().take(shown);
        lines.extend(causes.map(|cause| paragraph("  caused by:", cause)));
        let code = error.code();
        lines.extend(code.map(|code| messages.labelled("  code:", code)));
        let id = error.correlation_id();
        lines.extend(id.map(|id| messages.labelled("  correlation id:", id)));
        lines.push(String::new());
        // Further lines are a list, or advice with a label of its own.
        let hint = match error.hint().split_once('\n') {
            Some((first, rest)) => format!("{}\n{rest}", as_sentence(first)),
            None => as_sentence(error.hint()),
        };
        lines.push(paragraph(&messages.style.paint("1", "hint:"), &hint));
        messages.line(&lines.join("\n"));
    }
}

/// Renders a template of `assets`, with the line break that askama removes from the end of its file.
///
/// # Errors
/// [`Kind::Internal`] if the template fails.
pub(crate) fn render(template: &impl Template) -> Result<String> {
    let text = template.render();
    text.map(|text| text + "\n")
        .map_err(|_| Error::internal("a template could not be rendered"))
}
