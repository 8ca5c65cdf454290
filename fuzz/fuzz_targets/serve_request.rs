//! Requests to the token service, with and without its secret, over a real socket.
#![no_main]

#[path = "../src/http.rs"]
mod http;
#[path = "../src/service.rs"]
mod service;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

/// The port and the secret.
static SERVICE: OnceLock<(u16, String)> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let (port, secret) = SERVICE.get_or_init(service::start);
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let bearer = format!("authorization: Bearer {secret}\r\n");
    let is_known = first % 2 == 0;
    let response = http::exchange(*port, rest, if is_known { &bearer } else { "" });
    if let Some(response) = response {
        assert_ne!(response.status, 500, "an internal error");
        let is_refused = matches!(response.status, 400..=499);
        assert!(
            is_known || is_refused || !response.body.contains("\"token\""),
            "a token without the secret"
        );
    }
});
