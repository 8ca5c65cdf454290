//! The token service as a process of its own, asked over real sockets.

mod access;
mod attacks;
#[cfg(target_os = "linux")]
mod confinement;
mod dashboard;
mod identities;
mod lifecycle;
mod origins;
mod shape;
mod slots;
mod soak;
mod squatters;
mod tokens;

use std::path::PathBuf;

use serde_json::Value;

use crate::harness::http::{self, Response};
use crate::harness::process::Process;
use crate::harness::{Home, Run};

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
    fn get(&self, path: &str) -> Response {
        self.send("GET", path, &[&self.bearer()], "")
    }

    fn bearer(&self) -> String {
        format!("Authorization: Bearer {}", self.secret)
    }

    /// With the right Host, these headers, and this body as JSON.
    #[track_caller]
    fn send(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Response {
        let host = format!("Host: 127.0.0.1:{}", self.port);
        let mut lines = vec![host.as_str(), "Content-Type: application/json"];
        lines.extend(headers);
        self.raw(&http::request(method, path, &lines, body))
    }

    /// Exactly these bytes; the request must end the connection.
    #[track_caller]
    fn raw(&self, bytes: &str) -> Response {
        Response::parse(&http::send(self.port, bytes))
    }
}
