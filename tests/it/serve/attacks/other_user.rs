//! Connections from another user of the same machine, with everything else right.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use super::{AttackedService, on_each_service};
use crate::harness::users::EVE;

/// Not one of a version manager, which other users may be unable to reach.
pub(super) const PYTHON: &str = "/usr/bin/python3";

/// Sends its standard input and prints the reply. Its socket is bound to the loopback device, which a
/// lookup without a device does not find, and to a port that it prints.
const CLIENT: &str = r#"
import socket, sys
host = sys.argv[1]
client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
client.settimeout(20)
if sys.argv[3] == "on-device":
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
client.bind((host, 0))
print(client.getsockname()[1], file=sys.stderr, flush=True)
request = sys.stdin.buffer.read()
try:
    client.connect((host, int(sys.argv[2])))
    client.sendall(request)
    while part := client.recv(65536):
        sys.stdout.buffer.write(part)
except (ConnectionResetError, BrokenPipeError):
    pass
"#;

/// How the client's socket is made.
#[derive(Clone, Copy, PartialEq)]
enum Made {
    AsUsual,
    /// On the loopback device.
    OnDevice,
    /// The same, at a port where a program of this user then listens.
    OnDeviceAtASharedPort,
}

fn send(client: Command, made: Made, host: &str, port: u16, request: &str) -> String {
    let mut client = client;
    let socket = match made {
        Made::AsUsual => "as-usual",
        Made::OnDevice | Made::OnDeviceAtASharedPort => "on-device",
    };
    let mut client = client
        .args(["-c", CLIENT, host, &port.to_string(), socket])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("setpriv and python3");
    let mut errors = BufReader::new(client.stderr.take().expect("it is piped"));
    let mut from = String::new();
    errors.read_line(&mut from).expect("it prints its port");
    let _cover = (made == Made::OnDeviceAtASharedPort).then(|| {
        let from: u16 = from.trim().parse().expect(&from);
        TcpListener::bind((host, from)).expect("the port can be shared")
    });
    let mut input = client.stdin.take().expect("it is piped");
    input.write_all(request.as_bytes()).expect("it reads");
    drop(input);
    let output = client.wait_with_output().expect("it ends");
    let mut rest = String::new();
    errors.read_to_string(&mut rest).expect("text");
    assert!(output.status.success(), "{rest}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Sends this request to 127.0.0.1 by a client of this kind. Returns the reply.
pub(super) fn send_as_usual(client: Command, port: u16, request: &str) -> String {
    send(client, Made::AsUsual, "127.0.0.1", port, request)
}

fn send_as_self(host: &str, port: u16, request: &str) -> String {
    send(Command::new(PYTHON), Made::AsUsual, host, port, request)
}

#[test]
fn connection_of_another_user_is_closed_unread_even_with_the_secret() {
    on_each_service(connect_as_another_user);
}

fn connect_as_another_user(attacked: AttackedService<'_>) {
    let port = attacked.service.port;
    for host in ["127.0.0.1", "::1"] {
        let name = if host == "::1" { "[::1]" } else { host };
        for (target, right) in attacked.doors() {
            let request = format!(
                "GET {target} HTTP/1.1\r\nHost: {name}:{port}\r\n{right}\r\nConnection: close\r\n\r\n"
            );
            let own = send_as_self(host, port, &request);
            assert!(own.starts_with("HTTP/1.1 200 "), "the client works: {own}");
            for made in [Made::AsUsual, Made::OnDevice, Made::OnDeviceAtASharedPort] {
                let other = send(EVE.command(PYTHON), made, host, port, &request);
                assert_eq!(other, "", "{target} at {host}");
            }
        }
    }
    attacked.assert_still_answers();
    attacked.end();
}

/// Connects, sends nothing, and prints how the connection ends.
const SILENT_CLIENT: &str = r#"
import socket, sys
try:
    client = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20)
    print("end" if client.recv(1) == b"" else "data")
except ConnectionResetError:
    print("reset")
"#;

#[test]
fn refused_connection_is_reset_so_that_it_holds_no_port() {
    on_each_service(stay_silent_as_another_user);
}

fn stay_silent_as_another_user(attacked: AttackedService<'_>) {
    let port = attacked.service.port.to_string();
    for host in ["127.0.0.1", "::1"] {
        let output = EVE
            .command(PYTHON)
            .args(["-c", SILENT_CLIENT, host, &port])
            .output()
            .expect("setpriv and python3");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "reset\n", "{host}");
    }
    attacked.end();
}
