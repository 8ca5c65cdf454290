//! Opens a page in the user's browser without a secret on any command line.
//!
//! Other users of a machine can read the arguments of every process. A sign-in address contains
//! `state`, `nonce` and the PKCE challenge, a dashboard's link a one-time ticket. So a browser gets
//! a [`Link`]: the address of a start page on our own listener, which contains no secret and
//! redirects this user's browser to the target; or, if the listener cannot tell users apart, the
//! address of a file that only this user can read.
//!
//! Whether a page really shows up is not known here. No address passes through a shell, and no
//! error repeats it.

mod launch;
mod link;
mod redirect_file;

use launch::RunningCommand;
pub use launch::{BrowserCommand, SystemBrowser};
pub use link::{Lent, Link};
pub use redirect_file::RedirectFile;

use crate::error::Result;

/// Opens a page for the user.
pub trait Browser: Send + Sync {
    /// Opens the page that `link` leads to. Returns without waiting for the browser to end. It may
    /// block for a quarter of a second: run it beside the wait for the answer, or before it.
    ///
    /// An implementation that starts a program passes it [`Link::lend`]'s address, and never
    /// [`Link::target`].
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if no program could be started, or if it failed at
    /// once; [`Kind::Internal`](crate::Kind::Internal) if an address is not a plain web address.
    fn open(&self, link: &Link) -> Result<Opened>;
}

/// A page that a browser was asked to open. Keep it until the page was used: dropping it deletes
/// the redirect file, if there is one.
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
    fn of_command(self, command: RunningCommand) -> Self {
        Opened {
            _command: Some(command),
            ..self
        }
    }

    /// Whether the page was opened by a redirect file, which this value keeps.
    pub fn is_by_file(&self) -> bool {
        self.file.is_some()
    }

    /// What opened the page.
    pub fn name(&self) -> &str {
        &self.by
    }
}
