//! Another program at the service's port: a client sends it neither secret nor Entra token, and takes
//! nothing from it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use acspass::Kind;
use acspass::emulator::Emulator;
use acspass::serve::Client;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use serde_json::Value;
use sha2::Sha256;

use super::{Caller, Service};
use crate::harness::Home;
use crate::harness::users::{ADA, EVE, Ended, Machine};

const NONCE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// What a squatter would like to be taken for a token.
const BAIT: &str = "eyJhbGciOiJub25lIn0.eyJiYWl0IjoxfQ.bait";

/// A program that answers as the service does, and notes all that it receives.
struct Squatter {
    port: u16,
    received: Arc<Mutex<Vec<u8>>>,
}

impl Squatter {
    /// At this port. Its proofs come from the service at `relayed_to`, or are made up.
    fn at(port: u16, relayed_to: Option<u16>) -> Squatter {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let port = listener.local_addr().expect("bound").port();
        let received = Arc::<Mutex<Vec<u8>>>::default();
        let notes = received.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, notes) = (stream.expect("a connection"), notes.clone());
                std::thread::spawn(move || converse(&stream, &notes, relayed_to));
            }
        });
        Squatter { port, received }
    }

    #[track_caller]
    fn assert_got_nothing(&self, secrets: &[&str]) {
        let received = self.received.lock().expect("no panic");
        let text = String::from_utf8_lossy(&received).to_ascii_lowercase();
        assert!(
            text.contains("acspass-nonce: "),
            "it was asked for a proof: {text}"
        );
        assert!(!text.contains("authorization"), "{text}");
        for secret in secrets {
            assert!(
                !text.contains(&secret.to_ascii_lowercase()),
                "a secret was sent"
            );
        }
    }
}

/// Answers each request of a connection.
fn converse(stream: &TcpStream, notes: &Mutex<Vec<u8>>, relayed_to: Option<u16>) {
    let mut lines = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if lines.read_line(&mut head).is_ok_and(|read| read == 0) {
                return;
            }
        }
        notes.lock().expect("no panic").extend(head.as_bytes());
        let proof = relayed_to.and_then(|port| relayed_proof(port, &head));
        let proof = proof.unwrap_or_else(|| "A".repeat(43));
        let body = format!("{{\"token\": \"{BAIT}\", \"expiresOn\": \"2099-01-01T00:00:00Z\"}}");
        let response = format!(
            "HTTP/1.1 200 OK\r\nacspass-proof: {proof}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if (&*stream).write_all(response.as_bytes()).is_err() {
            return;
        }
    }
}

/// The proof that a service gives for the nonce of this request.
fn relayed_proof(port: u16, head: &str) -> Option<String> {
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    let (_, nonce) = headers.find(|(name, _)| name.eq_ignore_ascii_case("acspass-nonce"))?;
    proof_of(&caller(port), nonce)
}

/// Whoever knows the port alone.
fn caller(port: u16) -> Caller {
    Caller {
        port,
        secret: String::new(),
    }
}

fn proof_of(caller: &Caller, nonce: &str) -> Option<String> {
    let nonce = format!("acspass-nonce: {nonce}");
    let response = caller.send("GET", "/healthz", &[&nonce], "");
    let response = response.assert_status(200);
    response.header("acspass-proof").map(str::to_owned)
}

/// A home in which a user is signed in, and whose service has no Unix socket: its path is too long.
fn without_socket() -> (Home, Arc<Emulator>) {
    let (mut home, emulator) = Home::with_keyring();
    let deep = home.path().join("x".repeat(120)).display().to_string();
    home.set("ACSPASS_STATE_DIR", &deep);
    home.login();
    (home, emulator)
}

fn ask(url: &str, secret_file: &Path) -> acspass::Result<u16> {
    let client = Client::new(url, secret_file).expect("an address of this machine");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let reply = runtime.block_on(client.send(Method::GET, "/token"))?;
    let text = String::from_utf8_lossy(&reply.body);
    assert!(!text.contains(BAIT), "the squatter's token was taken");
    Ok(reply.status)
}

#[track_caller]
fn assert_refused(outcome: acspass::Result<u16>, why: &str) {
    let error = outcome.expect_err("the squatter was believed");
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(error.to_string().contains(why), "{error}");
}

/// Prints a token of the service at an address.
const REFRESH: &str = "import sys, acspass_tokens
print(acspass_tokens.TokenRefresher(url=sys.argv[1], secret_file=sys.argv[2])().token)";

/// Copies the Python refresher into a folder, as an app does, beside what it needs of azure-core.
fn refresher_in(folder: &Path) {
    let core = folder.join("azure/core");
    std::fs::create_dir_all(&core).expect("a folder");
    let module = "from collections import namedtuple\n\
                  AccessToken = namedtuple('AccessToken', 'token expires_on')\n";
    std::fs::write(core.join("credentials.py"), module).expect("written");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/refreshers/python");
    let name = "acspass_tokens.py";
    std::fs::copy(examples.join(name), folder.join(name)).expect("copied");
}

/// Runs the Python refresher against an address: whether it had a token, and what it said.
fn refresh_in_python(url: &str, secret_file: &Path) -> (bool, String) {
    let folder = tempfile::tempdir().expect("a folder");
    refresher_in(folder.path());
    let run = Command::new("python3")
        .args(["-c", REFRESH, url])
        .arg(secret_file)
        .env("PYTHONPATH", folder.path())
        .output()
        .expect("python3");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    let printed = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(!printed.contains(BAIT), "the squatter's token was taken");
    (run.status.success(), said)
}

#[test]
fn service_proves_itself_for_its_own_port_and_one_nonce() {
    let home = super::dashboard::open();
    let service = Service::start(&home, &["--allow-origin", "http://localhost:3000"]);
    let text = format!("acspass-service-proof-v1\n{}\n{NONCE}", service.port);
    let mut mac = Hmac::<Sha256>::new_from_slice(service.secret.as_bytes()).expect("a key");
    mac.update(text.as_bytes());
    let expected = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    assert_eq!(proof_of(&service, NONCE), Some(expected.clone()));
    // On each response, so that the one that is used can be checked; also without the secret.
    let nonce = format!("acspass-nonce: {NONCE}");
    let bearer = service.bearer();
    for (path, headers, status) in [
        ("/status", vec![nonce.as_str(), &bearer], 200),
        ("/nowhere", vec![&nonce, &bearer], 404),
        ("/token", vec![&nonce], 401),
    ] {
        let response = service
            .send("GET", path, &headers, "")
            .assert_status(status);
        assert_eq!(
            response.header("acspass-proof"),
            Some(expected.as_str()),
            "{path}"
        );
    }
    for headers in [
        vec![],
        vec!["acspass-nonce: short"],
        vec!["acspass-nonce: not Base64url, and long enough"],
        vec![nonce.as_str(), &nonce],
    ] {
        let response = service
            .send("GET", "/healthz", &headers, "")
            .assert_status(200);
        assert_eq!(response.header("acspass-proof"), None, "{headers:?}");
    }
    // No page that the user has not approved gets one.
    let foreign = service.send("GET", "/healthz", &[&nonce, "Origin: http://evil.test"], "");
    assert_eq!(foreign.assert_status(403).header("acspass-proof"), None);
    let approved = "Origin: http://localhost:3000";
    let page = service.send("GET", "/healthz", &[&nonce, approved], "");
    assert_eq!(page.header("acspass-proof"), Some(expected.as_str()));
    let exposed = page
        .header("access-control-expose-headers")
        .expect("headers");
    assert!(exposed.contains("acspass-proof"), "{exposed}");
    let wanted = "Access-Control-Request-Method: GET";
    let preflight = service.send("OPTIONS", "/healthz", &[approved, wanted], "");
    let allowed = preflight
        .header("access-control-allow-headers")
        .expect("headers");
    assert!(allowed.contains("acspass-nonce"), "{allowed}");
    service.stop().assert_code(0);
}

#[test]
fn clients_send_nothing_to_a_program_that_took_the_port_of_a_killed_service() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let service = Service::start(&home, &[]);
    let (port, secret) = (service.port, service.secret.clone());
    let url = format!("http://127.0.0.1:{port}");
    let secret_file = service.secret_file.clone();
    assert_eq!(ask(&url, &secret_file).expect("the service itself"), 200);
    let (is_good, said) = refresh_in_python(&url, &secret_file);
    assert!(is_good, "{said}");
    service.process.signal("KILL");
    service.process.end();

    let squatter = Squatter::at(port, None);
    assert_refused(
        ask(&url, &secret_file),
        "the secret file belongs to an earlier run",
    );
    let (is_good, said) = refresh_in_python(&url, &secret_file);
    assert!(
        !is_good && said.contains("did not prove that it knows the secret"),
        "{said}"
    );
    // What looks for a service finds none, names none to a command, and removes what is stale.
    let status = home.real(&["serve", "--status", "-o", "json"]);
    assert_eq!(status.json()["running"], false);
    assert!(!secret_file.exists());
    let script = "echo \"[$ACSPASS_SERVE_URL$ACSPASS_SERVE_SECRET_FILE]\"";
    let exec = home.real(&["exec", "--", "sh", "-c", script]);
    assert_eq!(exec.assert_code(0).stdout, "[]\n");
    assert_refused(ask(&url, &secret_file), "the secret file is missing");
    squatter.assert_got_nothing(&[&secret]);
}

/// Listens at a port, answers like the service, and writes all that it receives to a file.
const EVES_PROGRAM: &str = r#"
import socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
notes = open(sys.argv[2], "ab", buffering=0)
print("ready", flush=True)
body = b'{"token": "bait", "expiresOn": "2099-01-01T00:00:00Z"}'
while True:
    connection, _ = listener.accept()
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = connection.recv(4096)
        if not part:
            break
        head += part
        notes.write(part)
    connection.sendall(b"HTTP/1.1 200 OK\r\nacspass-proof: " + b"A" * 43
        + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    connection.close()
"#;

#[test]
fn another_user_at_the_port_of_a_killed_service_gets_nothing() {
    let (home, _emulator) = Home::with_emulator();
    let machine = Machine::new();
    let state = machine.home(ADA).join("state");
    let mut variables: Vec<(&str, &OsStr)> = home
        .variables
        .iter()
        .map(|(name, value)| (name.as_str(), OsStr::new(value)))
        .filter(|(name, _)| !["HOME", "PATH", "ACSPASS_CONFIG_DIR"].contains(name))
        .collect();
    variables.push(("ACSPASS_STATE_DIR", state.as_os_str()));
    let ended = |arguments: &[&str]| Ended::of(ADA.acspass(&machine, &variables).args(arguments));
    let mut service = ADA
        .acspass(&machine, &variables)
        .args(["serve", "--port", "0", "-o", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("a service");
    let mut line = String::new();
    let mut out = BufReader::new(service.stdout.take().expect("a pipe"));
    out.read_line(&mut line).expect("a line");
    let ready: Value = serde_json::from_str(&line).expect("JSON");
    let url = ready["url"].as_str().expect("a URL").to_owned();
    let secret_file = Path::new(ready["secretFile"].as_str().expect("a file")).to_owned();
    let secret = std::fs::read_to_string(&secret_file).expect("the secret");
    let lock = std::fs::read(secret_file.with_file_name("lock")).expect("the lock");
    let pid = serde_json::from_slice::<Value>(&lock).expect("JSON")["pid"].to_string();
    assert!(
        Command::new("kill")
            .args(["-KILL", &pid])
            .status()
            .expect("kill")
            .success()
    );
    service.wait().expect("it is over");
    assert!(secret_file.exists(), "nothing was left to remove it");

    let received = machine.shared().join("received");
    let port = url.rsplit(':').next().expect("a port");
    let mut eve = EVE
        .command("/usr/bin/python3")
        .args(["-c", EVES_PROGRAM, port])
        .arg(&received)
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut line = String::new();
    let mut out = BufReader::new(eve.stdout.take().expect("a pipe"));
    out.read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");

    let folder = machine.shared().join("app");
    refresher_in(&folder);
    let mut refresh = ADA.command("timeout");
    refresh
        .args(["60", "/usr/bin/python3", "-c", REFRESH, &url])
        .arg(&secret_file);
    let refresh = refresh
        .env("PYTHONPATH", &folder)
        .output()
        .expect("python3");
    let said = String::from_utf8_lossy(&refresh.stderr);
    assert!(
        !refresh.status.success() && refresh.stdout.is_empty(),
        "{said}"
    );
    assert!(
        said.contains("did not prove that it knows the secret"),
        "{said}"
    );
    // What looks for the service finds none, and removes the secret.
    ended(&["serve", "--status"]).assert_code(6);
    assert!(!secret_file.exists());
    eve.kill().expect("it runs");
    eve.wait().expect("it is over");
    let received = std::fs::read_to_string(&received).expect("the nonces");
    let received = received.to_ascii_lowercase();
    assert!(
        received.contains("acspass-nonce: "),
        "it was asked: {received}"
    );
    assert!(!received.contains("authorization"), "{received}");
    assert!(
        !received.contains(&secret.to_ascii_lowercase()),
        "{received}"
    );
}

#[test]
fn proof_that_another_program_passes_on_is_not_taken() {
    let (home, _emulator) = without_socket();
    let service = Service::start(&home, &[]);
    let squatter = Squatter::at(0, Some(service.port));
    let there = format!("http://127.0.0.1:{}", squatter.port);
    assert_refused(ask(&there, &service.secret_file), "did not prove");
    let (is_good, said) = refresh_in_python(&there, &service.secret_file);
    assert!(
        !is_good && said.contains("did not prove that it knows the secret"),
        "{said}"
    );
    squatter.assert_got_nothing(&[&service.secret]);
    // The service itself is asked over TCP, at each of its names.
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let url = format!("http://{host}:{}", service.port);
        assert_eq!(ask(&url, &service.secret_file).expect(host), 200);
        let (is_good, said) = refresh_in_python(&url, &service.secret_file);
        assert!(is_good, "{host}: {said}");
    }
    service.stop().assert_code(0);
}

#[test]
fn clients_prefer_the_unix_socket() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let service = Service::start(&home, &[]);
    let squatter = Squatter::at(0, Some(service.port));
    let there = format!("http://127.0.0.1:{}", squatter.port);
    assert_eq!(ask(&there, &service.secret_file).expect("the socket"), 200);
    let (is_good, said) = refresh_in_python(&there, &service.secret_file);
    assert!(is_good, "{said}");
    let received = squatter.received.lock().expect("no panic");
    assert!(
        received.is_empty(),
        "{}",
        String::from_utf8_lossy(&received)
    );
    service.stop().assert_code(0);
}

#[test]
fn client_refuses_an_address_of_another_machine() {
    for url in [
        "http://192.0.2.1:8487",
        "http://localhost.evil.test:8487",
        "https://127.0.0.1:8487",
        "127.0.0.1:8487",
        "",
    ] {
        let error = Client::new(url, "secret").expect_err(url);
        assert_eq!(error.kind(), Kind::Usage, "{url}");
    }
}
