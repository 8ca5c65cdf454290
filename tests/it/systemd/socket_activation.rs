//! Sockets that systemd binds and passes to the service, and the report of readiness.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::free_port;
use crate::harness::process::Process;
use crate::harness::{Home, http};

const PACKAGE: &str = "install the package systemd";

fn home() -> Home {
    let (mut home, _emulator) = Home::with_emulator();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    home
}

/// Starts the service with systemd-socket-activate: it binds the sockets and waits for a connection.
fn activated<'h>(home: &'h Home, options: &[&str]) -> Process<'h> {
    let mut program = Command::new("systemd-socket-activate");
    program.args(options);
    for name in home.variables.keys() {
        program.args(["-E", name]);
    }
    program.arg(env!("CARGO_BIN_EXE_acspass"));
    let call = home.call(&["serve", "-o", "json"]).plainly();
    let process = call.spawn_under(&mut program, PACKAGE);
    process.says("Listening on");
    process
}

/// Requests the service's health, and returns the first line of the response.
fn ask(address: &str, port: &str) -> String {
    let host = format!("Host: localhost:{port}");
    let request = http::request("GET", "/healthz", &[&host], "");
    let response = http::exchange(http::connect_to(address), request);
    response.lines().next().expect("a line").to_owned()
}

#[test]
fn connection_before_the_start_is_answered_on_both_families() {
    let home = home();
    for first in ["127.0.0.1", "[::1]"] {
        let port = free_port();
        let [v4, v6] = [format!("127.0.0.1:{port}"), format!("[::1]:{port}")];
        let process = activated(&home, &["-l", &v4, "-l", &v6]);
        // Only systemd has the port at this point.
        let first = format!("{first}:{port}");
        assert_eq!(ask(&first, &port), "HTTP/1.1 200 OK");
        let ready: Value = serde_json::from_str(&process.next_line()).expect("JSON");
        assert_eq!(ready["url"], format!("http://127.0.0.1:{port}"));
        for address in [&v4, &v6] {
            assert_eq!(ask(address, &port), "HTTP/1.1 200 OK", "{address}");
        }
        process.signal("TERM");
        process.end().assert_code(0);
    }
}

#[test]
fn service_also_listens_on_the_family_without_a_passed_socket() {
    let home = home();
    let port = free_port();
    let process = activated(&home, &["-l", &format!("127.0.0.1:{port}")]);
    for host in ["127.0.0.1", "[::1]"] {
        assert_eq!(ask(&format!("{host}:{port}"), &port), "HTTP/1.1 200 OK");
    }
    process.signal("TERM");
    process.end().assert_code(0);
}

#[test]
fn socket_that_other_machines_reach_is_refused() {
    let home = home();
    let port = free_port();
    let process = activated(&home, &["-l", &format!("0.0.0.0:{port}")]);
    let _caller = http::connect(port.parse().expect("a port"));
    let run = process.end();
    run.assert_code(2)
        .assert_says(&["not loopback", "[::1] at one port"]);
    assert!(!home.path().join("state/serve/secret").exists());
}

#[test]
fn unix_socket_is_refused() {
    let home = home();
    let path = home.path().join("other");
    let process = activated(&home, &["-l", &path.display().to_string()]);
    let _caller = std::os::unix::net::UnixStream::connect(&path).expect("systemd listens");
    let run = process.end();
    run.assert_code(2)
        .assert_says(&["is not a listener on loopback", "fd 3", "--install"]);
}

#[test]
fn sockets_for_another_process_are_ignored() {
    for pid in ["1", "nonsense", ""] {
        let mut home = home();
        home.set("LISTEN_PID", pid);
        home.set("LISTEN_FDS", "2");
        let process = home.call(&["serve", "--port", "0", "-o", "json"]).spawn();
        let ready: Value = serde_json::from_str(&process.next_line()).expect("JSON");
        assert!(ready["url"].is_string());
        process.signal("TERM");
        process.end().assert_code(0);
    }
}

#[test]
fn readiness_is_reported_after_the_secret_exists_and_no_request_is_logged() {
    let mut home = home();
    let path = home.path().join("notify");
    let by_path = UnixDatagram::bind(&path).expect("a socket");
    let name = format!("acspass-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let abstractly = UnixDatagram::bind_addr(&address).expect("a socket");
    for (socket, address) in [
        (by_path, path.display().to_string()),
        (abstractly, format!("@{name}")),
    ] {
        home.set("NOTIFY_SOCKET", &address);
        let process = home
            .call(&["serve", "--port", "0", "-o", "json"])
            .plainly()
            .spawn();
        socket
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("a timeout");
        let mut said = [0; 64];
        let length = socket.recv(&mut said).expect("a datagram");
        assert_eq!(&said[..length], b"READY=1");
        assert!(home.path().join("state/serve/secret").exists());
        let ready: Value = serde_json::from_str(&process.next_line()).expect("JSON");
        let port = ready["url"]
            .as_str()
            .and_then(|url| url.rsplit_once(':'))
            .expect("a port")
            .1;
        for _ in 0..3 {
            assert_eq!(ask(&format!("127.0.0.1:{port}"), port), "HTTP/1.1 200 OK");
        }
        process.signal("TERM");
        let run = process.end();
        run.assert_code(0);
        assert_eq!(run.stderr, "The service stopped.\n");
    }
}
