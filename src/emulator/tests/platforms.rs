//! The platforms of redirect URIs: browser apps across origins, and credentials.

use std::time::Duration;

use super::harness::{Answer, Changes, Fixture, VERIFIER, encode, published};
use crate::emulator::{Options, Seed};

const SPA: &str = "http://localhost:3000/";
const ORIGIN: &str = "http://localhost:3000";
const WEB: &str = "http://localhost/web";
const SECRET: &str = "worthless-secret-of-three-platforms";
const SEED: &str = r#"
[[applications]]
name = "Three platforms"
clientId = "ac5ba55e-0c11-4000-8000-0000000000a1"
secrets = ["worthless-secret-of-three-platforms"]
platforms.native = ["http://localhost"]
platforms.spa = ["http://localhost:3000/", "https://app.example/back"]
platforms.web = ["http://localhost/web"]

[[applications]]
name = "Browser"
clientId = "ac5ba55e-0c11-4000-8000-0000000000a2"
platforms.spa = ["https://other.example/"]
"#;

fn with_platforms() -> Fixture {
    Fixture::with(Options {
        seed: Seed::parse(SEED).expect("a seed"),
        ..Options::default()
    })
}

/// Posts a form to the token endpoint, from a page of this origin.
fn post(fixture: &Fixture, origin: Option<&str>, form: &str) -> Answer {
    let origin = origin.map(|origin| format!("Origin: {origin}\r\n"));
    let headers = format!(
        "Content-Type: application/x-www-form-urlencoded\r\n{}",
        origin.unwrap_or_default()
    );
    fixture.send("POST", "/organizations/oauth2/v2.0/token", &headers, form)
}

fn redeem(fixture: &Fixture, uri: &str, origin: Option<&str>, changes: Changes<'_>) -> Answer {
    let code = fixture.code(&[("redirect_uri", uri)]);
    let good = [
        ("client_id", published::CLIENT_ID),
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", uri),
        ("code_verifier", VERIFIER),
    ];
    post(fixture, origin, &encode(&good, changes))
}

fn refresh(fixture: &Fixture, origin: Option<&str>, token: &str) -> Answer {
    let form = [
        ("client_id", published::CLIENT_ID),
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
    ];
    post(fixture, origin, &encode(&form, &[]))
}

fn readers(response: &Answer) -> Option<&str> {
    response.header("access-control-allow-origin")
}

fn refresh_token(response: &Answer) -> String {
    let token = response.json()["refresh_token"].as_str().map(str::to_owned);
    token.unwrap_or_else(|| panic!("no refresh token: {response:?}"))
}

#[test]
fn a_browser_app_redeems_across_origins_only() {
    let fixture = with_platforms();
    for origin in [ORIGIN, "https://app.example", "http://localhost:5173"] {
        let response = redeem(&fixture, SPA, Some(origin), &[]);
        assert_eq!((response.status, readers(&response)), (200, Some(origin)));
        assert_eq!(response.header("vary"), Some("origin"));
        let token = refresh_token(&response);
        assert_eq!(refresh(&fixture, Some(origin), &token).status, 200);
        let own = format!("http://{}", fixture.host());
        for none in [None, Some(own.as_str())] {
            let response = refresh(&fixture, none, &token);
            assert_eq!((response.status, response.aadsts()), (400, 9_002_327));
        }
    }
    let response = redeem(&fixture, SPA, None, &[]);
    assert_eq!((response.status, response.aadsts()), (400, 9_002_327));
    assert_eq!(response.error(), "invalid_request");
    assert_eq!(readers(&response), None);
}

#[test]
fn no_other_origin_or_platform_redeems_across_origins() {
    let fixture = with_platforms();
    for (uri, origin) in [
        (SPA, "https://evil.example"),
        (SPA, "https://other.example"),
        (SPA, "null"),
        (SPA, "http://127.0.0.1:3000"),
        (SPA, "https://localhost:3000"),
        (SPA, "https://app.example:444"),
        (SPA, "http://app.example"),
        ("http://localhost:4711", ORIGIN),
    ] {
        let response = redeem(&fixture, uri, Some(origin), &[]);
        let got = (response.status, response.error(), response.aadsts());
        assert_eq!(
            got,
            (400, "invalid_request".to_owned(), 9_002_326),
            "{uri} {origin}"
        );
        assert_eq!(readers(&response), None, "{uri} {origin}");
        let text = format!("Request origin: '{origin}'.");
        let description = response.json()["error_description"].to_string();
        assert!(description.contains(&text), "{description}");
    }
    let by_web = redeem(&fixture, WEB, Some(ORIGIN), &[("client_secret", SECRET)]);
    assert_eq!(by_web.aadsts(), 9_002_326);
    let native = refresh_token(&redeem(&fixture, "http://localhost:4711", None, &[]));
    assert_eq!(refresh(&fixture, Some(ORIGIN), &native).aadsts(), 9_002_326);
    for grant in [
        "client_credentials",
        "device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ] {
        let form = [
            ("client_id", published::CLIENT_ID),
            ("client_secret", SECRET),
            ("grant_type", grant),
        ];
        let response = post(&fixture, Some(ORIGIN), &encode(&form, &[]));
        assert_eq!(response.aadsts(), 9_002_326, "{grant}");
    }
}

#[test]
fn a_browser_app_needs_a_challenge_and_no_secret() {
    let fixture = with_platforms();
    let challenge = [("code_challenge", ""), ("code_challenge_method", "")];
    let code = fixture.code(&[&[("redirect_uri", SPA)], &challenge[..]].concat());
    let form = [
        ("client_id", published::CLIENT_ID),
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", SPA),
    ];
    let response = post(&fixture, Some(ORIGIN), &encode(&form, &[]));
    assert_eq!(
        (response.error(), response.aadsts()),
        ("invalid_request".to_owned(), 9_002_325)
    );
    // The page of the app can read why.
    assert_eq!(readers(&response), Some(ORIGIN));
    let secret = [("client_secret", SECRET)];
    let response = redeem(&fixture, SPA, Some(ORIGIN), &secret);
    assert_eq!((response.status, response.aadsts()), (401, 700_025));
}

#[test]
fn each_platform_has_its_rule_for_credentials() {
    let fixture = with_platforms();
    let secret = [("client_secret", SECRET)];
    for (uri, changes, number) in [
        ("http://localhost:4711", &secret[..], 700_025),
        (WEB, &[], 7_000_218),
        (WEB, &[("client_secret", "wrong")], 7_000_215),
    ] {
        let response = redeem(&fixture, uri, None, changes);
        assert_eq!(
            (response.status, response.aadsts()),
            (401, number),
            "{uri} {changes:?}"
        );
        assert_eq!(response.error(), "invalid_client");
    }
    assert_eq!(
        redeem(&fixture, "http://localhost:4711", None, &[]).status,
        200
    );
    let web = redeem(&fixture, WEB, None, &secret);
    assert_eq!(web.status, 200, "{web:?}");
    let token = refresh_token(&web);
    assert_eq!(refresh(&fixture, None, &token).aadsts(), 7_000_218);
    // The app does not allow public client flows.
    let form = [("client_id", published::CLIENT_ID), ("scope", "User.Read")];
    let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
    let target = "/organizations/oauth2/v2.0/devicecode";
    let started = fixture.send("POST", target, headers, &encode(&form, &[]));
    let device_code = started.json()["device_code"].as_str().map(str::to_owned);
    let form = [
        ("client_id", published::CLIENT_ID),
        ("grant_type", "device_code"),
        ("device_code", &device_code.expect("a device code")),
    ];
    let poll = post(&fixture, None, &encode(&form, &[]));
    assert_eq!((poll.status, poll.aadsts()), (401, 7_000_218));
}

#[test]
fn the_refresh_tokens_of_a_browser_app_end_24_hours_after_the_sign_in() {
    let fixture = with_platforms();
    let response = redeem(&fixture, SPA, Some(ORIGIN), &[]);
    assert_eq!(response.json()["refresh_token_expires_in"], 86_400);
    let first = refresh_token(&response);
    fixture.clock.advance(Duration::from_secs(86_000));
    let response = refresh(&fixture, Some(ORIGIN), &first);
    assert_eq!(response.json()["refresh_token_expires_in"], 400);
    let second = refresh_token(&response);
    fixture.clock.advance(Duration::from_secs(399));
    assert_eq!(refresh(&fixture, Some(ORIGIN), &second).status, 200);
    fixture.clock.advance(Duration::from_secs(1));
    for token in [first, second] {
        let response = refresh(&fixture, Some(ORIGIN), &token);
        assert_eq!(
            (response.error(), response.aadsts()),
            ("invalid_grant".to_owned(), 700_084)
        );
        assert_eq!(readers(&response), Some(ORIGIN));
    }
    let native = redeem(&fixture, "http://localhost:4711", None, &[]);
    assert!(native.json().get("refresh_token_expires_in").is_none());
    let native = refresh_token(&native);
    fixture.clock.advance(Duration::from_secs(86_400));
    assert_eq!(refresh(&fixture, None, &native).status, 200);
}

#[test]
fn the_page_may_redirect_to_the_registered_uri_only() {
    let fixture = with_platforms();
    let policy = |uri: &str| {
        let changes = [("redirect_uri", uri), ("login_hint", "")];
        let page = fixture.authorize("organizations", &changes);
        assert_eq!(page.status, 200, "{page:?}");
        let policy = page.header("content-security-policy").map(str::to_owned);
        let (_, targets) = policy
            .as_deref()?
            .split_once("form-action 'self' http://localhost:* http://127.0.0.1:*")?;
        Some(targets.to_owned())
    };
    let of_app = policy("https://app.example/back");
    assert_eq!(of_app.as_deref(), Some(" https://app.example"));
    assert_eq!(policy(SPA).as_deref(), Some(" http://localhost:3000"));
}

#[test]
fn a_browser_app_receives_its_code_in_the_fragment() {
    let fixture = with_platforms();
    let changes = [("redirect_uri", SPA), ("response_mode", "fragment")];
    let response = fixture.authorize("organizations", &changes);
    let location = response.header("location").expect("a redirect");
    assert!(
        location.starts_with("http://localhost:3000/#code="),
        "{location}"
    );
    let silent = [&changes[..], &[("prompt", "none")]].concat();
    let response = fixture.authorize("organizations", &silent);
    let location = response.header("location").expect("a redirect");
    assert!(
        location.starts_with("http://localhost:3000/#error=login_required&"),
        "{location}"
    );
}
