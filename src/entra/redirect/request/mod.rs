//! The gate before the listener: one request per connection, read whole or not at all.
//!
//! tiny_http has no limits and is lenient about where a request ends; whatever gets past this
//! gate is small, complete and means the same to every reader.

mod head;
mod protocol;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::page::{Refusal, Refused};
use crate::loopback::PURPOSES;
use head::Head;
use protocol::Protocol;

/// The largest head that a request may have beside its cookies, in bytes.
const HEAD_LIMIT: usize = 16 * 1024;
/// The longest cookies that a request may have, in bytes.
const COOKIE_LIMIT: usize = 128 * 1024;
const HEADER_COUNT: usize = 64;
/// The largest body that a request may have, in bytes.
pub(super) const BODY_LIMIT: usize = 64 * 1024;
/// How long a connection may take to send its request, and again to take its page.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(10);

const MALFORMED: Refusal = Refusal::new(
    400,
    "This request cannot be read",
    Refused::Request("it is not valid HTTP/1.1"),
);

/// How much is read at once: more than most requests.
const CHUNK: usize = 8 * 1024;

/// A request that is all there. Its target and body may hold the code.
#[derive(PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: Zeroizing<String>,
    pub(super) host: String,
    pub(super) content_type: Option<String>,
    pub(super) fetch_site: Option<String>,
    pub(super) fetch_mode: Option<String>,
    pub(super) fetch_dest: Option<String>,
    /// The first of [`PURPOSES`].
    pub(super) purpose: Option<String>,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// Why there is no whole request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReadError {
    /// Answer with this page, then close.
    Refused(Refusal),
    /// Nobody is there to answer.
    Gone,
}

impl From<Refusal> for ReadError {
    fn from(refusal: Refusal) -> Self {
        ReadError::Refused(refusal)
    }
}

impl From<std::io::Error> for ReadError {
    fn from(_: std::io::Error) -> Self {
        ReadError::Gone
    }
}

/// Reads one request within the limits and `patience`; what follows it on the connection is never
/// looked at.
pub(super) async fn read(stream: &mut TcpStream, patience: Duration) -> Result<Request, ReadError> {
    let mut is_silent = true;
    match tokio::time::timeout(patience, read_whole(stream, &mut is_silent)).await {
        Ok(read) => read,
        // A browser opens connections in advance and may never use them: no page for those.
        Err(_) if is_silent => Err(ReadError::Gone),
        Err(_) => Err(Refusal::new(
            408,
            "This request took too long",
            Refused::Request("it was not complete after 10 s"),
        )
        .into()),
    }
}

async fn read_whole(stream: &mut TcpStream, is_silent: &mut bool) -> Result<Request, ReadError> {
    let mut chunk = Zeroizing::new(Vec::with_capacity(CHUNK));
    let mut opening = Protocol::Unclear;
    while opening == Protocol::Unclear {
        read_some(stream, &mut chunk, CHUNK).await?;
        *is_silent = false;
        opening = protocol::detect(&chunk);
    }
    check(opening)?;
    let mut head = Head::new();
    let early = loop {
        if let Some(end) = feed(&mut head, &chunk)? {
            break &chunk[end..];
        }
        chunk.clear();
        read_some(stream, &mut chunk, CHUNK).await?;
    };
    let head = parse_head(head.bytes())?;
    let early = &early[..early.len().min(head.length)];
    let mut body = Zeroizing::new(Vec::with_capacity(head.length));
    body.extend_from_slice(early);
    if head.awaits_continue && body.len() < head.length {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    while body.len() < head.length {
        let room = head.length - body.len();
        read_some(stream, &mut body, room).await?;
    }
    Ok(Request {
        body,
        ..head.request
    })
}

async fn read_some(
    stream: &mut TcpStream,
    into: &mut Vec<u8>,
    most: usize,
) -> Result<(), ReadError> {
    match stream.take(most as u64).read_buf(into).await? {
        0 => Err(ReadError::Gone),
        _ => Ok(()),
    }
}

/// Where the head ends in this chunk, if it does so.
fn feed(head: &mut Head, chunk: &[u8]) -> Result<Option<usize>, Refusal> {
    for (at, byte) in chunk.iter().enumerate() {
        if head.push(*byte)? {
            return Ok(Some(at + 1));
        }
    }
    Ok(None)
}

fn check(opening: Protocol) -> Result<(), Refusal> {
    match opening {
        Protocol::Http1 | Protocol::Unclear => Ok(()),
        Protocol::Tls => Err(Refusal::new(
            400,
            "Only plain http is answered here",
            Refused::Tls,
        )),
        Protocol::Http2 => Err(Refusal::new(
            400,
            "Only HTTP/1.1 is answered here",
            Refused::Request("it is HTTP/2 without TLS"),
        )),
        Protocol::Other => Err(MALFORMED),
    }
}

/// What a head says.
struct ParsedHead {
    request: Request,
    length: usize,
    awaits_continue: bool,
}

fn parse_head(head: &[u8]) -> Result<ParsedHead, Refusal> {
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

/// The first header that marks a request as one ahead of time.
fn purpose<'h>(headers: &'h [httparse::Header<'_>]) -> Result<Option<&'h str>, Refusal> {
    for name in PURPOSES {
        if let Some(value) = only(headers, name)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// The header's one value, in printable ASCII. Twice is once too often.
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
        // Digits that fit no integer are a large number all the same.
        _ => Err(Refusal::new(
            413,
            "This request's body is too large",
            Refused::Request("its body is larger than 64 KiB"),
        )),
    }
}
