//! Whoever else knocks at the redirect listener's port: raw bytes over a plain socket.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// Nothing here takes a fraction of it: who waits so long hangs.
const HANGS: Duration = Duration::from_secs(30);

/// A connection to the port on which nothing is said yet.
pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("somebody listens");
    for limit in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
        limit(&stream, Some(HANGS)).expect("a limit");
    }
    stream
}

/// Sends these bytes and returns the whole answer.
pub(crate) fn send(port: u16, request: &str) -> String {
    let mut stream = connect(port);
    stream.write_all(request.as_bytes()).expect("it is read");
    let mut answer = Vec::new();
    // A listener that has heard enough may cut the line behind its answer.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// A form posted to this path, as the real answer is.
pub(crate) fn post(port: u16, host: &str, path: &str, form: &str) -> String {
    let length = form.len();
    send(
        port,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: null\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\n\r\n{form}"
        ),
    )
}

pub(crate) fn get(port: u16, host: &str, target: &str) -> String {
    send(
        port,
        &format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
    )
}

/// Writes this head and then as many bytes, for as long as somebody reads.
pub(crate) fn flood(mut stream: &TcpStream, head: &str, bytes: usize) {
    let chunk = [b'x'; 64 * 1024];
    let mut written = stream.write_all(head.as_bytes()).map(|()| 0);
    while let Ok(count) = written
        && count < bytes
    {
        written = stream.write(&chunk).map(|more| count + more);
    }
}

/// The status of an answer; 0 where there is none.
pub(crate) fn status(answer: &str) -> u16 {
    let code = answer.split(' ').nth(1);
    code.and_then(|code| code.parse().ok()).unwrap_or(0)
}
