//! Requests to the control API of the emulator, over a real socket. The first line has the path after
//! `/_emulator/v1/`.
#![no_main]

#[path = "../src/http.rs"]
mod http;

use std::sync::OnceLock;

use acspass::emulator::{Emulator, Options};
use libfuzzer_sys::fuzz_target;

const CHANGES: &str = "x-acspass-emulator: 1\r\n";

fn port() -> u16 {
    static EMULATOR: OnceLock<(Emulator, u16)> = OnceLock::new();
    let (_, port) = EMULATOR.get_or_init(|| {
        let emulator = Emulator::start(Options::default()).expect("an emulator");
        let address = emulator.http_url();
        let port = address.rsplit(':').next().expect("a port");
        let port = port.trim_end_matches('/').parse().expect("a port");
        (emulator, port)
    });
    *port
}

fuzz_target!(|data: &[u8]| {
    let Some(at) = data.iter().position(|byte| *byte == b' ') else {
        return;
    };
    let (method, rest) = data.split_at(at);
    let request = [method, b" /_emulator/v1/", &rest[1..]].concat();
    let answered = http::exchange(port(), &request, CHANGES);
    // A fault of an earlier request may be the status, or close the connection.
    let reset = http::respond(port(), b"POST /_emulator/v1/reset", CHANGES);
    assert_eq!(reset.status, 204, "a reset is always possible");
    if let Some(response) = answered {
        assert_ne!(response.status, 500, "{}", response.body);
    }
});
