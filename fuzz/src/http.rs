//! One HTTP request over a real socket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How often a request is sent whose response is certain. On a machine with other load, a target may
/// get no CPU time for seconds, and the server then closes the connection.
#[allow(dead_code, reason = "each target is a crate of its own")]
pub const TRIES: usize = 5;

/// A response with its status.
#[allow(dead_code, reason = "each target is a crate of its own")]
pub struct Response {
    pub status: u16,
    pub headers: String,
    pub body: String,
}

/// Sends a request whose first line, further lines and body are from `data`, with these headers.
/// Returns `None` if the server closed the connection.
pub fn exchange(port: u16, data: &[u8], headers: &str) -> Option<Response> {
    let (head, body) = match data.windows(2).position(|two| two == b"\n\n") {
        Some(at) => (&data[..at], &data[at + 2..]),
        None => (data, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut request = Vec::new();
    request.extend_from_slice(lines.next().unwrap_or_default());
    request.extend_from_slice(b" HTTP/1.1\r\n");
    for line in lines {
        request.extend_from_slice(line);
        request.extend_from_slice(b"\r\n");
    }
    let rest = format!(
        "{headers}host: 127.0.0.1:{port}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    request.extend_from_slice(rest.as_bytes());
    request.extend_from_slice(body);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    let timeout = Some(Duration::from_secs(8));
    stream.set_read_timeout(timeout).expect("a timeout");
    stream.write_all(&request).ok()?;
    let mut response = Vec::new();
    stream.take(1 << 20).read_to_end(&mut response).ok()?;
    let response = String::from_utf8_lossy(&response);
    let (head, body) = response.split_once("\r\n\r\n")?;
    Some(Response {
        status: head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?,
        headers: head.to_owned(),
        body: body.to_owned(),
    })
}

/// Sends a request whose response is certain.
#[allow(dead_code, reason = "each target is a crate of its own")]
pub fn respond(port: u16, data: &[u8], headers: &str) -> Response {
    let mut tries = (0..TRIES).filter_map(|_| exchange(port, data, headers));
    tries.next().expect("the server responds")
}
