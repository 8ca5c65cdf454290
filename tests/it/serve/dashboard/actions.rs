//! The state that the page gets, and its actions.

use acspass::emulator::UserAgent;
use serde_json::{Value, json};

use super::{DashboardSession, open};
use crate::harness::{Home, TestBrowser};
use crate::serve::Service;

fn events(state: &Value) -> Vec<String> {
    let events = state["events"].as_array().expect("events").iter();
    events
        .map(|event| event["text"].as_str().expect("text").to_owned())
        .collect()
}

#[test]
fn a_user_signs_in_and_out_and_no_token_is_told_but_on_demand() {
    let (home, emulator) = Home::with_keyring();
    let service = Service::start(&home, &[]);
    let session = DashboardSession::open(&service);
    let state = session.state();
    assert_eq!(state["accounts"], json!([]));
    assert_eq!(
        state["service"]["url"],
        format!("http://127.0.0.1:{}", service.port)
    );

    let begun = session
        .ask("POST", "/dashboard/sign-in", "{}")
        .assert_status(200);
    let url = begun.json()["url"].as_str().expect("an address").to_owned();
    assert!(url.contains("prompt=select_account"), "{url}");
    assert_eq!(session.state()["signIn"]["url"], url.as_str());
    // One at a time, here and elsewhere.
    let again = session
        .ask("POST", "/dashboard/sign-in", "{}")
        .assert_status(200);
    assert_eq!(again.json()["url"], url.as_str());
    home.real(&["get"])
        .assert_error(4, &["is waiting for a sign-in"]);
    let walk = UserAgent::new(Some("ben@contoso.example".to_owned())).start(&url);
    let page = walk
        .expect("a walk")
        .join()
        .expect("no panic")
        .expect("a page");
    assert!(page.html.contains("You are signed in"), "{}", page.html);

    let state = session.wait_until(|state| state["signIn"].is_null());
    let account = &state["accounts"][0];
    assert_eq!(account["username"], "ben@contoso.example");
    assert_eq!(account["active"], true);
    assert_eq!(account["next"]["does"], "renews");
    let left = account["communicationToken"]["expiresInSeconds"].as_u64();
    assert!(left.is_some_and(|left| left > 600), "{account}");
    home.real(&["get"]).assert_code(0);

    let id = account["homeAccountId"].as_str().expect("an id").to_owned();
    let claims = session.ask("GET", &format!("/dashboard/claims?account={id}"), "");
    let claims = claims.assert_status(200);
    assert!(claims.json()["claims"]["exp"].is_u64(), "{}", claims.body);
    let token = session
        .ask("GET", &format!("/token?account={id}"), "")
        .token();
    assert!(emulator.secrets().contains(&token));
    let told = [
        claims.body,
        session.ask("GET", "/dashboard/state", "").body,
        session.ask("GET", "/", "").body,
    ];
    for text in &told {
        home.sweep.bytes("the dashboard", text.as_bytes());
        for secret in [
            &service.secret,
            &session.key["acspass-dashboard: ".len()..].to_owned(),
        ] {
            assert!(!text.contains(secret));
        }
    }

    let body = json!({"account": id}).to_string();
    session
        .ask("POST", "/dashboard/sign-out", &body)
        .assert_status(200);
    let state = session.state();
    assert_eq!(state["accounts"], json!([]));
    assert_eq!(home.real(&["status"]).code, Some(4));
    let events = events(&state);
    for what in [
        "Signed in ben@contoso.example",
        "New token for ben@contoso.example",
        "Token of ben@contoso.example returned to an app",
        "Signed out ben@contoso.example",
    ] {
        assert!(
            events.iter().any(|event| event == what),
            "{what}: {events:?}"
        );
    }
    let again = session.ask("POST", "/dashboard/sign-out", &body);
    assert_eq!(again.assert_status(401).error().0, "sign_in_needed");
    service.stop().assert_code(0);
}

#[test]
fn a_sign_in_that_is_cancelled_or_refused_leaves_the_way_free() {
    let (home, _emulator) = Home::with_keyring();
    let service = Service::start(&home, &[]);
    let session = DashboardSession::open(&service);
    let begin = || {
        let begun = session
            .ask("POST", "/dashboard/sign-in", "{}")
            .assert_status(200);
        begun.json()["url"].as_str().expect("an address").to_owned()
    };
    let first = begin();
    session
        .ask("DELETE", "/dashboard/sign-in", "")
        .assert_status(200);
    assert_eq!(session.state()["signIn"], Value::Null);
    assert_ne!(begin(), first, "it is a new one");
    session
        .ask("DELETE", "/dashboard/sign-in", "")
        .assert_status(200);
    // Another process gets the lock.
    home.login();

    let walk = UserAgent::cancelling().start(begin()).expect("a walk");
    walk.join().expect("no panic").expect("a page");
    let state = session.wait_until(|state| !state["signInFailed"].is_null());
    let failed = &state["signInFailed"];
    assert!(
        failed["message"]
            .as_str()
            .is_some_and(|text| text.contains("cancelled"))
    );
    assert!(failed["hint"].as_str().is_some_and(|hint| !hint.is_empty()));
    assert_eq!(state["signIn"], Value::Null);
    session
        .ask("DELETE", "/dashboard/sign-in", "")
        .assert_status(200);
    assert_eq!(session.state()["signInFailed"], Value::Null);

    // Who signed in elsewhere is here as well, and can be made the active one.
    home.login_as(&TestBrowser::of("ben@contoso.example"));
    let state = session.state();
    let accounts = state["accounts"].as_array().expect("accounts");
    let ada = accounts.iter().find(|one| one["active"] == false);
    let id = ada.expect("two accounts")["homeAccountId"].clone();
    let body = json!({"account": id}).to_string();
    session
        .ask("POST", "/dashboard/switch", &body)
        .assert_status(200);
    let get = home.real(&["get", "-o", "json"]).json();
    assert_eq!(get["account"]["homeAccountId"], id);
    service.stop().assert_code(0);
}

#[test]
fn refused_requests_of_unknown_callers_take_one_event_per_reason() {
    let home = open();
    let service = Service::start(&home, &[]);
    let session = DashboardSession::open(&service);
    for _ in 0..5 {
        assert_eq!(service.send("GET", "/token", &[], "").status, 401);
    }
    let state = session.state();
    assert_eq!(state["events"][0]["times"], 5);
    assert_eq!(state["events"][0]["tone"], "bad");
    for _ in 0..80 {
        service.send("GET", "/token", &[], "");
        service.send("GET", "/token", &["Origin: http://evil.test"], "");
    }
    // Each reason has one entry, so that nothing else is pushed out.
    let state = session.state();
    let times: Vec<_> = (0..2).map(|at| &state["events"][at]["times"]).collect();
    assert_eq!(times, [80, 85]);
    assert_eq!(events(&state).len(), 2);
    service.stop().assert_code(0);
}

#[test]
fn without_a_key_or_a_role_the_page_is_told_how_to_give_one() {
    let (mut home, emulator) = Home::with_emulator();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    let service = Service::start(&home, &[]);
    let owner = DashboardSession::open(&service).state()["owner"].clone();
    assert!(
        owner["endpoint"]
            .as_str()
            .is_some_and(|url| url.starts_with("http"))
    );
    service.stop().assert_code(0);
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    home.set("COMMUNICATION_SERVICES_ENDPOINT", &emulator.http_url());
    let service = Service::start(&home, &[]);
    let error = DashboardSession::open(&service).state()["owner"]["error"].clone();
    let hint = error["hint"].as_str().expect("a hint");
    assert!(
        hint.contains("acspass config set connection-string"),
        "{hint}"
    );
    service.stop().assert_code(0);
    home.set("AZURE_CLIENT_ID", "app");
    let service = Service::start(&home, &[]);
    let owner = DashboardSession::open(&service).state()["owner"].clone();
    assert!(owner["endpoint"].is_string(), "{owner}");
    service.stop().assert_code(0);
}

#[test]
fn the_next_request_already_goes_by_what_the_page_did() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    home.login_as(&TestBrowser::of("ben@contoso.example"));
    let service = Service::start(&home, &[]);
    let session = DashboardSession::open(&service);
    let whose = || {
        let response = service.get("/token").assert_status(200).json();
        response["account"]["homeAccountId"].clone()
    };
    let first = whose();
    let state = session.state();
    let mut accounts = state["accounts"].as_array().expect("accounts").iter();
    let other = accounts.find(|one| one["homeAccountId"] != first);
    let other = other.expect("two accounts")["homeAccountId"].clone();
    let post = |path: &str, account: &Value| {
        let body = json!({"account": account}).to_string();
        session.ask("POST", path, &body).assert_status(200);
    };

    assert_eq!(whose(), first);
    post("/dashboard/switch", &other);
    assert_eq!(whose(), other);

    // Who signs in is the active one.
    let begun = session
        .ask("POST", "/dashboard/sign-in", "{}")
        .assert_status(200);
    let url = begun.json()["url"].as_str().expect("an address").to_owned();
    let walk = UserAgent::new(Some("ben@contoso.example".to_owned())).start(&url);
    assert_eq!(whose(), other);
    walk.expect("a walk")
        .join()
        .expect("no panic")
        .expect("a page");
    session.wait_until(|state| state["signIn"].is_null());
    assert_eq!(whose(), first);
    post("/dashboard/switch", &other);
    post("/dashboard/sign-out", &other);
    let path = format!("/token?account={}", other.as_str().expect("an id"));
    let (kind, _) = service.get(&path).assert_status(401).error();
    assert_eq!(kind, "sign_in_needed");
    service.stop().assert_code(0);
}

#[test]
fn whoever_signs_in_instead_gets_an_address_of_their_own() {
    let (home, _emulator) = Home::with_keyring();
    let service = Service::start(&home, &[]);
    let session = DashboardSession::open(&service);
    for name in ["ada", "ben", "ben"] {
        let body = json!({"account": format!("{name}@contoso.example")}).to_string();
        let begun = session
            .ask("POST", "/dashboard/sign-in", &body)
            .assert_status(200);
        let url = begun.json()["url"].as_str().expect("an address").to_owned();
        assert!(url.contains(&format!("login_hint={name}%40")), "{url}");
    }
    let end = session.ask("DELETE", "/dashboard/sign-in", "");
    end.assert_status(200);
    service.stop().assert_code(0);
}

#[test]
fn refresh_now_replaces_the_token_that_apps_get_and_names_its_scopes() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let service = Service::start(&home, &[]);
    let session = DashboardSession::open(&service);
    service.get("/token").token();
    let renewals = || {
        let state = session.state();
        let events = state["events"].as_array().expect("events").clone();
        let renewals = events.iter().filter(|event| {
            let text = event["text"].as_str().expect("text");
            text.starts_with("New token for ")
        });
        renewals
            .filter_map(|event| event["times"].as_u64())
            .sum::<u64>()
    };
    let before = renewals();
    let account = session.state()["accounts"][0].clone();
    assert_eq!(account["scopes"], json!(["chat", "voip"]), "{account}");
    let body = json!({"account": account["homeAccountId"]}).to_string();
    session
        .ask("POST", "/dashboard/refresh", &body)
        .assert_status(200);
    assert_eq!(renewals(), before + 1);
    let token = service.get("/token").token();
    assert_eq!(home.real(&["get"]).assert_code(0).stdout.trim(), token);
    assert_eq!(renewals(), before + 1, "apps get the new token from memory");
    service.stop().assert_code(0);
}
