//! The token service as a process of its own, asked over real sockets.

mod access;
mod attacks;
#[cfg(target_os = "linux")]
mod confinement;
mod dashboard;
mod identities;
mod lifecycle;
mod shape;
mod slots;
mod soak;
mod squatters;
mod tokens;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::harness::process::Process;
use crate::harness::{Home, Run};

/// Who waits so long hangs.
const HANGS: Duration = Duration::from_secs(60);

/// A service that answers.
struct Service<'h> {
    process: Process<'h>,
    caller: Caller,
    secret_file: PathBuf,
    socket: Option<PathBuf>,
}

/// Whoever knows where it is, and its secret.
struct Caller {
    port: u16,
    secret: String,
}

impl std::ops::Deref for Service<'_> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<'h> Service<'h> {
    /// At a free port, and with these arguments.
    fn start(home: &'h Home, arguments: &[&str]) -> Service<'h> {
        let mut words = vec!["serve", "--port", "0", "-o", "json"];
        words.extend(arguments);
        Service::ready(home.call(&words).spawn())
    }

    fn ready(process: Process<'h>) -> Service<'h> {
        let ready: Value = serde_json::from_str(&process.next_line()).expect("JSON");
        let url = ready["url"].as_str().expect("a URL");
        let port = url.strip_prefix("http://127.0.0.1:").expect("on loopback");
        let secret_file = PathBuf::from(ready["secretFile"].as_str().expect("a file"));
        let secret = std::fs::read_to_string(&secret_file).expect("the secret");
        Service {
            process,
            caller: Caller {
                port: port.parse().expect("a port"),
                secret,
            },
            secret_file,
            socket: ready["socket"].as_str().map(PathBuf::from),
        }
    }

    /// Stops it as Ctrl-C does.
    fn stop(self) -> Run {
        self.process.signal("INT");
        self.process.end()
    }
}

impl Caller {
    /// What any program that knows the secret gets.
    #[track_caller]
    fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[&self.bearer()], "")
    }

    fn bearer(&self) -> String {
        format!("Authorization: Bearer {}", self.secret)
    }

    /// With the right Host, these headers, and this body as JSON.
    #[track_caller]
    fn send(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        let host = format!("Host: 127.0.0.1:{}", self.port);
        let mut lines = vec![host.as_str(), "Content-Type: application/json"];
        lines.extend(headers);
        self.raw(&request(method, path, &lines, body))
    }

    /// Exactly these bytes; the request must end the connection.
    #[track_caller]
    fn raw(&self, bytes: &str) -> Answer {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(HANGS)).expect("a timeout");
        converse(stream, bytes)
    }
}

fn request(method: &str, path: &str, headers: &[&str], body: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text + "\r\n" + body
}

#[track_caller]
fn converse(mut stream: impl Read + Write, bytes: &str) -> Answer {
    // It may answer, and close, before it has read all.
    let _ = stream.write_all(bytes.as_bytes());
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    Answer::read(&String::from_utf8(text).expect("text"))
}

/// An answer, read whole.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    #[track_caller]
    fn read(text: &str) -> Answer {
        let (head, body) = text.split_once("\r\n\r\n").expect("a whole head");
        let mut lines = head.lines();
        let status = lines.next().expect("a status line");
        let status = status.split(' ').nth(1).expect("a status");
        Answer {
            status: status.parse().expect("a number"),
            headers: lines
                .map(|line| line.split_once(": ").expect("a header"))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(known, _)| known == name)?;
        Some(value)
    }

    #[track_caller]
    fn assert_status(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// The `kind` and `code` of an error, which has a next step.
    #[track_caller]
    fn error(&self) -> (String, Option<String>) {
        let error = &self.json()["error"];
        assert!(error["hint"].as_str().is_some_and(|hint| !hint.is_empty()));
        let text = |name: &str| error[name].as_str().map(str::to_owned);
        (text("kind").expect("a kind"), text("code"))
    }

    #[track_caller]
    fn token(self) -> String {
        let json = self.assert_status(200).json();
        json["token"].as_str().expect("a token").to_owned()
    }
}
