//! The page that the browser receives in response to its authorization response.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::content::{self, PageContent};
use crate::error::Error;

/// The longest time that the browser may take to receive the page.
const WRITE_LIMIT: Duration = Duration::from_secs(3);
/// The longest wait for the browser to read the page to its end.
const READ_LIMIT: Duration = Duration::from_secs(1);

/// The connection of the browser that sent the authorization response. It gets exactly one page.
/// A dropped `Page` reports that the sign-in did not finish, and blocks its thread meanwhile.
///
/// Each method sends the page on a blocking thread of the tokio runtime and waits until the
/// browser has read it: at most 3 s for the page, and 1 s for its end. A failure is logged.
#[must_use = "the browser waits for its page"]
pub struct Page(Option<TcpStream>);

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Page")
    }
}

impl Page {
    pub(super) fn new(browser: TcpStream) -> Self {
        Page(Some(browser))
    }

    /// Reports that the user is signed in. Call it after the tokens are stored, not before.
    pub async fn signed_in(self, username: &str) {
        self.send(content::signed_in(username)).await;
    }

    /// Reports that the user has to confirm the account in the terminal.
    pub async fn to_be_confirmed(self, username: &str) {
        self.send(content::to_be_confirmed(username)).await;
    }

    /// Reports why the sign-in failed, the next step, and the service's error code, if any.
    pub async fn failed(self, error: &Error) {
        self.send(content::failed(error)).await;
    }

    async fn send(mut self, content: PageContent) {
        let Some(browser) = self.0.take() else { return };
        let page = content::page(&content);
        let sent = tokio::task::spawn_blocking(move || deliver(browser, &page)).await;
        log(sent.unwrap_or_else(|error| Err(io::Error::other(error))));
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if let Some(browser) = self.0.take() {
            log(deliver(browser, &content::page(&content::interrupted())));
        }
    }
}

/// Writes the page, and waits until the browser has read it. A system that is short of TCP memory may
/// discard the unread data of a process that has ended.
fn deliver(mut browser: TcpStream, page: &[u8]) -> io::Result<()> {
    browser.set_nonblocking(false)?;
    let deadline = Instant::now() + WRITE_LIMIT;
    let mut rest = page;
    while !rest.is_empty() {
        browser.set_write_timeout(Some(left(deadline)?))?;
        match browser.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    browser.shutdown(Shutdown::Write)?;
    let deadline = Instant::now() + READ_LIMIT;
    let mut scrap = [0; 16 * 1024];
    loop {
        browser.set_read_timeout(Some(left(deadline)?))?;
        match browser.read(&mut scrap) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
    }
}

/// Returns the time until `deadline`, or a timeout error after it.
fn left(deadline: Instant) -> io::Result<Duration> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

/// Logs a failed delivery. It does not change the outcome of the sign-in.
fn log(sent: io::Result<()>) {
    if let Err(error) = sent {
        tracing::debug!("the browser may not have read its page to the end: {error}");
    }
}
