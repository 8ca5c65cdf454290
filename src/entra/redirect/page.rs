//! The pages that the browser shows, as whole HTTP responses, and the delivery of the last one.
//!
//! A page is self-contained: it has no script and sends no request. It repeats nothing of the
//! request. Text from outside is cleaned, cut and escaped.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tiny_http::{HTTPVersion, Header, Response};
use zeroize::Zeroizing;

use super::refusal::Refusal;
use crate::error::Error;
use crate::text::{as_sentence, one_line};

const STYLE: &str = include_str!("../../../assets/redirect.css");
/// The longest text from outside, in characters.
const TEXT_LIMIT: usize = 600;
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
    /// Omits the addresses of the connection.
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
        let content = Content {
            username: clean(username),
            ..Content::new("good", "You are signed in", "", "")
        };
        self.send(content).await;
    }

    /// Reports that the user has to confirm the account in the terminal.
    pub async fn to_be_confirmed(self, username: &str) {
        let message = "this account has no saved session and is not the active account";
        let next =
            "return to the terminal where you started the sign-in, and confirm the account there";
        let content = Content {
            username: clean(username),
            ..Content::new("quiet", "One more step", message, next)
        };
        self.send(content).await;
    }

    /// Reports why the sign-in failed, the next step, and the service's error code, if any.
    pub async fn failed(self, error: &Error) {
        let content = Content {
            code: clean(error.code().unwrap_or_default()),
            ..Content::new("bad", "Sign-in failed", error.message(), error.hint())
        };
        self.send(content).await;
    }

    async fn send(mut self, content: Content) {
        let Some(browser) = self.0.take() else { return };
        let page = content.response(200, None, false);
        let sent = tokio::task::spawn_blocking(move || deliver(browser, &page)).await;
        log(sent.unwrap_or_else(|error| Err(io::Error::other(error))));
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if let Some(browser) = self.0.take() {
            let content = Content::new(
                "bad",
                "Sign-in did not finish",
                "the sign-in was interrupted",
                "See the reason in your terminal, then sign in again.",
            );
            log(deliver(browser, &content.response(200, None, false)));
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
        tracing::debug!("The browser may not have received its whole page: {error}.");
    }
}

/// The content of a page. An empty text is not shown, and text in backticks is code.
#[derive(Template, Default)]
#[template(path = "redirect.html")]
struct Content {
    css: String,
    /// The class of the page's body: `good`, `bad`, or `quiet` while the wait goes on.
    tone: &'static str,
    heading: &'static str,
    username: String,
    message: String,
    next: String,
    code: String,
    /// Offers the same address again.
    continues: bool,
}

impl Content {
    fn new(tone: &'static str, heading: &'static str, message: &str, next: &str) -> Self {
        Content {
            // A checkout may have added CRs, which a browser drops before it checks the hash.
            css: STYLE.replace('\r', ""),
            tone,
            heading,
            message: as_sentence(clean(message).trim()),
            next: as_sentence(clean(next).trim()),
            ..Content::default()
        }
    }

    /// Returns the whole response with this page.
    fn response(&self, status: u16, allow: Option<&str>, is_head: bool) -> Vec<u8> {
        // The template has no filter that can fail.
        let html = self.render().unwrap_or_default();
        let digest = STANDARD.encode(Sha256::digest(&self.css));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        );
        let headers = [
            ("Server", "acspass"),
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Security-Policy", policy.as_str()),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cache-Control", "no-store"),
        ];
        let response = headers
            .into_iter()
            .chain(allow.map(|allow| ("Allow", allow)))
            .filter_map(|(name, value)| Header::from_bytes(name, value).ok())
            .fold(Response::from_data(html), Response::with_header)
            .with_status_code(status);
        let mut bytes = Vec::new();
        // Writing to memory does not fail.
        let _ = response.raw_print(&mut bytes, HTTPVersion(1, 1), &[], is_head, None);
        // tiny_http does not let its users set this header.
        if let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") {
            bytes.splice(end + 2..end + 2, *b"Connection: close\r\n");
        }
        bytes
    }
}

/// Returns the whole response to a refused request.
pub(super) fn refuse(refusal: Refusal, is_head: bool) -> Vec<u8> {
    let (status, heading) = refusal.status();
    let (message, next) = refusal.texts();
    let content = Content {
        continues: refusal == Refusal::OtherSite,
        ..Content::new("quiet", heading, message, next)
    };
    content.response(status, refusal.allow(), is_head)
}

/// Returns the whole response that redirects a browser to `target`, which contains secrets. With
/// `clears_site_data`, the browser forgets what another program left at this port: service workers,
/// caches and storage.
pub(super) fn redirect_to(target: &str, clears_site_data: bool) -> Zeroizing<Vec<u8>> {
    let clearing = match clears_site_data {
        true => "Clear-Site-Data: \"cache\", \"storage\"\r\n",
        false => "",
    };
    let response = format!(
        "HTTP/1.1 303 See Other\r\nServer: acspass\r\nLocation: {target}\r\nCache-Control: \
         no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
         {clearing}Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    Zeroizing::new(response.into_bytes())
}

/// Returns the text with plain spaces and without unprintable characters, cut with an ellipsis.
fn clean(text: &str) -> String {
    let text = text.replace(char::is_whitespace, " ");
    let mut line = one_line(&text, TEXT_LIMIT + 1);
    if let Some((cut, _)) = line.char_indices().nth(TEXT_LIMIT) {
        line.truncate(cut);
        line.push('…');
    }
    line
}
