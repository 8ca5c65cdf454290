//! Requests that are large beyond reason, or slow beyond patience.

use std::io::{ErrorKind, Write};

use super::{AttackedService, count_responses, home};
use crate::harness::http::{self, Response};

const MIB: usize = 1024 * 1024;
/// What a sender tries to make the service hold.
const HUGE: usize = 50 * MIB;
/// What it may hold of all that.
const LITTLE_KIB: u64 = 8 * 1024;

#[test]
fn fifty_megabytes_are_refused_at_once_and_never_held() {
    let home = home();
    let attacked = AttackedService::start(&home);
    let (ours, right) = (attacked.host(), attacked.bearer());
    attacked.assert_still_answers();
    let before = attacked.memory_kib("VmHWM:");
    let filler = vec![b'x'; HUGE];
    let lines = "X-Line: x\r\n".repeat(HUGE / 11).into_bytes();
    let chunks = format!("{MIB:x}\r\n{}\r\n", "x".repeat(MIB))
        .repeat(50)
        .into_bytes();
    let json = format!("Content-Type: application/json\r\nContent-Length: {HUGE}\r\n\r\n");
    let chunked = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let post = format!("POST /identities HTTP/1.1\r\n{ours}\r\n");
    for (what, head, rest, status) in [
        ("a request line", "GET /".to_owned(), &filler, 431),
        (
            "a header",
            format!("GET /token HTTP/1.1\r\n{ours}\r\n{right}\r\nX-Long: "),
            &filler,
            431,
        ),
        (
            "a host",
            "GET /token HTTP/1.1\r\nHost: ".to_owned(),
            &filler,
            431,
        ),
        (
            "a secret",
            format!("GET /token HTTP/1.1\r\n{ours}\r\nAuthorization: Bearer "),
            &filler,
            431,
        ),
        (
            "many headers",
            format!("GET /token HTTP/1.1\r\n{ours}\r\n{right}\r\n"),
            &lines,
            431,
        ),
        ("empty lines", String::new(), &b"\r\n".repeat(HUGE / 2), 431),
        ("a body", format!("{post}{right}\r\n{json}"), &filler, 413),
        (
            "a body without the secret",
            format!("{post}{json}"),
            &filler,
            401,
        ),
        (
            "a body in chunks",
            format!("{post}{right}\r\n{chunked}"),
            &chunks,
            413,
        ),
        (
            "chunks without the secret",
            format!("{post}{chunked}"),
            &chunks,
            401,
        ),
    ] {
        let mut stream = attacked.connect();
        let sent = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(rest));
        let text = http::read_to_end(&mut stream);
        attacked.assert_tells_nothing(what, &text);
        // Who goes on talking may lose the answer: the connection is cut behind it.
        assert!(count_responses(&text) <= 1, "{what}: {text}");
        if count_responses(&text) == 1 {
            let start = format!("HTTP/1.1 {status} ");
            assert!(text.starts_with(&start), "{what}: {text}");
        }
        assert!(sent.is_err(), "{what} was read to its end");
        attacked.assert_still_answers();
    }
    let after = attacked.memory_kib("VmHWM:");
    assert!(
        after < before + LITTLE_KIB,
        "{before} KiB, and then {after} KiB"
    );
    attacked.end();
}

#[test]
fn who_asks_and_never_reads_the_answers_is_not_answered_for_ever() {
    let home = home();
    let attacked = AttackedService::start(&home);
    let (ours, right) = (attacked.host(), attacked.bearer());
    let before = attacked.memory_kib("VmHWM:");
    let request = format!("GET /openapi.json HTTP/1.1\r\n{ours}\r\n{right}\r\n\r\n");
    let breath = request.repeat(1000);
    let deaf: Vec<_> = (0..8)
        .map(|_| {
            let mut stream = attacked.connect();
            stream.set_nonblocking(true).expect("a mode");
            // Until neither side's buffers take more.
            while let Ok(written) = stream.write(breath.as_bytes()) {
                assert!(written > 0);
            }
            stream
        })
        .collect();
    attacked.assert_still_answers();
    let after = attacked.memory_kib("VmHWM:");
    assert!(
        after < before + LITTLE_KIB,
        "{before} KiB, and then {after} KiB"
    );
    drop(deaf);
    attacked.end();
}

#[test]
fn every_listener_cuts_a_caller_off_that_has_not_authenticated_and_stays() {
    let home = home();
    let attacked = AttackedService::start(&home);
    // The caller does not end its side: a listener drops the response to a caller that does.
    let (host, bearer) = (attacked.host(), attacked.bearer());
    let made = attacked.ask("POST", "/dashboard/tickets", &[&host, &bearer]);
    let made = Response::parse(&made).assert_status(201);
    let link = made.json()["url"].as_str().expect("a link").to_owned();
    let dashboard = url::Url::parse(&link).expect("an address").port();
    let dashboard = dashboard.expect("a port");
    let says = |port: u16, text: &str| {
        let mut stream = http::connect(port);
        stream.write_all(text.as_bytes()).expect("it is open");
        stream
    };
    // The route that needs no secret makes no caller a known one.
    let health = format!("GET /healthz HTTP/1.1\r\n{}\r\n\r\n", attacked.host());
    let half = "GET / HTTP/1.1\r\nX-Slow: ";
    let port = attacked.service.port;
    let mut staying = says(port, &health);
    let mut halves = [says(port, half), says(dashboard, half), says(dashboard, "")];
    for stream in &mut halves {
        attacked.assert_tells_nothing("half a head", &http::read_to_end(stream));
    }
    assert_eq!(count_responses(&http::read_to_end(&mut staying)), 1);
    attacked.end();
}

#[test]
fn caller_with_the_secret_that_reads_nothing_is_cut_off() {
    let home = home();
    let attacked = AttackedService::start(&home);
    let (ours, right) = (attacked.host(), attacked.bearer());
    let request = format!("GET /openapi.json HTTP/1.1\r\n{ours}\r\n{right}\r\n\r\n");
    let breath = request.repeat(1000);
    let mut deaf = attacked.connect();
    // It waits while neither side's buffers take more.
    let error = loop {
        if let Err(error) = deaf.write_all(breath.as_bytes()) {
            break error.kind();
        }
    };
    let is_cut = !matches!(error, ErrorKind::WouldBlock | ErrorKind::TimedOut);
    assert!(is_cut, "the connection was never closed");
    attacked.end();
}
