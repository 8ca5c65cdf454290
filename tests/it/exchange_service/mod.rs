//! `exchange = service`: an organisation's exchange service holds the credential for the resource, and
//! this machine holds none.

mod fake;
mod refusals;
mod renewals;
mod settings;

use std::sync::Arc;

use acspass::emulator::{Emulator, Options, Seed};
use acspass::jwt;
use serde_json::Value;

use crate::harness::{Home, TestBrowser};
use fake::{FakeService, token};

const SERVICE: &str = "ac5ba55e-0c11-4000-8000-0000000000d1";
const SCOPE: &str = "api://ac5ba55e-0c11-4000-8000-0000000000d1/access_as_user";
const TEAMS: &str = "https://auth.msft.communication.azure.com";
const SEED: &str = r#"
[[applications]]
name = "Desktop"
clientId = "ac5ba55e-0c11-4000-8000-0000000000a1"
platforms.native = ["http://localhost"]
allowPublicClientFlows = true

[[applications]]
name = "Exchange service"
clientId = "ac5ba55e-0c11-4000-8000-0000000000d1"
secrets = ["worthless-secret-of-the-exchange-service"]
api = { scopes = ["access_as_user"], tokenVersion = 2 }
"#;

/// A home without a key, and an emulator with the application of the service.
fn home(service: &str, settings: &str) -> (Home, Arc<Emulator>) {
    let options = Options {
        seed: Seed::parse(SEED).expect("a seed"),
        // A refresh token that was used before ends the session.
        strict_refresh: true,
        ..Options::default()
    };
    let emulator = Arc::new(Emulator::start(options).expect("an emulator"));
    let mut home = Home::new();
    home.point_at(&emulator);
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    let key_file = home.path().join("key");
    acspass::store::create_key_file(&key_file).expect("a key");
    home.set("ACSPASS_STORE", "file");
    home.set("ACSPASS_STORE_KEY_FILE", &key_file.display().to_string());
    home.configure(&format!(
        "[profile.default]\nexchange = \"service\"\nexchange-service = \"{service}\"\n\
         exchange-service-scope = \"{SCOPE}\"\n{settings}"
    ));
    (home, emulator)
}

fn sign_in(home: &Home, words: &[&str]) -> Arc<TestBrowser> {
    let browser = TestBrowser::walking();
    home.call(words).by(&browser).run().assert_code(0);
    browser
}

fn claims(token: &str) -> Value {
    jwt::claims(token).expect("a token of the emulator")
}

#[test]
fn one_sign_in_brings_a_token_for_the_service_and_one_for_acs() {
    let service = FakeService::start(token);
    let (home, emulator) = home(&service.url, "");
    let browser = sign_in(&home, &["login"]);
    let asked = browser.parameter("scope").expect("scopes");
    assert!(asked.contains(SCOPE) && asked.contains(TEAMS), "{asked}");

    let got = home.run(&["get"]).token();
    let [request] = &service.arrived()[..] else {
        panic!("one request: {:?}", service.arrived());
    };
    assert_eq!(request.line.trim_end(), "POST /v1/token HTTP/1.1");
    let caller = claims(&request.bearer);
    assert_eq!(
        (&caller["aud"], &caller["scp"]),
        (&SERVICE.into(), &"access_as_user".into())
    );
    let subject = claims(&request.form["subject_token"]);
    assert_eq!(subject["aud"], TEAMS);
    assert_eq!(
        (&subject["oid"], &subject["tid"]),
        (&caller["oid"], &caller["tid"])
    );
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    for (name, value) in [
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        ("subject_token_type", kind),
        ("requested_token_type", kind),
    ] {
        assert_eq!(request.form[name], value);
    }
    assert_eq!(emulator.count("authorization_code"), 1);
    assert_eq!(emulator.count("refresh_token"), 1);
    assert_eq!(emulator.count("exchange"), 0, "this machine has no key");

    assert_eq!(home.run(&["get"]).token(), got, "it is cached");
    let status = home.run(&["status", "-o", "json"]);
    let json = status.assert_code(0).json();
    assert_eq!(json["accounts"][0]["communicationToken"]["fresh"], true);
    assert_eq!(service.arrived().len(), 1);

    // Both tokens are requested again, each with the newest refresh token.
    let forced = home.run(&["get", "--force-refresh"]).token();
    assert_ne!(forced, got);
    assert_eq!(emulator.count("refresh_token"), 3);
    let again = &service.arrived()[1];
    assert_ne!(again.bearer, request.bearer);
    assert_ne!(again.form["subject_token"], request.form["subject_token"]);
}

#[test]
fn each_refresh_sends_the_newest_refresh_token() {
    let service = FakeService::start(token);
    let (home, emulator) = home(&service.url, "");
    sign_in(&home, &["login"]);
    for _ in 0..2 {
        home.run(&["get", "--force-refresh"]).token();
    }
    assert_eq!(emulator.count("refresh_token"), 4);
}

#[test]
fn on_behalf_of_sends_no_token_for_acs() {
    let service = FakeService::start(token);
    let (home, emulator) = home(&service.url, "on-behalf-of = true\n");
    let browser = sign_in(&home, &["get", "--interactive"]);
    let asked = browser.parameter("scope").expect("scopes");
    assert!(asked.contains(SCOPE) && !asked.contains(TEAMS), "{asked}");
    let [request] = &service.arrived()[..] else {
        panic!("one request: {:?}", service.arrived());
    };
    assert_eq!(claims(&request.bearer)["aud"], SERVICE);
    assert!(!request.form.contains_key("subject_token"));
    assert_eq!(emulator.count("refresh_token"), 0, "one token is enough");
    home.run(&["get", "--force-refresh"]).token();
    assert_eq!(emulator.count("refresh_token"), 1);

    let other = home.run(&["config", "set", "scopes", "Teams.ManageCalls"]);
    other.assert_error(2, &["is not one of the exchange service"]);
}

#[test]
fn the_user_consents_to_both_in_one_sign_in() {
    let service = FakeService::start(token);
    let (home, _emulator) = home(&service.url, "");
    let browser = TestBrowser::of("consent@contoso.example");
    let run = home.call(&["get", "--interactive"]).by(&browser).run();
    run.token();
    assert_eq!(browser.opened().len(), 1);
}

#[test]
fn commands_have_a_token_and_no_endpoint_that_is_not_configured() {
    let service = FakeService::start(token);
    let (home, _emulator) = home(&service.url, "");
    sign_in(&home, &["login"]);
    let env = home.run(&["get", "-o", "env"]);
    env.assert_code(0);
    assert!(
        env.stdout
            .starts_with("AZURE_COMMUNICATION_ACCESS_TOKEN=eyJ")
    );
    assert_eq!(env.stdout.lines().count(), 1);
    let status = home.run(&["status"]);
    assert!(
        status
            .stdout
            .contains(&format!("Service   {}", service.url)),
        "{}",
        status.stdout
    );
    assert!(!status.stdout.contains("Resource"), "{}", status.stdout);
}

#[test]
fn doctor_asks_the_service_whether_it_is_ready() {
    for (status, word, code) in [(200, "ok", 0), (503, "unavailable", 6)] {
        let body = format!(r#"{{"status": "{word}", "checks": {{}}}}"#);
        let service =
            FakeService::start(move |_| fake::response(status, "Retry-After: 0\r\n", &body));
        let (home, _emulator) = home(&service.url, "");
        let run = home.run(&["doctor", "-o", "json"]);
        let json: Value = serde_json::from_str(&run.stdout).expect("JSON");
        let checks = json["checks"].as_array().expect("checks");
        let found = checks.iter().find(|check| check["name"] == "service");
        let result = if code == 0 { "ok" } else { "fail" };
        assert_eq!(found.expect("a check")["result"], result, "{json}");
        let resource = checks.iter().find(|check| check["name"] == "resource");
        assert_eq!(resource.expect("a check")["result"], "skipped");
        assert!(
            service
                .arrived()
                .iter()
                .all(|request| request.bearer.is_empty())
        );
    }
}

#[test]
fn the_embedded_emulator_needs_no_exchange_service() {
    let (home, _emulator) = home("https://exchange.contoso.example", "");
    home.run(&["get", "--emulator"]).token();
}
