//! Attacks over real sockets, byte by byte. After each of them a caller with the secret has a response at once,
//! and nothing that was refused holds a token or the secret.

mod dashboard;
mod floods;
mod framing;
mod managed_identity;
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
    home: &'h Home,
    service: Service<'h>,
    token: String,
    /// The secret of the managed identity.
    identity: Option<String>,
    /// The exit code after Ctrl-C.
    end_code: i32,
}

/// Attacks the user's service, and that of a command of `exec`.
fn on_each_service(attack: fn(AttackedService<'_>)) {
    let user_home = home();
    attack(AttackedService::start(&user_home));
    let command_home = home();
    attack(AttackedService::of_command(&command_home));
}

/// A command that prints where its service is, and then does nothing.
const COMMAND: &str = r#"
printf '{"url":"%s","secretFile":"%s","socket":"%s/socket"}\n' \
    "$ACSPASS_SERVE_URL" "$ACSPASS_SERVE_SECRET_FILE" "${ACSPASS_SERVE_SECRET_FILE%/*}"
printf '%s\n' "$IDENTITY_ENDPOINT" "$IDENTITY_HEADER"
exec sleep 600
"#;

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
        AttackedService {
            home,
            service,
            token,
            identity: None,
            end_code: 0,
        }
    }

    /// The private service of a command, with a managed identity.
    fn of_command(home: &'h Home) -> AttackedService<'h> {
        let words = ["exec", "--emulator", "--managed-identity", "--"];
        let words = [&words[..], &["sh", "-c", COMMAND]].concat();
        let service = Service::ready(home.call(&words).spawn());
        let endpoint = service.process.next_line();
        let port = service.port;
        assert_eq!(endpoint, format!("http://127.0.0.1:{port}/msi/token"));
        AttackedService {
            home,
            token: service.get("/token").token(),
            identity: Some(service.process.next_line()),
            service,
            end_code: 128 + 2,
        }
    }

    fn host(&self) -> String {
        format!("Host: 127.0.0.1:{}", self.service.port)
    }

    fn bearer(&self) -> String {
        self.service.bearer()
    }

    /// The routes that return a token, each with the header that opens it.
    fn doors(&self) -> Vec<(String, String)> {
        let identity = self.identity.as_ref();
        let identity = identity.map(|secret| {
            (
                managed_identity::right(),
                format!("X-IDENTITY-HEADER: {secret}"),
            )
        });
        let service = ("/token".to_owned(), self.bearer());
        std::iter::once(service).chain(identity).collect()
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
        let secrets = [&self.token, &self.service.secret].into_iter();
        for secret in secrets.chain(&self.identity) {
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
        assert_eq!(run.code, Some(self.end_code), "{}", run.stderr);
        run
    }
}

/// How many responses there are.
fn count_responses(text: &str) -> usize {
    text.matches("HTTP/1.1 ").count()
}
