//! Attacks over real sockets, byte by byte. After each of them a good caller is answered at once,
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

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::{Answer, HANGS, Service, converse, request};
use crate::harness::{Home, Run};

/// A web page that may ask.
const APP: &str = "http://localhost:3000";
/// What waits for the service's own ten seconds is not prompt.
const PROMPT: Duration = Duration::from_secs(5);

/// A service that holds a token, which is what an attacker is after.
struct Besieged<'h> {
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

impl<'h> Besieged<'h> {
    fn start(home: &'h Home) -> Besieged<'h> {
        let service = Service::start(home, &["--emulator", "--allow-origin", APP]);
        let token = service.get("/token").token();
        Besieged { service, token }
    }

    fn host(&self) -> String {
        format!("Host: 127.0.0.1:{}", self.service.port)
    }

    fn bearer(&self) -> String {
        self.service.bearer()
    }

    fn connect(&self) -> TcpStream {
        connect(self.service.port)
    }

    /// Sends these bytes, and then nothing more; all that comes back, which may be nothing.
    fn strike(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // It may answer, and close, before it has read all.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        drain(&mut stream)
    }

    /// One request that ends its connection, with these header lines and no others.
    fn ask(&self, method: &str, target: &str, headers: &[&str]) -> String {
        converse_bytes(
            self.connect(),
            request(method, target, headers, "").as_bytes(),
        )
    }

    /// Fails where this is not one refusal with this status that tells nothing.
    #[track_caller]
    fn assert_refused(&self, what: &str, text: &str, status: u16) -> Answer {
        self.assert_tells_nothing(what, text);
        assert_eq!(answers(text), 1, "{what}: {text}");
        let answer = Answer::read(text);
        assert_eq!(answer.status, status, "{what}: {text}");
        answer
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

    /// Fails where a good caller is not answered at once.
    #[track_caller]
    fn assert_still_answers(&self) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.service.port));
        let stream = TcpStream::connect_timeout(&address, PROMPT).expect("it takes a caller");
        stream.set_read_timeout(Some(PROMPT)).expect("a limit");
        let headers = [self.host(), self.bearer()];
        let headers = headers.each_ref().map(String::as_str);
        let answer = converse(stream, &request("GET", "/token", &headers, ""));
        assert!(answer.token() == self.token, "another token");
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

fn connect(port: u16) -> TcpStream {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, HANGS).expect("it listens");
    stream.set_read_timeout(Some(HANGS)).expect("a limit");
    stream.set_write_timeout(Some(HANGS)).expect("a limit");
    stream
}

/// How many answers there are.
fn answers(text: &str) -> usize {
    text.matches("HTTP/1.1 ").count()
}

fn converse_bytes(mut stream: TcpStream, bytes: &[u8]) -> String {
    let _ = stream.write_all(bytes);
    drain(&mut stream)
}

/// All that comes until the connection is closed or cut.
fn drain(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    if let Err(error) = stream.read_to_end(&mut text) {
        let is_cut = !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(is_cut, "the connection was never closed");
    }
    String::from_utf8_lossy(&text).into_owned()
}
