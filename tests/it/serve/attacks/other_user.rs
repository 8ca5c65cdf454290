//! Connections from another user of the same machine, with everything else right.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{Besieged, Service, home};
use crate::harness::users::EVE;

/// Not one of a version manager, which other users may be unable to reach.
const PYTHON: &str = "/usr/bin/python3";

/// Connects as another user, sends `request`, then closes as `ending` says. Prints the reply.
const CLIENT: &str = r#"
import socket, struct, sys
host, port, ending, request = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.stdin.buffer.read()
client = socket.create_connection((host, port), timeout=20)
try:
    client.sendall(request)
    if ending == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if ending == "read":
        while True:
            part = client.recv(65536)
            if not part:
                break
            sys.stdout.buffer.write(part)
except (ConnectionResetError, BrokenPipeError):
    pass
client.close()
"#;

fn send(client: Command, host: &str, port: u16, ending: &str, request: &str) -> String {
    let mut client = client;
    let mut client = client
        .args(["-c", CLIENT, host, &port.to_string(), ending])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("setpriv and python3");
    let mut input = client.stdin.take().expect("it is piped");
    input.write_all(request.as_bytes()).expect("it reads");
    drop(input);
    let output = client.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn send_as_self(host: &str, port: u16, ending: &str, request: &str) -> String {
    send(Command::new(PYTHON), host, port, ending, request)
}

fn send_as_eve(host: &str, port: u16, ending: &str, request: &str) -> String {
    send(EVE.command(PYTHON), host, port, ending, request)
}

#[test]
fn connection_of_another_user_is_closed_unread_even_with_the_secret() {
    let home = home();
    let besieged = Besieged::start(&home);
    let port = besieged.service.port;
    for host in ["127.0.0.1", "::1"] {
        let name = if host == "::1" { "[::1]" } else { host };
        let request = format!(
            "GET /token HTTP/1.1\r\nHost: {name}:{port}\r\n{}\r\nConnection: close\r\n\r\n",
            besieged.bearer()
        );
        let own = send_as_self(host, port, "read", &request);
        assert!(own.contains(&besieged.token), "the client works: {own}");
        let other = send_as_eve(host, port, "read", &request);
        assert_eq!(other, "", "{host}");
    }
    besieged.assert_still_answers();
    besieged.end();
}

#[test]
fn request_has_no_effect_if_its_socket_is_closed_before_the_owner_is_known() {
    let home = home();
    // The emulator logs each request that the service makes.
    let service = Service::start(&home, &["--emulator", "-v"]);
    let port = service.port;
    let request = format!(
        "POST /identities HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{}\r\nContent-Length: \
         0\r\nConnection: close\r\n\r\n",
        service.bearer()
    );
    let own = send_as_self("127.0.0.1", port, "read", &request);
    assert!(own.contains("8:acs:"), "the request is right: {own}");
    for ending in ["close", "reset"] {
        for _ in 0..20 {
            send_as_eve("127.0.0.1", port, ending, &request);
        }
    }
    // The service has dealt with every connection before this one.
    assert_eq!(service.get("/healthz").status, 200);
    let run = service.stop();
    let created = run.stderr.matches("/identities?").count();
    assert_eq!(created, 1, "{}", run.stderr);
}
