//! Requests to the emulator's Entra ID and ACS, over a real socket.
#![no_main]

#[path = "../src/http.rs"]
mod http;

use std::sync::OnceLock;

use acspass::emulator::{Emulator, Options};
use libfuzzer_sys::fuzz_target;

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
    if data.windows(12).any(|part| part == b"/_emulator/v") {
        return;
    }
    if let Some(response) = http::exchange(port(), data, "") {
        assert_ne!(response.status, 500, "{}", response.body);
    }
});
