//! The browser interface, and a page that was opened.

use super::link::Link;
use super::redirect_file::RedirectFile;
use super::running::RunningCommand;
use crate::error::Result;

/// Opens a page for the user.
pub trait Browser: Send + Sync {
    /// Opens the page that `link` leads to. Returns without waiting for the browser to end. It may
    /// block for 250 ms: run it before the wait for the response, or on another thread.
    ///
    /// An implementation that starts a program passes it [`Link::lend`]'s address, and never
    /// [`Link::target`].
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if no program could be started, or if it failed at
    /// once; [`Kind::Internal`](crate::Kind::Internal) if an address is not a plain web address.
    fn open(&self, link: &Link) -> Result<Opened>;
}

/// A page that a browser opens. Keep it until the page was used: dropping it deletes the redirect
/// file, if there is one.
#[derive(Debug)]
pub struct Opened {
    by: String,
    file: Option<RedirectFile>,
    _command: Option<RunningCommand>,
}

impl Opened {
    /// `by` completes a sentence such as "opened in {by}": `the default browser`, or the name of a
    /// command.
    pub fn by(by: impl Into<String>) -> Self {
        Opened {
            by: by.into(),
            file: None,
            _command: None,
        }
    }

    /// Keeps the redirect file until the page was used.
    #[must_use]
    pub fn keeping(self, file: Option<RedirectFile>) -> Self {
        Opened { file, ..self }
    }

    /// Waits for the browser command once this value is dropped, so that no zombie is left.
    pub(super) fn of_command(self, command: RunningCommand) -> Self {
        Opened {
            _command: Some(command),
            ..self
        }
    }

    /// Returns whether the page was opened by a redirect file, which this value keeps.
    pub fn is_by_file(&self) -> bool {
        self.file.is_some()
    }

    /// Returns the name of the program that opened the page.
    pub fn name(&self) -> &str {
        &self.by
    }
}
