//! Attacks over real sockets, byte by byte. After each of them a caller with the secret has a response at once,
//! and nothing that was refused holds a token or the secret.

mod dashboard;
mod floods;
mod framing;
mod neighbours;
mod other_user;
mod refused;
mod senders;
mod sizes;
mod targets;

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::Service;
use crate::harness::http::{self, Response};
use crate::harness::{Home, Run};

/// A web page that may ask.
const APP: &str = "http://localhost:3000";
/// What waits for the service's own ten seconds is not prompt.
const PROMPT: Duration = Duration::from_secs(5);

/// A service that holds a token.
struct AttackedService<'h> {
    service: Service<'h>,
    token: String,
}

/// A home without anything in it: the service's world is its own emulator.
fn home() -> Home {
    let mut home = Home::new();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    home
}

impl<'h> AttackedService<'h> {
    fn start(home: &'h Home) -> AttackedService<'h> {
        let service = Service::start(home, &["--emulator", "--allow-origin", APP]);
        let token = service.get("/token").token();
        AttackedService { service, token }
    }

    fn host(&self) -> String {
        format!("Host: 127.0.0.1:{}", self.service.port)
    }

    fn bearer(&self) -> String {
        self.service.bearer()
    }

    fn connect(&self) -> TcpStream {
        http::connect(self.service.port)
    }

    /// Sends these bytes and ends the request side. Returns all that comes back, which may be nothing.
    fn send_bytes(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // It may answer, and close, before it has read all.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        http::read_to_end(&mut stream)
    }

    /// One request that ends its connection, with these header lines and no others.
    fn ask(&self, method: &str, target: &str, headers: &[&str]) -> String {
        let request = http::request(method, target, headers, "");
        http::exchange(self.connect(), request)
    }

    /// Fails where this is not one refusal with this status that tells nothing.
    #[track_caller]
    fn assert_refused(&self, what: &str, text: &str, status: u16) -> Response {
        self.assert_tells_nothing(what, text);
        assert_eq!(count_responses(text), 1, "{what}: {text}");
        let response = Response::parse(text);
        assert_eq!(response.status, status, "{what}: {text}");
        response
    }

    /// Fails where anything was granted, or let out.
    #[track_caller]
    fn assert_tells_nothing(&self, what: &str, text: &str) {
        assert!(!text.contains("HTTP/1.1 2"), "{what} was granted");
        self.assert_holds_nothing(what, text);
    }

    #[track_caller]
    fn assert_holds_nothing(&self, what: &str, text: &str) {
        for secret in [&self.token, &self.service.secret] {
            assert!(!text.contains(secret.as_str()), "{what} got a secret");
        }
        for part in self.token.split('.').skip(1) {
            assert!(!text.contains(part), "{what} got part of a token");
        }
    }

    /// Fails if a caller with the secret has no response at once.
    #[track_caller]
    fn assert_still_answers(&self) {
        let stream = self.connect();
        http::set_timeout(&stream, PROMPT);
        let headers = [self.host(), self.bearer()];
        let headers = headers.each_ref().map(String::as_str);
        let text = http::exchange(stream, http::request("GET", "/token", &headers, ""));
        assert!(
            Response::parse(&text).token() == self.token,
            "another token"
        );
    }

    fn memory_kib(&self, name: &str) -> u64 {
        let kib = self.service.process.status_kib(name);
        kib.expect("it lives, on Linux")
    }

    #[track_caller]
    fn end(self) -> Run {
        self.assert_still_answers();
        let run = self.service.stop();
        run.assert_code(0);
        run
    }
}

/// How many responses there are.
fn count_responses(text: &str) -> usize {
    text.matches("HTTP/1.1 ").count()
}
