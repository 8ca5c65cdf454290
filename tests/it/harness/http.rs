//! HTTP/1.1 over plain sockets: requests that no HTTP client sends, byte by byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde_json::Value;

/// No response takes so long. A connection that waits longer hangs.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// A connection to this port of 127.0.0.1, on which nothing is sent yet.
pub(crate) fn connect(port: u16) -> TcpStream {
    connect_to((Ipv4Addr::LOCALHOST, port))
}

pub(crate) fn connect_to(address: impl ToSocketAddrs) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    set_timeout(&stream, TIMEOUT);
    stream
}

pub(crate) fn set_timeout(stream: &TcpStream, timeout: Duration) {
    for set in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
        set(stream, Some(timeout)).expect("a timeout");
    }
}

/// A port of this machine that refuses connections.
pub(crate) fn unused_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("its address").port()
}

/// A request that ends its connection, with these header lines.
pub(crate) fn request(method: &str, target: &str, headers: &[&str], body: &str) -> String {
    let mut text = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text + "\r\n" + body
}

/// Sends these bytes, and returns all that comes until the connection ends.
#[track_caller]
pub(crate) fn exchange(mut stream: impl Read + Write, bytes: impl AsRef<[u8]>) -> String {
    // The server may respond, and close, before it has read all.
    let _ = stream.write_all(bytes.as_ref());
    read_to_end(&mut stream)
}

/// Returns all that comes until the connection is closed or reset.
#[track_caller]
pub(crate) fn read_to_end(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        let is_reset = !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(is_reset, "the connection was never closed");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends these bytes to the port, and returns the whole response.
#[track_caller]
pub(crate) fn send(port: u16, bytes: &str) -> String {
    exchange(connect(port), bytes)
}

/// Posts a form to the path, as a browser posts the authorization response.
pub(crate) fn post_form(port: u16, host: &str, path: &str, form: &str) -> String {
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

/// Writes this head and then as many bytes, for as long as the server reads.
pub(crate) fn flood(mut stream: &TcpStream, head: &str, bytes: usize) {
    let chunk = [b'x'; 64 * 1024];
    let mut written = stream.write_all(head.as_bytes()).map(|()| 0);
    while let Ok(count) = written
        && count < bytes
    {
        written = stream.write(&chunk).map(|more| count + more);
    }
}

/// The status of a response; 0 if there is none.
pub(crate) fn status(response: &str) -> u16 {
    let code = response.split(' ').nth(1);
    code.and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    #[track_caller]
    pub(crate) fn parse(text: &str) -> Response {
        let (head, body) = text.split_once("\r\n\r\n").expect("a whole head");
        let mut lines = head.lines();
        let status = lines.next().expect("a status line");
        let status = status.split(' ').nth(1).expect("a status");
        Response {
            status: status.parse().expect("a number"),
            headers: lines
                .map(|line| line.split_once(": ").expect("a header"))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(known, _)| known == name)?;
        Some(value)
    }

    #[track_caller]
    pub(crate) fn assert_status(self, status: u16) -> Response {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// The `kind` and `code` of an error, which has a next step.
    #[track_caller]
    pub(crate) fn error(&self) -> (String, Option<String>) {
        let error = &self.json()["error"];
        assert!(error["hint"].as_str().is_some_and(|hint| !hint.is_empty()));
        let text = |name: &str| error[name].as_str().map(str::to_owned);
        (text("kind").expect("a kind"), text("code"))
    }

    #[track_caller]
    pub(crate) fn token(self) -> String {
        let json = self.assert_status(200).json();
        json["token"].as_str().expect("a token").to_owned()
    }
}
