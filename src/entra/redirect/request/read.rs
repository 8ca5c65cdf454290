//! Reads a request from its connection.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::head::Head;
use super::limits::MALFORMED;
use super::parse::{Request, parse_head};
use super::protocol::{self, Protocol};
use crate::entra::redirect::refusal::{Refusal, Refused};

/// The size of a read in bytes, which is more than most requests have.
const CHUNK: usize = 8 * 1024;

/// The reason that a request was not read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// The request is refused with this page.
    Refused(Refusal),
    /// The connection was closed, or sent nothing.
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

/// Reads one request within the limits and `patience`. Ignores later bytes of the connection.
pub(crate) async fn read(stream: &mut TcpStream, patience: Duration) -> Result<Request, ReadError> {
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

/// Returns the end of the head in this chunk, if it ends there.
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
