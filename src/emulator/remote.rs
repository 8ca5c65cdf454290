//! A client of the control API, for the commands that change a running emulator.
//!
//! It speaks plain http with a listener of this machine only, and sends each request once.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tracing::warn;
use url::Url;

use crate::emulator::authority::DevelopmentAuthority;
use crate::emulator::client_environment::{Addresses, ClientEnvironment};
use crate::emulator::ports::HTTP_PORT;
use crate::error::{Error, Kind, Result};
use crate::loopback::is_loopback_host;
use crate::text::one_line;
use crate::time::{Timestamp, in_words};

const HINT: &str = "Run `acspass emulator`, or set ACSPASS_EMULATOR_URL to its http address.";
/// The deadline for a connection to this machine.
const CONNECT: Duration = Duration::from_millis(500);
/// The deadline for a whole response.
const DEADLINE: Duration = Duration::from_secs(10);
const MAX_RESPONSE_BYTES: u64 = 512 * 1024 * 1024;

/// The control API of a running emulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    host: String,
    port: u16,
    /// Whether the address was given, by `ACSPASS_EMULATOR_URL`.
    is_given: bool,
    /// The limit for a whole response.
    deadline: Duration,
}

impl Remote {
    /// Returns the client for this base URL; without one, for the address of `acspass emulator`
    /// without options.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the URL is not the http address of a listener on this machine.
    pub fn new(url: Option<&str>) -> Result<Remote> {
        let Some(url) = url else {
            return Ok(Remote {
                host: "localhost".to_owned(),
                port: HTTP_PORT,
                is_given: false,
                deadline: DEADLINE,
            });
        };
        // The value may be a mistake with a secret in it, so it is not shown.
        let invalid = || {
            Error::usage(
                "invalid address of the emulator",
                "Set ACSPASS_EMULATOR_URL to the http address of an emulator on this machine, such \
                 as http://localhost:8485.",
            )
        };
        let url = Url::parse(url.trim()).map_err(|_| invalid())?;
        let host = url.host_str().filter(|host| is_loopback_host(host));
        let has_more = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
        let has_user = !url.username().is_empty() || url.password().is_some();
        match (url.scheme(), host, url.port_or_known_default()) {
            ("http", Some(host), Some(port)) if !has_more && !has_user => Ok(Remote {
                host: host.to_owned(),
                port,
                is_given: true,
                deadline: DEADLINE,
            }),
            _ => Err(invalid()),
        }
    }

    /// Reads a path below `/_emulator/v1`.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] if no emulator responds, [`Kind::Usage`] if it refuses the request.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.send("GET", path, None)
    }

    /// Returns the environment variables that lead clients to this emulator. `files` are those whose
    /// certificates stay trusted, see [`DevelopmentAuthority::bundle`].
    ///
    /// # Errors
    /// As [`Remote::get`] and [`DevelopmentAuthority::bundle`].
    pub fn environment(
        &self,
        authority: &DevelopmentAuthority,
        now: Timestamp,
        files: &[PathBuf],
    ) -> Result<ClientEnvironment> {
        let info = self.get("/info")?;
        let addresses = Addresses::of_info(&info).ok_or_else(|| self.foreign())?;
        let ca_file = info["caFile"].as_str().map(Path::new);
        let bundle = match ca_file == Some(&authority.certificate_path()) {
            true => Some(authority.bundle(now, files)?),
            false => None,
        };
        if bundle.is_none() && info["httpsUrl"].is_string() {
            warn!(
                "the emulator's certificate is not from the authority of this state folder, so no \
                 variable names it"
            );
        }
        Ok(ClientEnvironment::new(addresses, bundle.as_deref()))
    }

    /// Sends a change to a path below `/_emulator/v1`. Returns null for an empty response.
    ///
    /// # Errors
    /// As [`Remote::get`].
    pub fn change(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        self.send(method, path, body)
    }

    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let response = self.exchange(&self.request(method, path, body));
        let response = response.map_err(|error| self.failed(error))?;
        let (head, body) = split(&response).ok_or_else(|| self.foreign())?;
        let is_emulator = head.to_ascii_lowercase().contains("\r\nx-emulator: ");
        let status: Option<u16> = head.get(9..12).and_then(|status| status.parse().ok());
        match status.filter(|_| is_emulator) {
            Some(204) => Ok(Value::Null),
            Some(200) => serde_json::from_slice(body).map_err(|_| self.foreign()),
            Some(_) => Err(refused(body)),
            None => Err(self.foreign()),
        }
    }

    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> String {
        let body = body.map(Value::to_string).unwrap_or_default();
        let content_type = match body.is_empty() {
            true => "",
            false => "Content-Type: application/json\r\n",
        };
        format!(
            "{method} /_emulator/v1{path} HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\n\
             X-Acspass-Emulator: 1\r\n{content_type}Content-Length: {}\r\n\r\n{body}",
            self.host,
            self.port,
            body.len()
        )
    }

    /// Sends the request, and reads the response until the connection ends.
    fn exchange(&self, request: &str) -> std::io::Result<Vec<u8>> {
        let until = Instant::now() + self.deadline;
        let mut connection = self.connect()?;
        connection.set_write_timeout(Some(self.deadline))?;
        connection.write_all(request.as_bytes())?;
        let mut response = Vec::new();
        let mut chunk = vec![0; 64 * 1024];
        while (response.len() as u64) < MAX_RESPONSE_BYTES {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            connection.set_read_timeout(Some(left))?;
            match connection.read(&mut chunk)? {
                0 => return Ok(response),
                read => response.extend_from_slice(&chunk[..read]),
            }
        }
        Err(ErrorKind::FileTooLarge.into())
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let addresses = (host, self.port).to_socket_addrs()?;
        let mut failure = ErrorKind::AddrNotAvailable.into();
        for address in addresses.filter(|address: &SocketAddr| address.ip().is_loopback()) {
            match TcpStream::connect_timeout(&address, CONNECT) {
                Ok(connection) => return Ok(connection),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Returns the address of the page that shows each request.
    pub fn page_url(&self) -> String {
        format!("{}/_emulator/", self.url())
    }

    fn url(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }

    /// Returns the error for an address without an emulator.
    pub fn unreachable(&self) -> Error {
        let source = match self.is_given {
            true => " (from ACSPASS_EMULATOR_URL)",
            false => "",
        };
        let message = format!("no emulator responds at {}{source}", self.url());
        let hint = match self.is_given {
            true => {
                "Run `acspass emulator` and `unset ACSPASS_EMULATOR_URL`, or set the variable to the \
                     http address of an emulator that runs."
            }
            false => HINT,
        };
        Error::new(Kind::Unreachable, message, hint)
    }

    /// Returns the error for a connection that failed. An expired limit of a socket is `WouldBlock` on
    /// Unix and `TimedOut` on Windows.
    fn failed(&self, error: std::io::Error) -> Error {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => self.unreachable().caused_by(format!(
                "no response arrived within {}",
                in_words(self.deadline)
            )),
            _ => self.unreachable().caused_by(error),
        }
    }

    fn foreign(&self) -> Error {
        let message = format!(
            "the program at {} is not an emulator of this version",
            self.url()
        );
        Error::new(Kind::Unreachable, message, HINT)
    }
}

/// Splits a response into its head and its body.
fn split(response: &[u8]) -> Option<(&str, &[u8])> {
    const END: &[u8] = b"\r\n\r\n";
    let at = response
        .windows(END.len())
        .position(|window| window == END)?;
    let head = std::str::from_utf8(&response[..at + 2]).ok()?;
    Some((head, &response[at + END.len()..]))
}

/// Returns the emulator's refusal as an error.
fn refused(body: &[u8]) -> Error {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = body["error"]["message"].as_str().unwrap_or_default();
    let message = one_line(message.trim_end_matches('.'), 300);
    Error::usage(
        format!("the emulator refused the request: {message}"),
        "Correct the value. The page `Control API of the emulator` lists all of them.",
    )
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use serde_json::json;

    use super::*;
    use crate::emulator::{Emulator, Options};

    #[test]
    fn only_http_addresses_of_this_machine_are_accepted() {
        for right in [
            "http://localhost:8485",
            "http://127.0.0.1:1/",
            "http://[::1]:9",
            "http://localhost",
        ] {
            assert!(Remote::new(Some(right)).is_ok(), "{right}");
        }
        for wrong in [
            "",
            "localhost:8485",
            "https://localhost:8485",
            "http://evil.test:8485",
            "http://10.0.0.1",
            "http://localhost.evil.test",
            "http://user@localhost:1",
            "http://localhost:1/x",
            "http://localhost:1?x",
        ] {
            let error = Remote::new(Some(wrong)).expect_err(wrong);
            assert_eq!(error.kind(), Kind::Usage, "{wrong}");
        }
        assert_eq!(
            Remote::new(None).expect("the default").url(),
            "http://localhost:8485"
        );
    }

    #[test]
    fn requests_reach_a_running_emulator() {
        let emulator = Emulator::start(Options::default()).expect("an emulator");
        let remote = Remote::new(Some(&emulator.http_url())).expect("its address");
        assert_eq!(remote.get("/info").expect("a response")["ready"], true);
        let body = json!({"frozen": true});
        let clock = remote
            .change("PUT", "/clock", Some(&body))
            .expect("a change");
        assert_eq!(clock["frozen"], true);
        let none = remote.change("DELETE", "/journal", None).expect("a change");
        assert_eq!(none, Value::Null);
        let refused = remote.change("PUT", "/clock", Some(&json!({"x": 1})));
        let refused = refused.expect_err("an unknown member");
        assert_eq!(refused.kind(), Kind::Usage);
        assert!(
            refused.message().contains("$.x: is not a member"),
            "{refused}"
        );
    }

    #[test]
    fn a_port_that_accepts_and_never_answers_is_named_with_the_time_limit() {
        // The backlog accepts the connection.
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let remote = Remote {
            deadline: Duration::from_secs(1),
            ..Remote::new(Some(&url)).expect("an address")
        };
        let error = remote.get("/info").expect_err("no response");
        assert_eq!(error.kind(), Kind::Unreachable);
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("no response arrived within 1 s"));
    }

    #[test]
    fn a_program_that_is_no_emulator_and_a_free_port_are_unreachable() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let url = format!("http://127.0.0.1:{port}");
        let remote = Remote::new(Some(&url)).expect("an address");
        let served = thread::spawn(move || {
            let (mut connection, _) = listener.accept().expect("a client");
            let mut request = [0; 1024];
            let _ = connection.read(&mut request).expect("a request");
            let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
            connection.write_all(response).expect("it reads");
        });
        let error = remote.get("/info").expect_err("no emulator");
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.message().contains("is not an emulator"), "{error}");
        served.join().expect("the other program");
        let error = remote.get("/info").expect_err("a free port");
        assert_eq!(error.kind(), Kind::Unreachable);
        let expected = format!("no emulator responds at {url} (from ACSPASS_EMULATOR_URL)");
        assert_eq!(error.message(), expected);
        let fixed = Remote::new(None).expect("an address").unreachable();
        let expected = "no emulator responds at http://localhost:8485";
        assert_eq!(fixed.message(), expected);
        assert!(
            error.hint().contains("`acspass emulator`"),
            "{}",
            error.hint()
        );
    }
}
