//! The pages that the browser shows, as whole HTTP responses.
//!
//! A page is self-contained: it has no script and sends no request. It repeats nothing of the
//! request. Text from outside is cleaned, cut and escaped.

use std::io::Cursor;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tiny_http::{HTTPVersion, Header, Response};
use zeroize::Zeroizing;

use super::refusal::{Next, Refusal};
use crate::error::Error;
use crate::text::one_line;

const STYLE: &str = include_str!("../../../assets/redirect.css");
/// The longest text from outside, in characters.
const TEXT_LIMIT: usize = 600;

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
pub(super) struct PageContent {
    css: String,
    tone: Tone,
    heading: &'static str,
    username: Option<String>,
    message: Vec<TextSpan>,
    next: Vec<TextSpan>,
    code: Option<String>,
    /// Offers the same address again.
    continues: bool,
}

/// A part of a sentence. Text in backticks is code.
struct TextSpan {
    is_code: bool,
    text: String,
}

impl PageContent {
    fn new(tone: Tone, heading: &'static str, message: &str, next: &str) -> Self {
        PageContent {
            css: style(),
            tone,
            heading,
            username: None,
            message: spans(&sentence(message)),
            next: spans(&sentence(next)),
            code: None,
            continues: false,
        }
    }

    fn for_user(self, username: &str) -> Self {
        let username = clean(username);
        PageContent {
            username: Some(username).filter(|username| !username.is_empty()),
            ..self
        }
    }
}

pub(super) fn signed_in(username: &str) -> PageContent {
    PageContent::new(Tone::Good, "You are signed in", "", "").for_user(username)
}

pub(super) fn to_be_confirmed(username: &str) -> PageContent {
    PageContent::new(
        Tone::Quiet,
        "One more step",
        "this account is new here and is not the active one",
        "go back to the terminal where you began the sign-in, and confirm the account there",
    )
    .for_user(username)
}

pub(super) fn failed(error: &Error) -> PageContent {
    PageContent {
        code: error.code().map(clean),
        ..PageContent::new(Tone::Bad, "Sign-in failed", error.message(), error.hint())
    }
}

pub(super) fn interrupted() -> PageContent {
    PageContent::new(
        Tone::Bad,
        "Sign-in did not finish",
        "it was interrupted before its result was known",
        "look at your terminal for the reason, and sign in again",
    )
}

/// Returns the whole response with this page.
pub(super) fn page(content: &PageContent) -> Vec<u8> {
    print(response(200, None, content), false)
}

/// Returns the whole response to a refused request.
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
    let content = PageContent {
        continues: refusal.next == Next::Continue,
        ..PageContent::new(Tone::Quiet, refusal.heading, message, next)
    };
    print(response(refusal.status, refusal.allow, &content), is_head)
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

fn response(status: u16, allow: Option<&str>, content: &PageContent) -> Response<Cursor<Vec<u8>>> {
    // The template has no filter that can fail.
    let html = content.render().unwrap_or_default();
    let digest = STANDARD.encode(Sha256::digest(&content.css));
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

/// Returns the response's bytes, with `Connection: close`, which tiny_http does not let its users
/// set.
fn print(response: Response<Cursor<Vec<u8>>>, is_head: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory does not fail.
    let _ = response.raw_print(&mut bytes, HTTPVersion(1, 1), &[], is_head, None);
    if let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") {
        bytes.splice(end + 2..end + 2, *b"Connection: close\r\n");
    }
    bytes
}

/// Returns the style as a browser reads it, since the policy contains its hash: a checkout may
/// have added CRs.
fn style() -> String {
    STYLE.replace('\r', "")
}

/// Returns an error's sentence with a capital and a period. A name at its start stays as it is.
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

fn spans(text: &str) -> Vec<TextSpan> {
    let spans = text.split('`').enumerate();
    spans
        .map(|(at, text)| TextSpan {
            is_code: at % 2 == 1,
            text: text.to_owned(),
        })
        .filter(|span| !span.text.is_empty())
        .collect()
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
