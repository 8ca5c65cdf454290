//! The clock of all expiries and dates.

use std::time::Duration;

use serde_json::json;

use super::{change, show};
use crate::emulator::tests::harness::{Fixture, NOW};
use crate::time::Timestamp;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(NOW + seconds)
}

#[test]
fn the_clock_is_advanced_frozen_set_and_set_back() {
    let fixture = Fixture::new();
    let state = |seconds: i64, frozen: bool| {
        json!({
            "now": at(seconds).to_string(), "offsetSeconds": seconds, "frozen": frozen,
        })
    };
    assert_eq!(show(&fixture, "/clock").json(), state(0, false));
    for (body, expected) in [
        (json!({"advanceSeconds": 60}), state(60, false)),
        (json!({"frozen": true}), state(60, true)),
        (json!({"advanceSeconds": -90}), state(-30, true)),
        (json!({"now": at(7).to_string()}), state(7, true)),
        (
            json!({"offsetSeconds": 0, "frozen": false}),
            state(0, false),
        ),
    ] {
        let changed = change(&fixture, "PUT", "/clock", &body);
        assert_eq!(
            (changed.status, changed.json()),
            (200, expected.clone()),
            "{body}"
        );
        assert_eq!(show(&fixture, "/clock").json(), expected);
    }
}

#[test]
fn every_date_and_expiry_follows_the_clock() {
    let fixture = Fixture::new();
    let id = fixture.identity();
    let token = fixture.issue(&id, &json!({"scopes": ["chat"], "expiresInMinutes": 60}));
    let token = token.json()["token"].as_str().expect("a token").to_owned();
    assert!(fixture.emulator.is_token_valid(&token));
    change(&fixture, "PUT", "/clock", &json!({"advanceSeconds": 3600}));
    assert!(!fixture.emulator.is_token_valid(&token));
    let response = fixture.get("/");
    assert_eq!(
        response.header("date"),
        Some(at(3600).to_http_date().as_str())
    );
    // The signature's date is now too old.
    let late = fixture.signed("POST", "/identities", "");
    assert_eq!(late.status, 401);
    change(&fixture, "PUT", "/clock", &json!({"offsetSeconds": 0}));
    assert!(fixture.emulator.is_token_valid(&token));
}

#[test]
fn the_methods_change_the_same_clock() {
    let fixture = Fixture::new();
    let emulator = &fixture.emulator;
    emulator.freeze_clock();
    fixture.clock.advance(Duration::from_secs(5));
    assert_eq!(emulator.now(), at(0));
    assert_eq!(show(&fixture, "/clock").json()["frozen"], true);
    emulator.advance_clock(Duration::from_secs(9));
    assert_eq!(emulator.now(), at(9));
    emulator.set_clock(at(-9));
    assert_eq!(emulator.now(), at(-9));
    emulator.reset_clock();
    assert_eq!(emulator.now(), at(5));
}
