//! Starting, stopping, being killed, and being the only one.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::Service;
use crate::harness::Home;
use crate::harness::http;
use crate::harness::wait_until;

fn home() -> Home {
    let (mut home, _emulator) = Home::with_emulator();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    home
}

#[test]
fn a_stopped_service_leaves_no_secret_and_no_socket() {
    let home = home();
    for signal in ["INT", "TERM", "HUP", "QUIT"] {
        let service = Service::start(&home, &[]);
        let folder = service.secret_file.parent().expect("a folder").to_owned();
        let running = acspass::serve::running(&folder).expect("it can be read");
        let running = running.expect("a service");
        assert_eq!(running.pid, service.process.id());
        assert_eq!(running.url, format!("http://127.0.0.1:{}", service.port));
        assert_eq!(running.secret_file, service.secret_file);
        // The lock tells a client that the secret is a running service's.
        let secret = std::fs::File::open(&service.secret_file).expect("it is ours");
        secret.try_lock_shared().expect_err("it is locked");
        // Somebody is connected, and asks nothing.
        let _idle = http::connect(service.port);
        let socket = service.socket.clone().expect("a socket");
        service.process.signal(signal);
        let run = service.process.end();
        run.assert_code(0).assert_says(&["The service stopped."]);
        assert!(!service.secret_file.exists(), "{signal}");
        assert!(!socket.exists(), "{signal}");
        let running = acspass::serve::running(&folder).expect("it can be read");
        assert_eq!(running, None);
    }
}

#[test]
fn one_that_was_killed_is_followed_by_the_next_with_another_secret() {
    let home = home();
    let first = Service::start(&home, &[]);
    first.process.signal("KILL");
    let Service {
        process,
        caller: first_caller,
        secret_file: first_file,
        socket: first_socket,
    } = first;
    assert_eq!(process.end().code, None);
    assert!(first_file.exists(), "nobody was left to remove it");
    let folder = first_file.parent().expect("a folder");
    assert_eq!(acspass::serve::running(folder).expect("readable"), None);
    assert!(
        !first_file.exists(),
        "whoever looks for a service removes it"
    );
    let second = Service::start(&home, &[]);
    assert_ne!(second.secret, first_caller.secret);
    second.get("/status").assert_status(200);
    assert_eq!(second.socket, first_socket);
    let old = format!("Authorization: Bearer {}", first_caller.secret);
    assert_eq!(second.send("GET", "/status", &[&old], "").status, 401);
    second.stop().assert_code(0);
}

#[test]
fn a_second_one_is_told_who_is_first_and_harms_nothing() {
    let home = home();
    let first = Service::start(&home, &[]);
    let second = home.real(&["serve", "--port", "0"]);
    let process = format!("process {}", first.process.id());
    let at = format!("http://127.0.0.1:{}", first.port);
    second.assert_error(2, &["another `acspass serve`", &process, &at]);
    first.get("/status").assert_status(200);
    first.stop().assert_code(0);
}

#[test]
fn a_port_that_is_taken_is_named_and_nothing_is_left_behind() {
    let home = home();
    let other = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = other.local_addr().expect("bound").port().to_string();
    let run = home.real(&["serve", "--port", &port]);
    run.assert_error(2, &[&port, "Run `acspass serve --port 0`"]);
    assert!(!home.path().join("state/serve/secret").exists());
}

#[test]
fn where_a_socket_cannot_be_there_is_the_port() {
    let mut home = home();
    let deep = home.path().join("x".repeat(120)).display().to_string();
    home.set("ACSPASS_STATE_DIR", &deep);
    let service = Service::start(&home, &[]);
    assert_eq!(service.socket, None);
    service.get("/status").assert_status(200);
    service
        .stop()
        .assert_code(0)
        .assert_says(&["was not created, so apps must use the port"]);
}

#[test]
fn an_answer_under_way_is_finished_before_the_end() {
    let (mut home, _emulator) = Home::with_emulator();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    let service = Service::start(&home, &[]);
    let body = "{\"scopes\": []}";
    let mut stream = http::connect(service.port);
    let head = http::request(
        "POST",
        "/identities",
        &[
            &format!("Host: 127.0.0.1:{}", service.port),
            &service.bearer(),
            "Content-Type: application/json",
            &format!("Content-Length: {}", body.len()),
            // The service says when it has read the head, and waits for the rest.
            "Expect: 100-continue",
        ],
        "",
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let mut said = [0; 25];
    stream.read_exact(&mut said).expect("it goes on");
    assert!(said.starts_with(b"HTTP/1.1 100"));
    service.process.signal("INT");
    // It listens no more, and still waits for this one.
    let port = service.port;
    wait_until("the listener closes", || {
        TcpStream::connect(("127.0.0.1", port)).is_err()
    });
    stream.write_all(body.as_bytes()).expect("sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("it answers");
    assert!(response.starts_with("HTTP/1.1 201"), "{response}");
    service.process.end().assert_code(0);
}

#[test]
fn the_embedded_emulator_has_a_service_of_its_own() {
    let mut home = home();
    // No page has to be clicked, even where one could be opened.
    home.set("DISPLAY", ":0");
    home.set("BROWSER", "false");
    let real = Service::start(&home, &[]);
    let emulated = Service::start(&home, &["--emulator"]);
    assert_ne!(real.secret_file, emulated.secret_file);
    let token = emulated.get("/token").token();
    home.sweep.add(&token);
    let again = emulated.get("/token?account=ada@contoso.example").token();
    assert!(again == token, "it is held");
    emulated.stop().assert_code(0);
    assert_eq!(real.get("/token").status, 401);
    real.stop().assert_code(0);
}
