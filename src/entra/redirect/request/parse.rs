//! Parses the head of a request.

use zeroize::Zeroizing;

use super::limits::{BODY_LIMIT, HEADER_COUNT, MALFORMED};
use crate::entra::redirect::refusal::{Refusal, Refused};
use crate::loopback::PURPOSES;

/// A whole request. Its target and body may contain the code.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: Zeroizing<String>,
    pub(crate) host: String,
    pub(crate) content_type: Option<String>,
    pub(crate) fetch_site: Option<String>,
    pub(crate) fetch_mode: Option<String>,
    pub(crate) fetch_dest: Option<String>,
    /// The first of [`PURPOSES`].
    pub(crate) purpose: Option<String>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// The head of a request. The request's body is empty.
pub(super) struct ParsedHead {
    pub(super) request: Request,
    /// The length of the body in bytes.
    pub(super) length: usize,
    pub(super) awaits_continue: bool,
}

pub(super) fn parse_head(head: &[u8]) -> Result<ParsedHead, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; HEADER_COUNT];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Refusal::new(
                431,
                "This request has too many headers",
                Refused::Request("it has more than 64 headers"),
            ));
        }
        _ => return Err(MALFORMED),
    }
    if parsed.version != Some(1) {
        return Err(Refusal::new(
            505,
            "Only HTTP/1.1 is answered here",
            Refused::Request("its HTTP version is not 1.1"),
        ));
    }
    let method = parsed.method.unwrap_or_default();
    let target = parsed.path.unwrap_or_default();
    if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(MALFORMED);
    }
    let headers = &*parsed.headers;
    // A length in two notations is how requests are smuggled (RFC 9112, section 11.2).
    if only(headers, "transfer-encoding")?.is_some() {
        return Err(Refusal::new(
            411,
            "This request does not state its length",
            Refused::Request("it does not state its length"),
        ));
    }
    let length = match only(headers, "content-length")? {
        Some(digits) => content_length(digits)?,
        None => 0,
    };
    let host = only(headers, "host")?.ok_or(MALFORMED)?;
    let expect = only(headers, "expect")?;
    Ok(ParsedHead {
        request: Request {
            method: method.to_owned(),
            target: Zeroizing::new(target.to_owned()),
            host: host.to_owned(),
            content_type: only(headers, "content-type")?.map(str::to_owned),
            fetch_site: only(headers, "sec-fetch-site")?.map(str::to_owned),
            fetch_mode: only(headers, "sec-fetch-mode")?.map(str::to_owned),
            fetch_dest: only(headers, "sec-fetch-dest")?.map(str::to_owned),
            purpose: purpose(headers)?.map(str::to_owned),
            body: Zeroizing::new(Vec::new()),
        },
        length,
        awaits_continue: expect.is_some_and(|value| value.eq_ignore_ascii_case("100-continue")),
    })
}

/// Returns the first header that marks a prefetch.
fn purpose<'h>(headers: &'h [httparse::Header<'_>]) -> Result<Option<&'h str>, Refusal> {
    for name in PURPOSES {
        if let Some(value) = only(headers, name)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// Returns the header's value, in printable ASCII. A repeated header is malformed.
fn only<'h>(headers: &'h [httparse::Header<'_>], name: &str) -> Result<Option<&'h str>, Refusal> {
    let mut values = headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case(name));
    let Some(header) = values.next() else {
        return Ok(None);
    };
    let printable = |byte: &u8| (0x20..0x7f).contains(byte);
    if values.next().is_some() || !header.value.iter().all(printable) {
        return Err(MALFORMED);
    }
    match std::str::from_utf8(header.value) {
        Ok(value) => Ok(Some(value.trim())),
        Err(_) => Err(MALFORMED),
    }
}

fn content_length(digits: &str) -> Result<usize, Refusal> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(MALFORMED);
    }
    match digits.parse() {
        Ok(length) if length <= BODY_LIMIT => Ok(length),
        // Digits that fit no integer are a large number too.
        _ => Err(Refusal::new(
            413,
            "This request's body is too large",
            Refused::Request("its body is larger than 64 KiB"),
        )),
    }
}
