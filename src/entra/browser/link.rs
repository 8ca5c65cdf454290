//! A page to open in a browser: its address with secrets, and the address by which a browser gets
//! there.

use std::fmt;
use std::process::Child;

use zeroize::Zeroizing;

use super::redirect_file::RedirectFile;
use crate::entra::redirect::Progress;
use crate::error::{Error, Kind, Result};
use crate::files::Folder;

/// A page to open in a browser. Its target contains secrets; its start page, if any, does not.
#[derive(Clone)]
pub struct Link {
    target: Zeroizing<String>,
    start: Option<String>,
    progress: Progress,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("target", &"[redacted]")
            .field("start", &self.start)
            .finish()
    }
}

impl Link {
    /// A link to `target` without a start page: browsers get it by a redirect file.
    pub fn new(target: impl Into<String>) -> Self {
        Link {
            target: Zeroizing::new(target.into()),
            start: None,
            progress: Progress::default(),
        }
    }

    /// Adds the address of a start page that redirects this user's browser, and no other user's, to
    /// the target. The address must contain no secret.
    #[must_use]
    pub fn with_start(self, start: impl Into<String>) -> Self {
        Link {
            start: Some(start.into()),
            ..self
        }
    }

    /// Adds the progress of the listener that waits for the result of the page.
    #[must_use]
    pub fn with_progress(self, progress: Progress) -> Self {
        Link { progress, ..self }
    }

    /// Returns the progress of the listener that waits for the result of the page.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Returns the page's address. For this process, and for the user's terminal if there is no
    /// start page; never for a command line, a log or a file that others can read.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the address of the start page, which is not secret.
    pub fn start(&self) -> Option<&str> {
        self.start.as_deref()
    }

    /// Returns the address to print for the user: the start page if there is one.
    pub fn printed(&self) -> &str {
        self.start().unwrap_or(&self.target)
    }

    /// Returns an address that may be on a command line: the start page, or else a redirect file
    /// that is created in `folder`.
    ///
    /// # Errors
    /// [`Kind::Usage`] if there is neither; [`Kind::Store`] if the file cannot be created.
    pub fn lend(&self, folder: Option<&Folder>) -> Result<Lent> {
        match (&self.start, folder) {
            (Some(start), _) => Ok(Lent {
                address: start.clone(),
                file: None,
            }),
            (None, Some(folder)) => {
                let file = RedirectFile::create(folder, &self.target)?;
                Ok(Lent {
                    address: file.address()?,
                    file: Some(file),
                })
            }
            (None, None) => Err(Error::new(
                Kind::Usage,
                "this system does not report which user opens a page, and there is no private \
                 folder for a redirect file",
                "Open the printed address in a browser.",
            )),
        }
    }
}

/// An address for a command line.
pub struct Lent {
    /// The address, of the scheme `http` or `file`.
    pub address: String,
    /// The file behind it. Keep it until the page was used.
    pub file: Option<RedirectFile>,
}

/// Opens a page for the user.
pub trait Browser: Send + Sync {
    /// Opens the page that `link` leads to. Returns without waiting for the browser to end. It may
    /// block for 250 ms: run it before the wait for the response, or on another thread.
    ///
    /// An implementation that starts a program passes it [`Link::lend`]'s address, and never
    /// [`Link::target`].
    ///
    /// # Errors
    /// [`Kind::Usage`] if no program could be started, or if it failed at
    /// once; [`Kind::Internal`] if an address is not a plain web address.
    fn open(&self, link: &Link) -> Result<Opened>;
}

/// A page that a browser opens. Keep it until the page was used: dropping it deletes the redirect
/// file, if there is one.
#[derive(Debug)]
pub struct Opened {
    by: String,
    file: Option<RedirectFile>,
    /// A browser command that still runs.
    command: Option<Child>,
}

impl Opened {
    /// `by` completes a sentence such as "opened in {by}": `the default browser`, or the name of a
    /// command.
    pub fn by(by: impl Into<String>) -> Self {
        Opened {
            by: by.into(),
            file: None,
            command: None,
        }
    }

    /// Keeps the redirect file until the page was used.
    #[must_use]
    pub fn keeping(mut self, file: Option<RedirectFile>) -> Self {
        self.file = file;
        self
    }

    /// Collects the exit status of the browser command once this value is dropped.
    pub(super) fn of_command(mut self, command: Child) -> Self {
        self.command = Some(command);
        self
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

impl Drop for Opened {
    /// Waits for the command on a thread, so that no zombie stays for the life of this process.
    fn drop(&mut self) {
        if let Some(mut command) = self.command.take()
            && !matches!(command.try_wait(), Ok(Some(_)))
        {
            let thread = std::thread::Builder::new().name("browser".to_owned());
            let _ = thread.spawn(move || command.wait());
        }
    }
}
