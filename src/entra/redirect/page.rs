//! The pages that the browser shows: the one that is owed for the answer, and the strangers'.
//!
//! Self-contained: no script, no request to anywhere, nothing of the request in them; what comes
//! from outside is cleaned, cut and escaped.

use std::fmt;
use std::io::{self, Cursor, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tiny_http::{HTTPVersion, Header, Response};
use zeroize::Zeroizing;

use super::handover::{self, Held};
use super::request::Request;
use crate::error::Error;
use crate::text::is_unprintable;

const STYLE: &str = include_str!("../../../assets/redirect.css");
const SHOWN: usize = 600;
const TIME_LIMIT: Duration = Duration::from_secs(3);

/// Why the redirect listener refused a request, for the user's terminal. Contains nothing of the
/// request itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The client began a TLS handshake at the listener's plain http port.
    Tls,
    /// The system does not report which user asked for the start page: it needs another way.
    UnknownOwner,
    /// The reason, which is a whole clause.
    Request(&'static str),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Tls => f.write_str(
                "the browser opened the redirect address with https, and it is plain http: the \
                 connection was refused",
            ),
            Refused::UnknownOwner => f.write_str(
                "the system does not report which user opened the sign-in page: it was refused",
            ),
            Refused::Request(why) => {
                write!(f, "a request to the redirect address was refused: {why}")
            }
        }
    }
}

/// The answer to a request that is refused: status, heading of the page, and the reason for the
/// terminal; `None` for requests that browsers send by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) allow: Option<&'static str>,
    pub(super) heading: &'static str,
    pub(super) why: Option<Refused>,
    pub(super) next: Next,
}

/// What a page of refusal offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: the request was not the user's.
    Nothing,
    /// The terminal shows another way.
    Terminal,
    /// A link to the same address, by which the user confirms.
    Continue,
}

impl Refusal {
    pub(super) const fn new(status: u16, heading: &'static str, why: Refused) -> Self {
        Refusal {
            status,
            allow: None,
            heading,
            why: Some(why),
            next: Next::Nothing,
        }
    }
}

#[derive(Clone, Copy)]
enum Tone {
    Good,
    Bad,
    Quiet,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Quiet => "quiet",
        }
    }

    fn is_final(self) -> bool {
        !matches!(self, Tone::Quiet)
    }
}

#[derive(Template)]
#[template(path = "redirect.html")]
struct PageContent<'a> {
    css: String,
    tone: Tone,
    heading: &'a str,
    who: Option<&'a str>,
    message: Vec<TextSpan>,
    next: Vec<TextSpan>,
    code: Option<&'a str>,
    /// Offers the same address again.
    continues: bool,
}

/// A stretch of a sentence; what an error's sentence has in backticks is code on a page.
struct TextSpan {
    is_code: bool,
    text: String,
}

/// The page that the browser still waits for. Dropped without a word, it says that the sign-in
/// did not finish: whatever happens, the browser gets a page.
///
/// Writing it takes about a millisecond, at the very most a few seconds, and neither the runtime
/// nor a browser that listens.
#[must_use = "the browser waits for its page"]
pub struct Page(Option<PendingPage>);

struct PendingPage {
    /// Not there yet, or lost, where the page is written without tiny_http's server.
    held: Option<Held>,
    browser: TcpStream,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Page")
    }
}

impl Page {
    pub(super) fn new(browser: TcpStream) -> Self {
        Page(Some(PendingPage {
            held: None,
            browser,
        }))
    }

    /// Lets tiny_http hear the request, and answer it in time.
    pub(super) async fn pass_on(&mut self, whole: &Request) -> io::Result<Request> {
        let Some(owed) = &mut self.0 else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let through = owed.browser.local_addr()?.ip();
        let (held, response) = handover::hand_over(whole, through).await?;
        owed.held = Some(held);
        Ok(response)
    }

    /// Says that the user is signed in. Call it once the tokens are stored, not before.
    pub fn signed_in(mut self, username: &str) {
        let who = clean(username);
        self.finish(PageContent {
            who: Some(who.as_str()).filter(|who| !who.is_empty()),
            ..shown(Tone::Good, "You are signed in", "", "")
        });
    }

    /// Says that the user has to confirm the account in the terminal.
    pub fn to_be_confirmed(mut self, username: &str) {
        let who = clean(username);
        self.finish(PageContent {
            who: Some(who.as_str()).filter(|who| !who.is_empty()),
            ..shown(
                Tone::Quiet,
                "One more step",
                "this account is new here and is not the active one",
                "go back to the terminal where you began the sign-in, and confirm the account there",
            )
        });
    }

    /// Says why the sign-in failed, what to do next, and the service's own code where there is one.
    pub fn failed(mut self, error: &Error) {
        let code = error.code().map(clean);
        self.finish(PageContent {
            code: code.as_deref(),
            ..shown(Tone::Bad, "Sign-in failed", error.message(), error.hint())
        });
    }

    fn finish(&mut self, shown: PageContent<'_>) {
        let Some(owed) = self.0.take() else { return };
        // A browser that has gone away does not change how the sign-in ended.
        let _ = owed.send(response(200, None, &shown));
    }
}

fn shown<'a>(tone: Tone, heading: &'a str, message: &str, next: &str) -> PageContent<'a> {
    PageContent {
        css: style(),
        tone,
        heading,
        who: None,
        message: parts(&sentence(message)),
        next: parts(&sentence(next)),
        code: None,
        continues: false,
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.finish(shown(
            Tone::Bad,
            "Sign-in did not finish",
            "it was interrupted before its result was known",
            "look at your terminal for the reason, and sign in again",
        ));
    }
}

impl PendingPage {
    fn send(mut self, response: Response<Cursor<Vec<u8>>>) -> io::Result<()> {
        let mut answer = Vec::new();
        match self.held {
            Some(mut held) => {
                held.inner.set_read_timeout(Some(TIME_LIMIT))?;
                held.request.respond(response)?;
                held.inner.read_to_end(&mut answer)?;
            }
            None => print(response, &mut answer, false),
        }
        self.browser.set_nonblocking(false)?;
        self.browser.set_write_timeout(Some(TIME_LIMIT))?;
        self.browser.write_all(&closing(answer))?;
        self.browser.shutdown(Shutdown::Write)?;
        // Closing while unread bytes lie here would reset the connection under the page.
        self.browser.set_nonblocking(true)?;
        let mut scrap = [0; 16 * 1024];
        let mut reads = 0;
        while reads < 64 && self.browser.read(&mut scrap)? > 0 {
            reads += 1;
        }
        Ok(())
    }
}

/// The whole response to a request that is refused.
pub(super) fn refuse(refusal: Refusal, is_head: bool) -> Vec<u8> {
    let (message, next) = match refusal.next {
        Next::Nothing => (
            "A sign-in is being waited for at this address, and this was not its answer. The \
             wait goes on.",
            "",
        ),
        Next::Terminal => (
            "This system does not report whose browser this is. The wait goes on.",
            "look at the terminal where the sign-in began: the page opens again in another way",
        ),
        Next::Continue => (
            "A page of another site led here. Go on only if you began this sign-in yourself. The \
             wait goes on.",
            "",
        ),
    };
    let shown = PageContent {
        continues: refusal.next == Next::Continue,
        ..shown(Tone::Quiet, refusal.heading, message, next)
    };
    let mut answer = Vec::new();
    let response = response(refusal.status, refusal.allow, &shown);
    print(response, &mut answer, is_head);
    closing(answer)
}

/// The whole response that sends a browser to `target`. Nothing keeps it: `target` has secrets.
pub(super) fn redirect_to(target: &str) -> Zeroizing<Vec<u8>> {
    let response = format!(
        "HTTP/1.1 303 See Other\r\nServer: acspass\r\nLocation: {target}\r\nCache-Control: \
         no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    Zeroizing::new(response.into_bytes())
}

fn print(response: Response<Cursor<Vec<u8>>>, into: &mut Vec<u8>, is_head: bool) {
    // Writing to memory does not fail.
    let _ = response.raw_print(into, HTTPVersion(1, 1), &[], is_head, None);
}

fn response(
    status: u16,
    allow: Option<&str>,
    shown: &PageContent<'_>,
) -> Response<Cursor<Vec<u8>>> {
    // A template without filters that can fail renders; an empty page would still end the wait.
    let html = shown.render().unwrap_or_default();
    let digest = STANDARD.encode(Sha256::digest(&shown.css));
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
    let response = Response::from_data(html).with_status_code(status);
    headers
        .into_iter()
        .chain(allow.map(|allow| ("Allow", allow)))
        .filter_map(|(name, value)| Header::from_bytes(name, value).ok())
        .fold(response, Response::with_header)
}

/// The answer with the one header that tiny_http does not let its users set.
fn closing(mut answer: Vec<u8>) -> Vec<u8> {
    if let Some(end) = answer.windows(2).position(|pair| pair == b"\r\n") {
        answer.splice(end + 2..end + 2, *b"Connection: close\r\n");
    }
    answer
}

/// The style as a browser reads it, whose hash the policy names: a checkout may have put CRs in.
fn style() -> String {
    STYLE.replace('\r', "")
}

/// An error's sentence as a page writes it: with a capital, a period, and nothing that acts. A
/// name that it begins with stays as it is.
fn sentence(text: &str) -> String {
    let text = clean(text);
    let text = text.trim().trim_end_matches('.');
    let is_word = |word: &str| {
        word.chars()
            .all(|c| c.is_alphabetic() || ",:'-".contains(c))
    };
    let begins_with_word = text.split(' ').next().is_some_and(is_word);
    let mut chars = text.chars();
    match chars.next() {
        Some(_) if !begins_with_word => format!("{text}."),
        Some(first) => format!("{}{}.", first.to_uppercase(), chars.as_str()),
        None => String::new(),
    }
}

fn parts(text: &str) -> Vec<TextSpan> {
    let parts = text.split('`').enumerate();
    parts
        .map(|(at, text)| TextSpan {
            is_code: at % 2 == 1,
            text: text.to_owned(),
        })
        .filter(|part| !part.text.is_empty())
        .collect()
}

fn clean(text: &str) -> String {
    let mut kept: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !is_unprintable(*c))
        .take(SHOWN + 1)
        .collect();
    if let Some((cut, _)) = kept.char_indices().nth(SHOWN) {
        kept.truncate(cut);
        kept.push('…');
    }
    kept
}
