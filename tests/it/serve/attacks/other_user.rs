//! Connections from another user of the same machine, with everything else right.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{Besieged, home};
use crate::harness::users::EVE;

/// Not one of a version manager, which other users may be unable to reach.
const PYTHON: &str = "/usr/bin/python3";

/// Sends its standard input and prints the reply.
const CLIENT: &str = r#"
import socket, sys
client = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20)
try:
    client.sendall(sys.stdin.buffer.read())
    while part := client.recv(65536):
        sys.stdout.buffer.write(part)
except (ConnectionResetError, BrokenPipeError):
    pass
"#;

fn send(client: Command, host: &str, port: u16, request: &str) -> String {
    let mut client = client;
    let mut client = client
        .args(["-c", CLIENT, host, &port.to_string()])
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

fn send_as_self(host: &str, port: u16, request: &str) -> String {
    send(Command::new(PYTHON), host, port, request)
}

fn send_as_eve(host: &str, port: u16, request: &str) -> String {
    send(EVE.command(PYTHON), host, port, request)
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
        let own = send_as_self(host, port, &request);
        assert!(own.contains(&besieged.token), "the client works: {own}");
        let other = send_as_eve(host, port, &request);
        assert_eq!(other, "", "{host}");
    }
    besieged.assert_still_answers();
    besieged.end();
}
