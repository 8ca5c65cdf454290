//! A web page that asks for a token, and the approval of its origin and key on the dashboard.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Service;
use super::dashboard::DashboardSession;
use crate::harness::Home;
use crate::harness::http::Response;

const APP: &str = "http://localhost:3000";
const KEY: &str = "a-key-that-the-page-has-made-from-32-bytes";

/// The hash of a key: the page sends it while it asks.
fn verifier(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(key))
}

/// The hash of the verifier: the page sends it after it was approved.
fn page_id(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(Sha256::digest(key)))
}

/// The path with which a page asks for approval.
fn asks(key: &str) -> String {
    format!("/healthz?ask={}", verifier(key))
}

/// Sends what a script of a page of this origin sends, with its key if there is one.
fn ask(service: &Service<'_>, origin: &str, path: &str, key: Option<&str>) -> Response {
    let origin = format!("Origin: {origin}");
    let bearer = key.map(|key| format!("Authorization: Bearer {key}"));
    let mut headers = vec![
        origin.as_str(),
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Mode: cors",
    ];
    headers.extend(bearer.as_deref());
    service.send("GET", path, &headers, "")
}

/// Approves the only page that asks, and returns its entry.
fn approve(session: &DashboardSession, duration: &str) -> Value {
    let asking = session.state()["origins"]["asking"].clone();
    assert_eq!(asking.as_array().map(Vec::len), Some(1), "{asking}");
    let body = json!({"number": asking[0]["number"], "for": duration}).to_string();
    session
        .ask("POST", "/dashboard/origins/approve", &body)
        .assert_status(200);
    asking[0].clone()
}

#[test]
fn page_gets_a_token_only_after_the_user_approved_its_origin_and_its_key() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let service = Service::start(&home, &[]);
    let session = DashboardSession::open(&service);
    let token = format!("/token?page={}", page_id(KEY));
    assert_eq!(ask(&service, APP, &token, Some(KEY)).status, 403);
    assert_eq!(session.state()["origins"]["asking"], json!([]));
    assert_eq!(ask(&service, APP, &asks(KEY), None).status, 403);
    let asking = approve(&session, "run");
    assert_eq!(asking["origin"], APP);
    assert!(asking["code"].as_str().is_some_and(|code| code.len() == 9));

    let given = ask(&service, APP, &token, Some(KEY)).assert_status(200);
    assert_eq!(given.header("access-control-allow-origin"), Some(APP));
    assert!(given.json()["token"].is_string());
    for (origin, path, key, status) in [
        // The key is good for its origin and for tokens only.
        ("http://localhost:3001", token.as_str(), Some(KEY), 403),
        ("http://127.0.0.1:3000", token.as_str(), Some(KEY), 403),
        (APP, "/status", Some(KEY), 401),
        (APP, "/api/token/teams", Some(KEY), 401),
        (APP, "/dashboard/state", Some(KEY), 401),
        // The origin alone opens nothing, and neither do the verifier and the page id.
        (APP, token.as_str(), None, 401),
        (APP, token.as_str(), Some("another-key"), 401),
        (APP, token.as_str(), Some(&verifier(KEY)), 401),
        (APP, token.as_str(), Some(&page_id(KEY)), 401),
    ] {
        let response = ask(&service, origin, path, key);
        assert_eq!(response.status, status, "{origin} {path} {key:?}");
    }
    // Without the headers of a browser it is another program.
    let bearer = format!("Authorization: Bearer {KEY}");
    let origin = format!("Origin: {APP}");
    for headers in [
        vec![bearer.as_str()],
        vec![bearer.as_str(), &origin],
        vec![
            bearer.as_str(),
            &origin,
            "Sec-Fetch-Mode: navigate",
            "Sec-Fetch-Site: cross-site",
        ],
        vec![
            bearer.as_str(),
            &origin,
            "Sec-Fetch-Mode: cors",
            "Sec-Fetch-Site: none",
        ],
    ] {
        let response = service.send("GET", "/token", &headers, "");
        assert_eq!(response.status, 401, "{headers:?}");
    }
    let post = [
        origin.as_str(),
        &bearer,
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Mode: cors",
    ];
    assert_eq!(service.send("POST", "/identities", &post, "{}").status, 401);

    let withdraw = json!({"origin": APP}).to_string();
    session
        .ask("POST", "/dashboard/origins/withdraw", &withdraw)
        .assert_status(200);
    assert_eq!(ask(&service, APP, &token, Some(KEY)).status, 403);
    service.stop().assert_code(0);
}

#[test]
fn proof_for_an_approved_page_is_made_with_a_value_that_no_request_of_it_has() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let service = Service::start(&home, &[]);
    let session = DashboardSession::open(&service);
    let nonce = "n".repeat(43);
    let proof = |path: &str| {
        let headers = [
            &format!("Origin: {APP}"),
            &format!("acspass-nonce: {nonce}"),
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Mode: cors",
        ];
        let response = service.send("GET", path, &headers, "");
        response.header("acspass-proof").map(str::to_owned)
    };
    let made_with = |key: &str| {
        let text = format!("acspass-service-proof-v1\n{}\n{nonce}", service.port);
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any key");
        mac.update(text.as_bytes());
        Some(URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    };
    let asking = asks(KEY);
    let approved = format!("/healthz?page={}", page_id(KEY));
    for path in [&asking, &approved] {
        assert_eq!(proof(path), None, "{path}");
    }
    approve(&session, "run");
    assert_eq!(proof(&approved), made_with(&verifier(KEY)));
    // A request that names the verifier gets the proof for callers with the secret.
    for path in [&asking, &format!("/healthz?page={}", verifier(KEY))] {
        assert_eq!(proof(path), made_with(&service.secret), "{path}");
    }
    service.stop().assert_code(0);
}

#[test]
fn permanent_approval_outlives_the_service_and_one_for_the_run_does_not() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let token = format!("/token?page={}", page_id(KEY));
    for (duration, status) in [("run", 403), ("ever", 200)] {
        let service = Service::start(&home, &[]);
        let session = DashboardSession::open(&service);
        assert_eq!(ask(&service, APP, &asks(KEY), None).status, 403);
        approve(&session, duration);
        ask(&service, APP, &token, Some(KEY)).assert_status(200);
        service.stop().assert_code(0);
        let next = Service::start(&home, &[]);
        assert_eq!(
            ask(&next, APP, &token, Some(KEY)).status,
            status,
            "{duration}"
        );
        next.stop().assert_code(0);
    }
}

#[test]
fn dismissed_origin_does_not_ask_again_and_its_name_is_data() {
    let home = super::dashboard::open();
    let service = Service::start(&home, &[]);
    let session = DashboardSession::open(&service);
    let asking = || session.state()["origins"]["asking"].clone();
    for origin in [
        "http://evil.test",
        "null",
        "https://a.example/<script>",
        "file://",
    ] {
        assert_eq!(
            ask(&service, origin, "/token", None).status,
            403,
            "{origin}"
        );
    }
    assert_eq!(asking(), json!([]));
    assert_eq!(
        ask(&service, "https://a.example", "/token", None).status,
        403
    );
    let asked = asking()[0].clone();
    assert_eq!(
        (&asked["origin"], &asked["code"]),
        (&json!("https://a.example"), &Value::Null)
    );
    let body = json!({"number": asked["number"]}).to_string();
    session
        .ask("POST", "/dashboard/origins/dismiss", &body)
        .assert_status(200);
    ask(&service, "https://a.example", "/token", None);
    assert_eq!(asking(), json!([]));
    // A program without the headers of a browser is not listed.
    service.send("GET", "/token", &["Origin: https://b.example"], "");
    assert_eq!(asking(), json!([]));
    let late = json!({"number": asked["number"], "for": "run"}).to_string();
    let late = session.ask("POST", "/dashboard/origins/approve", &late);
    assert_eq!(late.assert_status(400).error().0, "usage");
    service.stop().assert_code(0);
}
