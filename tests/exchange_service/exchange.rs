//! Exchanges: by both routes, with both token versions, with a key and with a principal.

use std::thread;
use std::time::Duration;

use acspass::emulator::{Certificates, Emulator, Options};
use serde_json::json;

use crate::harness::{
    CLIENT, Service, acs_token, own_token, own_token_of, send, until, with_claims,
};

fn emulator() -> Emulator {
    Emulator::start(Options::default()).expect("an emulator")
}

#[test]
fn a_token_is_exchanged_once_and_then_served_from_memory() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let (bearer, subject) = (own_token(&emulator), acs_token(&emulator));
    for outcome in ["exchanged", "cached", "cached"] {
        let response = service.exchange(&bearer, &subject);
        assert_eq!(response.status, 200, "{}", response.body);
        let json = response.json();
        let token = json["access_token"].as_str().expect("a token");
        assert!(emulator.is_token_valid(token));
        let kind = "urn:ietf:params:oauth:token-type:access_token";
        assert_eq!(json["issued_token_type"], kind);
        assert_eq!(json["token_type"], "Bearer");
        let life = json["expires_in"].as_u64().expect("a number");
        assert!((3000..=3600).contains(&life), "{life}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        let line = service.audit(&response);
        assert_eq!(line["outcome"], outcome);
        assert_eq!(line["user"], emulator.object_id());
        assert_eq!(line["client"], CLIENT);
    }
    assert_eq!(emulator.count("exchange"), 1);
    assert_eq!(
        service.figure("acspass_exchange_cache_hits_total"),
        Some(2.0)
    );
    let said = service.lines().join("\n");
    for secret in emulator.secrets() {
        assert!(!said.contains(&secret), "a secret is in the output");
    }
}

#[test]
fn tokens_of_both_versions_are_accepted() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let v2 = json!({
        "iss": format!("{}/{}/v2.0", emulator.http_url(), emulator.tenant_id()),
        "azp": CLIENT, "appid": null, "ver": "2.0",
    });
    let bearer = own_token_of(&emulator, None, v2);
    let response = service.exchange(&bearer, &acs_token(&emulator));
    assert_eq!(response.status, 200, "{}", response.body);
}

#[test]
fn the_user_at_the_resource_is_that_of_the_bearer_token() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let response = service.exchange(&own_token(&emulator), &acs_token(&emulator));
    assert_eq!(response.status, 200);
    let exchange = emulator.requests();
    let exchange = exchange
        .iter()
        .find(|request| request.operation == "exchange");
    assert_eq!(
        exchange.expect("one").user.as_deref(),
        Some(emulator.username())
    );
}

#[test]
fn the_clients_of_the_hero_sample_get_its_response() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let bearer = format!("Bearer {}", own_token(&emulator));
    let subject = acs_token(&emulator);
    let both = [
        ("Authorization", bearer.as_str()),
        ("teams-user-aad-token", &subject),
    ];
    let response = send(service.port, "GET", "/api/token/teams", &both, "");
    assert_eq!(response.status, 201, "{}", response.body);
    let json = response.json();
    assert!(emulator.is_token_valid(json["token"].as_str().expect("a token")));
    let expiry = json["expiresOn"].as_str().expect("a time");
    assert!(acspass::time::Timestamp::parse_rfc3339(expiry).is_some());
    let one = send(service.port, "GET", "/api/token/teams", &both[..1], "");
    assert_eq!(
        (one.status, service.audit(&one)["reason"].clone()),
        (400, json!("subject_missing"))
    );
}

#[test]
fn simultaneous_requests_with_one_token_are_one_exchange() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let (bearer, subject) = (own_token(&emulator), acs_token(&emulator));
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| assert_eq!(service.exchange(&bearer, &subject).status, 200));
        }
    });
    assert_eq!(emulator.count("exchange"), 1);
}

#[test]
fn a_principal_replaces_the_access_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let emulator = Emulator::start(Options {
        https_port: Some(0),
        certificates: Certificates::default(),
        ..Options::default()
    })
    .expect("an emulator");
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, emulator.ca_pem().expect("an authority")).expect("written");
    let url = emulator.https_url().expect("https");
    let service = Service::start(
        &emulator,
        &[
            ("ACSPASS_EXCHANGE_KEY_FILE", ""),
            ("AZURE_AUTHORITY_HOST", &url),
            ("COMMUNICATION_SERVICES_ENDPOINT", &url),
            ("ACSPASS_CA_FILE", ca_file.to_str().expect("UTF-8")),
            ("AZURE_TENANT_ID", emulator.tenant_id()),
            ("AZURE_CLIENT_ID", emulator.service_client_id()),
            ("AZURE_CLIENT_SECRET", emulator.service_client_secret()),
        ],
    );
    let issuer = json!({"iss": format!("{url}/{}/", emulator.tenant_id())});
    let bearer = own_token_of(&emulator, None, issuer.clone());
    let response = service.exchange(&bearer, &with_claims(&emulator, issuer));
    assert_eq!(response.status, 200, "{}", response.body);
}

#[test]
fn a_claims_challenge_of_the_resource_reaches_the_client() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let subject = with_claims(&emulator, json!({"xms_cc": ["cp1"]}));
    // The token is older than the revocation.
    emulator.advance_clock(Duration::from_secs(2));
    emulator.revoke_access();
    let response = service.exchange(&own_token(&emulator), &subject);
    assert_eq!(response.status, 401, "{}", response.body);
    assert_eq!(response.json()["error"], "insufficient_claims");
    let challenge = response.header("www-authenticate").expect("a challenge");
    assert!(
        challenge.starts_with("Bearer error=\"insufficient_claims\", claims=\""),
        "{challenge}"
    );
    assert_eq!(service.audit(&response)["reason"], "claims_challenge");
}

#[test]
fn a_user_without_a_licence_is_denied() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let cleo = Some("cleo@contoso.example");
    let bearer = own_token_of(&emulator, cleo, json!({}));
    let scopes = json!({
        "aud": "https://auth.msft.communication.azure.com",
        "scp": "Teams.ManageCalls",
    });
    let response = service.exchange(&bearer, &own_token_of(&emulator, cleo, scopes));
    assert_eq!(
        (response.status, response.json()["error"].clone()),
        (403, json!("access_denied"))
    );
    assert_eq!(service.audit(&response)["reason"], "resource_denied");
}

#[test]
fn rotated_keys_are_fetched_for_the_first_token_with_them() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let fetched = emulator.count("keys");
    let (old_bearer, old_subject) = (own_token(&emulator), acs_token(&emulator));
    assert_eq!(service.exchange(&old_bearer, &old_subject).status, 200);
    emulator.rotate_keys(false);
    let (bearer, subject) = (own_token(&emulator), acs_token(&emulator));
    assert_eq!(service.exchange(&bearer, &subject).status, 200);
    assert_eq!(
        emulator.count("keys"),
        fetched + 1,
        "one fetch for both tokens"
    );
    assert_eq!(
        service.exchange(&old_bearer, &old_subject).status,
        200,
        "still published"
    );
    // A second unknown key within five minutes causes no fetch.
    emulator.rotate_keys(false);
    let response = service.exchange(&own_token(&emulator), &subject);
    assert_eq!(service.audit(&response)["reason"], "unknown_key");
    assert_eq!(emulator.count("keys"), fetched + 1);
}

#[test]
fn an_access_key_that_is_replaced_in_its_file_is_used() {
    let emulator = emulator();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    std::fs::write(&path, "bm90LXRoZS1rZXk=").expect("written");
    let key_file = [("ACSPASS_EXCHANGE_KEY_FILE", path.to_str().expect("UTF-8"))];
    let service = Service::start(&emulator, &key_file);
    let (bearer, subject) = (own_token(&emulator), acs_token(&emulator));
    let refused = service.exchange(&bearer, &subject);
    assert_eq!(refused.status, 503);
    assert_eq!(service.audit(&refused)["reason"], "credential_refused");
    let connection = emulator.http_connection_string();
    let (_, key) = connection.split_once("accesskey=").expect("a key");
    std::fs::write(&path, key).expect("written");
    until("the new key is used", || {
        let bearer = own_token_of(&emulator, Some("ben@contoso.example"), json!({}));
        let ben =
            json!({"aud": "https://auth.msft.communication.azure.com", "scp": "Teams.ManageCalls"});
        let subject = own_token_of(&emulator, Some("ben@contoso.example"), ben);
        thread::sleep(Duration::from_secs(3));
        Some(()).filter(|()| service.exchange(&bearer, &subject).status == 200)
    });
}
