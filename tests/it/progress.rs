//! The line that a terminal shows while a command waits for a service, the keyring or another
//! process: after 300 ms, never in a pipe, and gone with the next output.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use acspass::emulator::{Fault, FaultKind, Route};

use crate::harness::{Home, Terminal};

/// Longer than the silence before a wait is shown.
const SLOW: Duration = Duration::from_millis(500);

/// Starts a resource that creates one identity, once it is released. Returns its port.
fn resource() -> (u16, Sender<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (release, released) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut request = Vec::new();
        let mut buffer = [0; 1024];
        while !request.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            let count = stream.read(&mut buffer).expect("a request");
            request.extend_from_slice(&buffer[..count]);
        }
        // Without a release, the response comes after a pause: the slowness is the test.
        let _ = released.recv_timeout(SLOW * 40);
        let body = r#"{"identity":{"id":"8:acs:r_u"}}"#;
        let head = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nConnection: close";
        let response = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(response.as_bytes()).expect("a client");
    });
    (port, release)
}

fn home(port: u16) -> Home {
    let mut home = Home::new();
    let resource = format!("endpoint=http://127.0.0.1:{port}/;accesskey=d3Jvbmc=");
    home.set("COMMUNICATION_SERVICES_CONNECTION_STRING", &resource);
    home.set("ACSPASS_STORE", "memory");
    home
}

#[test]
fn a_slow_service_is_named_until_the_result() {
    let (port, release) = resource();
    let mut terminal = Terminal::start(&home(port), &["user", "create"]);
    terminal.sees(&format!("\r\u{1b}[KContacting 127.0.0.1:{port}\u{2026}"));
    release.send(()).expect("the resource waits");
    terminal.sees("\r\u{1b}[K8:acs:r_u\r\n");
    terminal.ends(0);
}

#[test]
fn a_fast_service_is_not_named() {
    let (port, release) = resource();
    release.send(()).expect("the resource waits");
    let shown = Terminal::start(&home(port), &["user", "create"]).ends(0);
    assert!(!shown.contains("Contacting"), "{shown}");
}

#[test]
fn a_slow_service_is_not_named_with_quiet_or_in_a_pipe() {
    let late = || {
        let (port, release) = resource();
        std::thread::spawn(move || {
            std::thread::sleep(SLOW);
            let _ = release.send(());
        });
        home(port)
    };
    let shown = Terminal::start(&late(), &["--quiet", "user", "create"]).ends(0);
    assert!(!shown.contains("Contacting"), "{shown}");
    let run = late().call(&["user", "create"]).plainly().run();
    run.assert_code(0);
    assert_eq!(run.stderr, "");
}

#[test]
fn another_process_is_named_while_it_renews() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    emulator.add_fault(Fault {
        route: Route::Token,
        times: Some(1),
        what: FaultKind::Hang,
    });
    let words = ["get", "--force-refresh"];
    let (mut first, id) = Terminal::start_with_id(&home, &words);
    first.sees("\r\u{1b}[KContacting localhost:");
    let mut second = Terminal::start(&home, &words);
    second.sees(&format!(
        "\r\u{1b}[KWaiting for another acspass process (pid {id}) to renew the session\u{2026}"
    ));
    first.types("\u{3}");
    first.ends(130);
    second.sees("\r\u{1b}[Key");
    second.ends(0);
}

#[test]
fn a_keyring_that_hangs_is_named() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    home.keyring().stop_daemon();
    let mut terminal = Terminal::start(&home, &["get"]);
    terminal.sees("\r\u{1b}[KWaiting for the keyring\u{2026}");
    terminal.sees("\r\u{1b}[Kerror: ");
    terminal.ends(7);
    home.keyring().continue_daemon();
}
