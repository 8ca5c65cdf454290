//! Renewals: the clock that decides, a challenge of the service, and sessions without a refresh token.

use std::sync::{Arc, OnceLock};

use acspass::emulator::{Emulator, Fault, FaultKind, FaultSelection, Route};
use acspass::time::{Clock, SystemClock};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::fake::{Arrived, FakeService, refusal, token, token_with};
use super::{claims, home, sign_in};
use crate::harness::TestBrowser;

#[test]
fn the_clock_of_the_service_decides_no_expiry() {
    for date in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Fri, 01 Jan 2100 00:00:00 GMT",
    ] {
        let headers = format!("Date: {date}\r\n");
        let service = FakeService::start(move |number| token_with(number, &headers));
        let (home, _emulator) = home(&service.url, "");
        sign_in(&home, &["login"]);
        let run = home.run(&["get", "-o", "json"]);
        run.assert_code(0).assert_does_not_say("clock");
        let json = run.json();
        let left = json["expiresInSeconds"].as_u64().expect("seconds");
        assert!((3500..=3600).contains(&left), "{left}");
        let expiry = json["expiresOn"].as_str().expect("a time");
        let now = SystemClock.now();
        assert!(*expiry > *now.to_string(), "{expiry}");
        let end = now.plus(std::time::Duration::from_secs(3600));
        assert!(*expiry <= *end.to_string(), "{expiry}");
        home.run(&["get"]).token();
        assert_eq!(service.arrived().len(), 1, "it is cached");
    }
}

/// The header of a challenge with these claims.
fn challenge(claims: &str) -> String {
    let claims = STANDARD.encode(claims);
    format!("WWW-Authenticate: Bearer error=\"insufficient_claims\", claims=\"{claims}\"\r\n")
}

const NOT_BEFORE: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}"#;
/// The emulator repeats this claim in a token, so that a test sees that it was requested.
const CLIENT_CAPABILITY: &str = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;

/// The first redemption after a challenge succeeds, and the second one is refused.
#[test]
fn a_challenge_is_kept_until_both_tokens_are_renewed() {
    let header = challenge(NOT_BEFORE);
    let shared: Arc<OnceLock<Arc<Emulator>>> = Arc::default();
    let emulator = shared.clone();
    let service = FakeService::start(move |number| match number {
        1 => {
            let emulator = emulator.get().expect("it was started before");
            emulator.withhold_scope("access_as_user");
            refusal(401, &header, "insufficient_claims")
        }
        _ => token(number),
    });
    let (home, emulator) = home(&service.url, "");
    assert!(shared.set(emulator.clone()).is_ok());
    sign_in(&home, &["login"]);
    home.run(&["get"]).assert_code(4);
    assert_eq!(emulator.count("refresh_token"), 3);

    let browser = sign_in(&home, &["login"]);
    let claims = browser.parameter("claims").expect("the claims");
    assert!(claims.contains("1700000000"), "{claims}");
}

/// Entra ID is unavailable after the challenge.
#[test]
fn a_stored_challenge_is_sent_again_for_both_tokens_in_a_later_run() {
    let shared: Arc<OnceLock<Arc<Emulator>>> = Arc::default();
    let emulator = shared.clone();
    let service = FakeService::start(move |number| match number {
        1 => {
            let emulator = emulator.get().expect("it was started before");
            emulator.add_fault(Fault {
                route: Route::Token,
                times: None,
                what: FaultKind::Status {
                    status: 503,
                    retry_after: Some("0".to_owned()),
                    content_type: "text/plain".to_owned(),
                    body: String::new(),
                },
            });
            refusal(401, &challenge(CLIENT_CAPABILITY), "insufficient_claims")
        }
        _ => token(number),
    });
    let (home, emulator) = home(&service.url, "");
    assert!(shared.set(emulator.clone()).is_ok());
    sign_in(&home, &["login"]);
    home.run(&["get"]).assert_code(6);
    emulator.clear_faults();

    home.run(&["get"]).token();
    let [first, second] = &service.arrived()[..] else {
        panic!("two requests: {:?}", service.arrived());
    };
    let tokens = |request: &Arrived| {
        [
            claims(&request.bearer),
            claims(&request.form["subject_token"]),
        ]
    };
    for token in tokens(first) {
        assert_eq!(token["xms_cc"], Value::Null);
    }
    for token in tokens(second) {
        assert_eq!(token["xms_cc"], json!(["cp1"]), "{token}");
    }
    let browser = sign_in(&home, &["login"]);
    assert_eq!(browser.parameter("claims"), None, "it was met");
}

#[test]
fn a_challenge_of_new_tokens_is_an_error_and_goes_with_the_next_sign_in() {
    let header = challenge(NOT_BEFORE);
    let service = FakeService::start(move |_| refusal(401, &header, "insufficient_claims"));
    let (home, _emulator) = home(&service.url, "");
    sign_in(&home, &["login"]);
    home.run(&["get"]).assert_code(5);
    let browser = sign_in(&home, &["login"]);
    let claims = browser.parameter("claims").expect("the claims");
    assert!(claims.contains("1700000000"), "{claims}");
}

fn without_refresh_tokens(emulator: &Emulator) {
    let selection = FaultSelection {
        name: "refresh-token-missing".to_owned(),
        probability: Some(1.0),
        ..FaultSelection::default()
    };
    emulator.select_fault(selection).expect("a fault");
}

#[test]
fn a_session_without_a_refresh_token_is_named_and_loops_in_no_sign_in() {
    let service = FakeService::start(token);
    let (home, emulator) = home(&service.url, "");
    without_refresh_tokens(&emulator);
    let browser = TestBrowser::walking();
    let login = home.call(&["login"]).by(&browser).run();
    login
        .assert_code(0)
        .assert_says(&["warning: Entra issued no refresh token"]);
    let needed = home.run(&["get"]);
    needed.assert_error(4, &["Entra issued no refresh token", "on-behalf-of"]);
    home.run(&["status"]).assert_code(4);

    let browser = TestBrowser::walking();
    let run = home.call(&["get", "--interactive"]).by(&browser).run();
    run.assert_error(5, &["Entra issued no refresh token", "offline_access"]);
    assert_eq!(browser.opened().len(), 1);
    assert!(service.arrived().is_empty());
}

#[test]
fn on_behalf_of_needs_no_refresh_token() {
    let service = FakeService::start(token);
    let (home, emulator) = home(&service.url, "on-behalf-of = true\n");
    without_refresh_tokens(&emulator);
    let login = home.call(&["login"]).by(&TestBrowser::walking()).run();
    login.assert_code(0).assert_does_not_say("refresh token");
    home.run(&["get"]).token();
    home.run(&["status"]).assert_code(0);
}
