//! A session goes nowhere else: with another resource, other scopes or another authority nothing
//! of the first is printed or sent.

use std::sync::Arc;
use std::time::Duration;

use acspass::emulator::{Emulator, Fault, FaultKind, Options, Route};

use crate::harness::{Home, TestBrowser};

/// Its tokens live longer than another emulator's, so that no two can be equal.
fn another_emulator(home: &mut Home) -> Arc<Emulator> {
    let options = Options {
        token_life: Duration::from_secs(80 * 60),
        takes_sibling_tokens: true,
        ..Options::default()
    };
    let emulator = Arc::new(Emulator::start(options).expect("another emulator"));
    home.sweep.watch(Arc::downgrade(&emulator));
    emulator
}

fn requests(emulator: &Emulator) -> usize {
    emulator.requests().len()
}

#[test]
fn another_resource_gets_an_exchange_of_its_own_and_no_refresh_token() {
    let (mut home, first) = Home::with_keyring();
    let second = another_emulator(&mut home);
    home.login();
    let token = home.real(&["get"]).token();
    home.set(
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
        &second.http_connection_string(),
    );
    second.add_fault(Fault {
        route: Route::Exchange,
        times: Some(1),
        what: FaultKind::Status {
            status: 403,
            retry_after: None,
            content_type: "application/json".to_owned(),
            body: r#"{"error":{"code":"Forbidden","message":"no"}}"#.to_owned(),
        },
    });
    home.real(&["get"]).assert_error(5, &["Forbidden"]);
    home.real(&["get"]).token();
    assert_eq!(
        second.count("exchange"),
        1,
        "it was not printed from the cache"
    );
    assert_eq!(second.count("refresh_token"), 0);
    let paths: Vec<String> = second
        .requests()
        .into_iter()
        .map(|entry| entry.path)
        .collect();
    let exchange = "/teamsUser/:exchangeAccessToken";
    assert_eq!(paths, [exchange; 2], "nothing but the exchange went there");

    home.point_at(&first);
    let before = requests(&first);
    assert_eq!(
        home.real(&["get"]).token(),
        token,
        "the first one's is still kept"
    );
    assert_eq!(requests(&first), before);
}

#[test]
fn other_scopes_get_tokens_of_their_own() {
    let (mut home, emulator) = Home::with_keyring();
    home.login();
    let token = home.real(&["get"]).token();
    home.set("ACSPASS_SCOPES", "Teams.ManageChats");
    let chats = home.real(&["get"]).token();
    assert_ne!(chats, token, "it is for other scopes");
    assert_eq!(emulator.count("refresh_token"), 1);
    assert_eq!(emulator.count("exchange"), 2);
    home.unset("ACSPASS_SCOPES");
    assert_eq!(
        home.real(&["get"]).token(),
        token,
        "both are kept side by side"
    );
    assert_eq!(emulator.count("exchange"), 2);
}

#[test]
fn another_authority_has_no_session_and_gets_no_refresh_token() {
    let (mut home, first) = Home::with_keyring();
    let second = another_emulator(&mut home);
    home.login();
    home.real(&["get"]).token();
    home.set("AZURE_AUTHORITY_HOST", &second.http_url());
    let before = requests(&first);
    for words in [
        &["get"][..],
        &["get", "--force-refresh"],
        &["get", "--account", "ada@contoso.example"],
        &["get", "--entra"],
    ] {
        home.real(words).assert_error(4, &["signed in"]);
    }
    home.real(&["status"]).assert_code(4);
    assert_eq!(requests(&second), 0);
    assert_eq!(requests(&first), before);

    // Whoever signs in there has a session there, beside the first.
    home.login();
    home.real(&["get", "--force-refresh"]).token();
    assert_eq!(second.count("refresh_token"), 1);
    assert_eq!(
        requests(&first) - before,
        1,
        "one exchange, no refresh token"
    );
    assert_eq!(home.keyring().lookup_items().len(), 2);
}

#[test]
fn another_tenant_or_application_finds_no_session() {
    let (mut home, emulator) = Home::with_keyring();
    home.login();
    home.real(&["get"]).token();
    let before = requests(&emulator);
    for (name, value) in [
        ("ACSPASS_TENANT_ID", "organizations"),
        ("ACSPASS_TENANT_ID", "contoso.example"),
        ("ACSPASS_CLIENT_ID", "11111111-2222-3333-4444-555555555555"),
    ] {
        let own = home.variables[name].clone();
        home.set(name, value);
        home.real(&["get"])
            .assert_error(4, &["no account is signed in"]);
        home.real(&["status"]).assert_code(4);
        home.set(name, &own);
    }
    assert_eq!(requests(&emulator), before);
    home.real(&["get"]).token();
}

#[test]
fn metadata_that_leads_to_another_host_is_not_followed() {
    let (mut home, first) = Home::with_keyring();
    let second = another_emulator(&mut home);
    home.login();
    for endpoint in ["token_endpoint", "authorization_endpoint"] {
        let elsewhere = format!("{}/organizations/oauth2/v2.0/token", second.http_url());
        first.add_fault(Fault {
            route: Route::Metadata,
            times: None,
            what: FaultKind::ReplacedField(endpoint.to_owned(), elsewhere.into()),
        });
        home.forget_metadata();
        home.real(&["get", "--force-refresh"])
            .assert_error(5, &["has an endpoint on another host"]);
        let browser = TestBrowser::never();
        let login = home.call(&["login"]).by(&browser).spawn().end();
        login.assert_error(5, &["has an endpoint on another host"]);
        first.clear_faults();
    }
    assert_eq!(requests(&second), 0);
    home.real(&["get"]).token();
}

#[test]
fn an_endpoint_that_is_not_acs_is_refused_before_any_sign_in() {
    let (mut home, emulator) = Home::with_emulator();
    let key = "c29tZWJvZHkncyBhY2Nlc3Mga2V5";
    home.sweep.add(key);
    for host in [
        "acs.example",
        "communication.azure.com.evil.example",
        "evilcommunication.azure.com",
        "contoso.communication.azure.com.",
        "localhost.evil.example",
    ] {
        let text = format!("endpoint=https://{host}/;accesskey={key}");
        home.set("COMMUNICATION_SERVICES_CONNECTION_STRING", &text);
        // The environment has no say in it.
        home.set("ACSPASS_ALLOW_ENDPOINT", host);
        let run = home.run(&["get", "--interactive"]);
        run.assert_error(2, &["is not a host of Azure Communication Services"]);
    }
    assert_eq!(emulator.requests(), []);
}

#[test]
fn a_host_that_the_profile_allows_may_be_an_endpoint() {
    let (mut home, _emulator) = Home::with_emulator();
    home.set(
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
        "endpoint=https://acs.example/;accesskey=c29tZWJvZHkncyBhY2Nlc3Mga2V5",
    );
    home.configure("[profile.default]\nallow-endpoint = [\"other.example\"]\n");
    home.run(&["get"]).assert_error(2, &["acs.example"]);
    home.configure("[profile.default]\nallow-endpoint = [\"ACS.example\"]\n");
    home.run(&["get"])
        .assert_error(4, &["no account is signed in"]);
}
