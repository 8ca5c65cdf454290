//! `exchange = entra` and `teams-extension`: no access key anywhere, and the user's own Entra
//! token opens the resource.

use std::sync::Arc;

use acspass::Kind;
use acspass::acs::{ConnectionString, DirectExchange, Endpoint, RequestToSign, sign};
use acspass::emulator::Emulator;
use acspass::exchange::ExchangeKind;
use acspass::http::{self, Http};
use acspass::secret::EntraToken;
use acspass::time::{Clock, SystemClock};
use reqwest::Method;
use serde_json::json;

use super::{block_on, claims_of};
use crate::harness::{Home, TestBrowser};

/// A home with a keyring and an endpoint, and no right of its own to the resource.
fn keyless(exchange: &str) -> (Home, Arc<Emulator>) {
    let (mut home, emulator) = Home::with_keyring();
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    home.set("COMMUNICATION_SERVICES_ENDPOINT", &emulator.http_url());
    home.set("ACSPASS_EXCHANGE", exchange);
    (home, emulator)
}

/// The path of the exchange, and what its token's identity ends with after the resource.
fn of(exchange: &str, emulator: &Emulator) -> (&'static str, String) {
    let (tenant, user) = (emulator.tenant_id(), emulator.object_id());
    match exchange {
        "entra" => ("entra_exchange", format!("wf_{tenant}_{user}")),
        _ => ("teams_extension_exchange", format!("{tenant}_{user}")),
    }
}

fn signs_in_and_gets_tokens_without_a_key(exchange: &str) {
    let (home, emulator) = keyless(exchange);
    let (operation, name) = of(exchange, &emulator);
    home.login()
        .assert_says(&["Signed in as ada@contoso.example."]);
    let token = home.real(&["get"]).token();
    let claims = claims_of(&token);
    assert_eq!(
        claims["skypeid"],
        format!("acs:{}_{name}", emulator.resource_id())
    );
    assert_eq!(emulator.count(operation), 1);
    assert_eq!(emulator.count("exchange"), 0, "no request used a key");
    assert_eq!(home.real(&["get"]).token(), token, "it is kept");
    assert_eq!(emulator.count(operation), 1);

    let status = home.real(&["status", "-o", "json"]);
    let json = status.assert_code(0).json();
    assert_eq!(json["accounts"][0]["communicationToken"]["fresh"], true);
    assert_eq!(json["accounts"][0]["entraToken"]["fresh"], true);

    let renewed = home.real(&["get", "--force-refresh"]).token();
    assert!(emulator.is_token_valid(&renewed));
    assert_eq!(emulator.count("refresh_token"), 1);
    assert_eq!(emulator.count(operation), 2);
}

#[test]
fn with_exchange_entra_no_access_key_is_needed() {
    signs_in_and_gets_tokens_without_a_key("entra");
}

#[test]
fn with_exchange_teams_extension_no_access_key_is_needed() {
    signs_in_and_gets_tokens_without_a_key("teams-extension");
}

#[test]
fn a_token_of_one_kind_of_exchange_is_not_handed_out_for_another() {
    let (mut home, emulator) = keyless("entra");
    home.login();
    let entra = home.real(&["get"]).token();
    home.set("ACSPASS_EXCHANGE", "teams-extension");
    let status = home.real(&["status", "-o", "json"]).json();
    assert!(status["accounts"][0]["communicationToken"].is_null());
    let extension = home.real(&["get"]).token();
    assert_ne!(entra, extension);
    assert_eq!(emulator.count("teams_extension_exchange"), 1);
}

#[test]
fn the_profile_chooses_the_exchange_as_well_as_the_environment() {
    let (mut home, emulator) = Home::with_emulator();
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    let url = emulator.http_url();
    home.configure(&format!(
        "[profile.default]\nendpoint = '{url}'\nexchange = 'entra'\n"
    ));
    let browser = TestBrowser::walking();
    let run = home.call(&["get", "--interactive"]).by(&browser).run();
    run.token();
    assert_eq!(emulator.count("entra_exchange"), 1);
    let scope = browser.parameter("scope").expect("a scope");
    assert!(
        scope.contains("https://communication.azure.com/clients/.default"),
        "{scope}"
    );
}

#[test]
fn each_scope_of_the_family_is_in_the_token() {
    let (mut home, _emulator) = Home::with_emulator();
    home.set("ACSPASS_EXCHANGE", "entra");
    for (entra, acs) in [
        ("Chat", "chat"),
        ("VoIP", "voip"),
        ("Chat.Join", "chat.join"),
        ("Chat.Join.Limited", "chat.join.limited"),
        ("VoIP.Join", "voip.join"),
    ] {
        let scope = format!("https://communication.azure.com/clients/{entra}");
        home.set("ACSPASS_SCOPES", &scope);
        let browser = TestBrowser::walking();
        let run = home.call(&["get", "--interactive"]).by(&browser).run();
        assert_eq!(claims_of(&run.token())["acsScope"], acs);
    }
}

#[test]
fn scopes_of_another_family_are_refused_before_anything_is_contacted() {
    let (mut home, emulator) = Home::with_emulator();
    let clients = "https://communication.azure.com/clients/VoIP";
    for (exchange, scopes, named) in [
        ("entra", "Teams.ManageCalls", "Teams.ManageCalls"),
        ("teams-extension", clients, clients),
        (
            "entra",
            &format!("{clients} TeamsExtension.ManageCalls"),
            "TeamsExtension",
        ),
    ] {
        home.set("ACSPASS_EXCHANGE", exchange);
        home.set("ACSPASS_SCOPES", scopes);
        for words in [&["get", "--interactive"][..], &["login"], &["status"]] {
            let run = home.run(words);
            run.assert_error(2, &[named, "the setting `exchange`", "ACSPASS_SCOPES"]);
        }
    }
    assert_eq!(emulator.requests(), []);
    home.unset("ACSPASS_SCOPES");
    home.set("ACSPASS_EXCHANGE", "magic");
    home.run(&["status"])
        .assert_error(2, &["`magic`", "key, entra, teams-extension or service"]);
}

#[test]
fn a_user_who_is_not_assigned_is_told_so() {
    let (mut home, emulator) = Home::with_emulator();
    for exchange in ["entra", "teams-extension"] {
        home.set("ACSPASS_EXCHANGE", exchange);
        home.set("ACSPASS_TENANT_ID", "organizations");
        let browser = TestBrowser::of("dora@fabrikam.example");
        let run = home.call(&["get", "--interactive"]).by(&browser).run();
        run.assert_error(5, &["Forbidden", "assigned to the resource"]);
    }
    assert_eq!(emulator.count("exchange"), 0);
}

#[test]
fn whom_the_owner_assigns_gets_in() {
    let (mut home, emulator) = Home::with_emulator();
    home.set("ACSPASS_EXCHANGE", "entra");
    home.set("ACSPASS_TENANT_ID", "organizations");
    let dora = || TestBrowser::of("dora@fabrikam.example");
    let call = home.call(&["get", "--entra", "--interactive"]);
    let claims = claims_of(&call.by(&dora()).run().token());
    let (tenant, user) = (claims["tid"].clone(), claims["oid"].as_str().unwrap());
    let body = json!({
        "principalType": "user",
        "tenantId": tenant,
        "clientIds": [emulator.client_id()],
    });
    let target = format!("/access/entra/assignments/{user}?api-version=2025-03-02-preview");
    assert_eq!(
        as_owner(&emulator, Method::PUT, &target, &body.to_string()),
        201
    );

    let call = home.call(&["get", "--interactive"]);
    let token = call.by(&dora()).run().token();
    assert!(emulator.is_token_valid(&token));
    assert_eq!(as_owner(&emulator, Method::DELETE, &target, ""), 204);
    let call = home.call(&["get", "--interactive"]);
    call.by(&dora()).run().assert_error(5, &["Forbidden"]);
}

/// Sends what only the resource's owner may, and returns the status.
fn as_owner(emulator: &Emulator, method: Method, target: &str, body: &str) -> u16 {
    let resource = ConnectionString::parse(&emulator.http_connection_string()).unwrap();
    let unsigned = RequestToSign {
        method: method.as_str(),
        target,
        host: &resource.endpoint.host_header(),
        body: body.as_bytes(),
        date: SystemClock.now(),
    };
    let mut headers = sign(&unsigned, &resource.access_key).unwrap();
    headers.insert("content-type", "application/json".parse().unwrap());
    let request = http::Request {
        method: method.clone(),
        url: format!("{}{target}", emulator.http_url()).parse().unwrap(),
        headers,
        body: body.as_bytes().to_vec(),
    };
    let http = Http::new(http::Options::default());
    let response = block_on(http.send(|| Ok(request.clone()))).unwrap();
    response.status.as_u16()
}

#[test]
fn the_library_exchanges_directly_and_names_the_identity() {
    let (mut home, emulator) = Home::with_emulator();
    let direct = |endpoint: &str| {
        let http = Arc::new(Http::new(http::Options::default()));
        let endpoint = Endpoint::parse(endpoint).unwrap();
        DirectExchange::new(http, Arc::new(SystemClock), endpoint, Vec::new())
    };
    for (name, kind) in [
        ("entra", ExchangeKind::Entra),
        ("teams-extension", ExchangeKind::TeamsExtension),
    ] {
        home.set("ACSPASS_EXCHANGE", name);
        let token = EntraToken::new(super::entra_token(&home));
        let exchanged = block_on(direct(&emulator.http_url()).exchange(kind, &token)).unwrap();
        let (_, user) = of(name, &emulator);
        assert_eq!(
            exchanged.identity.unwrap().as_str(),
            format!("8:acs:{}_{user}", emulator.resource_id())
        );
        assert!(emulator.is_token_valid(exchanged.issued.token.expose()));

        let before = emulator.requests();
        let wrong = EntraToken::new("not a token");
        let error = block_on(direct(&emulator.http_url()).exchange(kind, &wrong)).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert_eq!(emulator.requests(), before);
        let elsewhere = direct("https://acs.example");
        let error = block_on(elsewhere.exchange(kind, &token)).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert_eq!(emulator.requests(), before);
    }
}
