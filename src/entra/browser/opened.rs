//! The browser interface, and a page that was opened.

use std::process::Child;

use super::link::Link;
use super::redirect_file::RedirectFile;
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

    /// Collects the exit status of the browser command once this value is dropped.
    pub(super) fn of_command(self, command: Child) -> Self {
        Opened {
            _command: Some(RunningCommand(Some(command))),
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

/// A browser command that still runs.
#[derive(Debug)]
struct RunningCommand(Option<Child>);

impl Drop for RunningCommand {
    /// Waits on a thread, so that no zombie stays for the life of this process.
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take()
            && !matches!(child.try_wait(), Ok(Some(_)))
        {
            let thread = std::thread::Builder::new().name("browser".to_owned());
            let _ = thread.spawn(move || child.wait());
        }
    }
}
