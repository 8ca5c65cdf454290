//! Reads one request per connection, within limits on its size and time.
//!
//! tiny_http has no limits and accepts ambiguous message lengths. This reader rejects a request
//! that HTTP implementations could read differently (RFC 9112, section 11.2).

use std::ops::RangeInclusive;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::refusal::Refusal;
use crate::loopback::PURPOSES;

/// The largest head that a request may have beside its cookies, in bytes.
const HEAD_LIMIT: usize = 16 * 1024;
/// The longest cookies that a request may have, in bytes.
const COOKIE_LIMIT: usize = 128 * 1024;
const HEADER_COUNT: usize = 64;
/// The largest body that a request may have, in bytes.
const BODY_LIMIT: usize = 64 * 1024;
/// The longest time for a connection to send its request, and again to read its page.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(10);
/// The size of a read in bytes, which is more than most requests have.
const CHUNK: usize = 8 * 1024;

const COOKIE: &[u8] = b"cookie:";
/// The headers that a request keeps, beside the first of [`PURPOSES`].
const KEPT: [&str; 6] = [
    "host",
    "expect",
    "content-type",
    "sec-fetch-site",
    "sec-fetch-mode",
    "sec-fetch-dest",
];

/// A whole request. Its target and body may contain the code.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: Zeroizing<String>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Zeroizing<Vec<u8>>,
}

impl Request {
    /// Returns the value of a header by its name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find_map(|(known, value)| (*known == name).then_some(value.as_str()))
    }
}

/// Reads one request within the limits and `timeout`. Ignores later bytes of the connection. The
/// error is `None` if the connection was closed or sent nothing.
pub(super) async fn read(
    stream: &mut TcpStream,
    timeout: Duration,
) -> Result<Request, Option<Refusal>> {
    let mut is_silent = true;
    match tokio::time::timeout(timeout, read_whole(stream, &mut is_silent)).await {
        Ok(read) => read,
        // A browser opens connections in advance and may never use them: no page for those.
        Err(_) => Err((!is_silent).then_some(Refusal::TooSlow)),
    }
}

async fn read_whole(
    stream: &mut TcpStream,
    is_silent: &mut bool,
) -> Result<Request, Option<Refusal>> {
    let mut chunk = Zeroizing::new(Vec::with_capacity(CHUNK));
    while !is_http1(&chunk)? {
        read_some(stream, &mut chunk, CHUNK).await?;
        *is_silent = false;
    }
    let mut head = Head {
        // Allocated once, so that no outgrown copy of a code is left behind in freed memory.
        kept: Zeroizing::new(Vec::with_capacity(HEAD_LIMIT)),
        ..Head::default()
    };
    let early = loop {
        if let Some(end) = head.take(&chunk)? {
            break &chunk[end..];
        }
        chunk.clear();
        read_some(stream, &mut chunk, CHUNK).await?;
    };
    let (mut request, length) = parse(&head.kept)?;
    let mut body = Zeroizing::new(Vec::with_capacity(length));
    body.extend_from_slice(&early[..early.len().min(length)]);
    let expect = request.header("expect");
    if body.len() < length && expect.is_some_and(|it| it.eq_ignore_ascii_case("100-continue")) {
        let goes_on = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        goes_on.map_err(|_| None)?;
    }
    while body.len() < length {
        let room = length - body.len();
        read_some(stream, &mut body, room).await?;
    }
    request.body = body;
    Ok(request)
}

/// Reads at most this many bytes. The error is that of a connection that was closed.
async fn read_some(
    stream: &mut TcpStream,
    into: &mut Vec<u8>,
    most: usize,
) -> Result<(), Option<Refusal>> {
    match stream.take(most as u64).read_buf(into).await {
        Ok(0) | Err(_) => Err(None),
        Ok(_) => Ok(()),
    }
}

/// Returns whether a connection begins with an HTTP/1.1 request; `false` if more bytes decide.
///
/// A TLS ClientHello means that the address has `https`, or that an HSTS entry for localhost
/// forces it. It has the form of a record of SSL 3.0 or TLS 1.x (RFC 8446, section 5.1): type,
/// version, length, and the handshake's type; or that of SSL 2.0 (RFC 5246, appendix E.2): a length
/// with the high bit set, 1, and a version.
pub(super) fn is_http1(bytes: &[u8]) -> Result<bool, Refusal> {
    /// The start of HTTP/2 without TLS (RFC 9113, section 3.4).
    const PREFACE: &[u8] = b"PRI * HTTP/2";
    let has =
        |at: usize, right: RangeInclusive<u8>| bytes.get(at).is_none_or(|it| right.contains(it));
    let (is_hello, hello_length) = match bytes {
        [] => return Ok(false),
        [22, ..] => {
            let length = bytes.get(3..5).map(|it| u16::from_be_bytes([it[0], it[1]]));
            let is_length = length.is_none_or(|length| (4..=1 << 14).contains(&length));
            (
                has(1, 3..=3) && has(2, 0..=4) && is_length && has(5, 1..=1),
                6,
            )
        }
        [0x80..=0xff, ..] => {
            let is_version = (has(3, 0..=0) || has(3, 3..=3)) && has(4, 0..=4);
            (has(2, 1..=1) && is_version, 5)
        }
        [first, ..] if !first.is_ascii_uppercase() => return Err(Refusal::Malformed),
        _ if bytes.starts_with(PREFACE) => return Err(Refusal::Http2),
        _ => return Ok(!PREFACE.starts_with(bytes)),
    };
    match is_hello {
        true if bytes.len() < hello_length => Ok(false),
        true => Err(Refusal::Tls),
        false => Err(Refusal::Malformed),
    }
}

/// A head that is not complete yet: the request line and all headers but `Cookie`.
///
/// Browsers send every cookie of `localhost` to every port, so other local apps decide how many
/// arrive here. The listener reads none of them: they are dropped as they arrive, and have a
/// separate limit.
#[derive(Default)]
pub(super) struct Head {
    pub(super) kept: Zeroizing<Vec<u8>>,
    /// The start of the current line in `kept`.
    line: usize,
    last: u8,
    is_cookie: bool,
    /// The length of all cookie lines so far, in bytes.
    cookies: usize,
}

impl Head {
    /// Takes the next bytes. Returns the end of the head in them, if it ends there. Readers
    /// disagree about NUL, and about CR and LF outside a line's end: such a head is malformed.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refusal> {
        for (at, &byte) in bytes.iter().enumerate() {
            let last = std::mem::replace(&mut self.last, byte);
            if byte == 0 || (byte == b'\n') != (last == b'\r') {
                return Err(Refusal::Malformed);
            }
            if self.is_cookie {
                self.cookies += 1;
                self.is_cookie = byte != b'\n';
            } else if self.kept.len() == HEAD_LIMIT {
                return Err(Refusal::HeadTooLarge);
            } else {
                self.kept.push(byte);
                let line = &self.kept[self.line..];
                // The first line is the request line.
                if self.line > 0 && line.eq_ignore_ascii_case(COOKIE) {
                    self.cookies += COOKIE.len();
                    self.is_cookie = true;
                    self.kept.truncate(self.line);
                } else if line == b"\r\n" {
                    return Ok(Some(at + 1));
                } else if byte == b'\n' {
                    self.line = self.kept.len();
                }
            }
            if self.cookies > COOKIE_LIMIT {
                return Err(Refusal::CookiesTooLarge);
            }
        }
        Ok(None)
    }
}

/// Returns the request with this head, without its body, and the length of the body in bytes.
pub(super) fn parse(head: &[u8]) -> Result<(Request, usize), Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; HEADER_COUNT];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::TooManyHeaders),
        _ => return Err(Refusal::Malformed),
    }
    if parsed.version != Some(1) {
        return Err(Refusal::OtherVersion);
    }
    let target = parsed.path.unwrap_or_default();
    if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::Malformed);
    }
    // A length in two notations is how requests are smuggled (RFC 9112, section 11.2).
    if only(parsed.headers, "transfer-encoding")?.is_some() {
        return Err(Refusal::NoLength);
    }
    let length = match only(parsed.headers, "content-length")?.unwrap_or("0") {
        digits if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Err(Refusal::Malformed);
        }
        // Digits that fit no integer are a large number too.
        digits => digits.parse().unwrap_or(usize::MAX),
    };
    if length > BODY_LIMIT {
        return Err(Refusal::BodyTooLarge);
    }
    let mut headers = Vec::new();
    for name in KEPT {
        match only(parsed.headers, name)? {
            Some(value) => headers.push((name, value.to_owned())),
            None if name == "host" => return Err(Refusal::Malformed),
            None => {}
        }
    }
    for name in PURPOSES {
        if let Some(value) = only(parsed.headers, name)? {
            headers.push((name, value.to_owned()));
            break;
        }
    }
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: Zeroizing::new(target.to_owned()),
        headers,
        body: Zeroizing::default(),
    };
    Ok((request, length))
}

/// Returns the header's value, in printable ASCII. A repeated header is malformed.
fn only<'h>(headers: &'h [httparse::Header<'_>], name: &str) -> Result<Option<&'h str>, Refusal> {
    let mut found = headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case(name));
    let (first, None) = (found.next(), found.next()) else {
        return Err(Refusal::Malformed);
    };
    let Some(header) = first else { return Ok(None) };
    match std::str::from_utf8(header.value) {
        Ok(value) if value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) => {
            Ok(Some(value.trim()))
        }
        _ => Err(Refusal::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_hello_is_recognised_in_every_version() {
        let hellos: [&[u8]; 4] = [
            &[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3],
            &[22, 3, 0, 0, 100, 1],
            &[22, 3, 3, 7, 216, 1, 0],
            &[0x80, 46, 1, 3, 1],
        ];
        for hello in hellos {
            assert_eq!(is_http1(hello), Err(Refusal::Tls), "{hello:?}");
            assert_eq!(is_http1(&hello[..4]), Ok(false), "{hello:?}");
            assert_eq!(is_http1(&hello[..1]), Ok(false), "{hello:?}");
        }
        assert_eq!(is_http1(&[0x80, 25, 1, 0, 2]), Err(Refusal::Tls), "SSL 2.0");
    }

    #[test]
    fn only_the_first_purpose_is_read() {
        let head = |purposes| format!("GET / HTTP/1.1\r\nHost: a\r\n{purposes}\r\n");
        let first = head("Sec-Purpose: prefetch\r\nPurpose: a\r\nPurpose: b\r\n");
        let (request, _) = parse(first.as_bytes()).expect("a request");
        assert_eq!(request.header("sec-purpose"), Some("prefetch"));
        assert_eq!(request.header("purpose"), None);
        let repeated = head("Purpose: a\r\nPurpose: b\r\nX-Moz: prefetch\r\n");
        assert!(parse(repeated.as_bytes()).is_err_and(|it| it == Refusal::Malformed));
    }

    #[test]
    fn other_bytes_are_no_client_hello() {
        let others: [&[u8]; 9] = [
            &[22, 2, 1, 2, 0, 1],
            &[22, 3, 5, 2, 0, 1],
            &[22, 3, 1, 255, 0, 1],
            &[22, 3, 1, 2, 0, 2],
            &[21, 3, 1, 0, 2],
            &[0xff, 0xfe, 0, 0],
            &[0x80, 46, 4, 3, 1],
            b"\r\n",
            b"get / HTTP/1.1",
        ];
        for bytes in others {
            assert_eq!(is_http1(bytes), Err(Refusal::Malformed), "{bytes:?}");
        }
    }

    #[test]
    fn request_differs_from_the_http2_preface_by_its_first_different_byte() {
        assert_eq!(is_http1(b"PRI * HTTP/2.0\r\n"), Err(Refusal::Http2));
        for start in ["P", "PRI", "PRI * HTTP/"] {
            assert_eq!(is_http1(start.as_bytes()), Ok(false), "{start}");
        }
        for request in ["PO", "GET", "PRI / HTTP/1.1", "PRI * HTTP/1"] {
            assert_eq!(is_http1(request.as_bytes()), Ok(true), "{request}");
        }
    }
}
