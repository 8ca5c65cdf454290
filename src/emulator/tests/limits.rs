//! Rate limits.

use std::time::Duration;

use serde_json::json;

use super::harness::Fixture;
use crate::emulator::RateLimits;

#[test]
fn one_request_too_many_waits_for_the_next_window() {
    let fixture = Fixture::new();
    for _ in 0..20 {
        fixture.identity();
    }
    fixture.emulator.set_rate_limits(Some(RateLimits {
        create: 2,
        create_with_token: 1,
        ..RateLimits::default()
    }));
    let id = fixture.identity();
    fixture.clock.advance(Duration::from_secs(8));
    fixture.identity();
    let response = fixture.signed("POST", "/identities", "");
    assert_eq!(
        (response.status, response.header("retry-after")),
        (429, Some("22"))
    );
    assert_eq!(response.json()["error"]["code"], "TooManyRequests");
    // Another operation has a separate window.
    let with_token = json!({"createTokenWithScopes": ["chat"]}).to_string();
    let create = |body: &str| fixture.signed("POST", "/identities", body).status;
    assert_eq!((create(&with_token), create(&with_token)), (201, 429));
    assert_eq!(fixture.issue(&id, &json!({"scopes": ["chat"]})).status, 200);
    fixture.clock.advance(Duration::from_secs(21));
    assert_eq!(create(""), 429);
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(create(""), 201);
    fixture.emulator.set_rate_limits(None);
    assert_eq!((create(""), create("")), (201, 201));
}

#[test]
fn the_default_limits_are_the_documented_ones() {
    let limits = RateLimits::default();
    assert_eq!(limits.window, Duration::from_secs(30));
    assert_eq!(
        (limits.create, limits.issue, limits.create_with_token),
        (1000, 1000, 1000)
    );
    assert_eq!(
        (limits.delete, limits.revoke, limits.exchange),
        (500, 500, 500)
    );
}
