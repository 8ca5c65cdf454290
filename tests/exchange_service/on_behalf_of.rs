//! On-behalf-of: the caller sends one token, and Entra issues the one for ACS to the service.

use acspass::emulator::{Emulator, Fault, FaultKind, Options, Route, Seed};
use serde_json::json;

use crate::harness::{CLIENT, Service, acs_token, own_token, own_token_of};

pub(crate) const APPLICATION: &str = "ac5ba55e-0c11-4000-8000-0000000000e1";

pub(crate) fn emulator() -> Emulator {
    let seed = format!(
        "[[applications]]\nname = \"Emulated app\"\nclientId = \"{CLIENT}\"\n\
         platforms.native = [\"http://localhost\"]\n\
         [[applications]]\nname = \"Exchange\"\nclientId = \"{APPLICATION}\"\n\
         tenant = \"contoso.example\"\ncertificate = true\n\
         api = {{ identifierUris = [\"api://acspass-exchange\"], scopes = [\"access_as_user\"] }}\n"
    );
    let seed = Seed::parse(&seed).expect("a seed");
    Emulator::start(Options {
        seed,
        ..Options::default()
    })
    .expect("an emulator")
}

fn service(emulator: &Emulator, folder: &tempfile::TempDir) -> Service {
    service_with(emulator, folder, &[])
}

/// Starts the service with these settings in addition.
pub(crate) fn service_with(
    emulator: &Emulator,
    folder: &tempfile::TempDir,
    more: &[(&str, &str)],
) -> Service {
    let certificate = folder.path().join("certificate.pem");
    std::fs::write(&certificate, emulator.service_certificate_pem()).expect("written");
    let mut settings = vec![
        ("ACSPASS_EXCHANGE_ON_BEHALF_OF", "true"),
        ("AZURE_CLIENT_ID", APPLICATION),
        ("AZURE_TENANT_ID", emulator.tenant_id()),
        (
            "AZURE_CLIENT_CERTIFICATE_PATH",
            certificate.to_str().expect("UTF-8"),
        ),
    ];
    settings.extend(more);
    Service::start(emulator, &settings)
}

#[test]
fn the_bearer_token_alone_is_enough() {
    let emulator = emulator();
    let folder = tempfile::tempdir().expect("a folder");
    let service = service(&emulator, &folder);
    let bearer = own_token(&emulator);
    let authorization = format!("Bearer {bearer}");
    let headers = [
        ("Authorization", authorization.as_str()),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let form = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange";
    let response = crate::harness::send(service.port, "POST", "/v1/token", &headers, form);
    assert_eq!(
        response.status,
        200,
        "{} {:?}",
        response.body,
        service.lines()
    );
    let token = response.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    assert!(emulator.is_token_valid(&token));
    // A client that knows of no on-behalf-of sends it as the subject too.
    let twice = service.exchange(&bearer, &bearer);
    assert_eq!(service.audit(&twice)["outcome"], "cached");
    let both = service.exchange(&bearer, &acs_token(&emulator));
    assert_eq!(both.status, 200, "{}", both.body);
    assert_eq!(emulator.count("exchange"), 2);
}

#[test]
fn a_user_who_has_to_consent_is_refused() {
    let emulator = emulator();
    let folder = tempfile::tempdir().expect("a folder");
    let service = service(&emulator, &folder);
    let user = Some("consent@contoso.example");
    let bearer = own_token_of(&emulator, user, json!({}));
    let response = service.exchange(&bearer, &bearer);
    assert_eq!(response.status, 403, "{}", response.body);
    let line = service.audit(&response);
    assert_eq!(line["reason"], "consent_required");
    assert_eq!(line["upstreamCode"], "AADSTS65001");
    assert_eq!(emulator.count("exchange"), 0);
}

#[test]
fn a_challenge_of_entra_reaches_the_client() {
    let emulator = emulator();
    let folder = tempfile::tempdir().expect("a folder");
    let service = service(&emulator, &folder);
    let bearer = own_token_of(&emulator, Some("step-up@contoso.example"), json!({}));
    let response = service.exchange(&bearer, &bearer);
    assert_eq!(response.status, 401, "{}", response.body);
    let challenge = response.header("www-authenticate").expect("a challenge");
    assert!(challenge.contains("insufficient_claims"), "{challenge}");
}

#[test]
fn limits_and_outages_of_entra_are_passed_on_with_their_pause() {
    let emulator = emulator();
    let folder = tempfile::tempdir().expect("a folder");
    let service = service(&emulator, &folder);
    let bearer = own_token(&emulator);
    for (status, reason) in [(429, "entra_limit"), (503, "entra_unavailable")] {
        emulator.add_fault(Fault {
            route: Route::Token,
            times: Some(1),
            what: FaultKind::Status {
                status,
                retry_after: Some("17".to_owned()),
                content_type: "text/html".to_owned(),
                body: "<html>".to_owned(),
            },
        });
        let response = service.exchange(&bearer, &bearer);
        assert_eq!(response.status, status, "{}", response.body);
        assert_eq!(response.header("retry-after"), Some("17"));
        assert_eq!(service.audit(&response)["reason"], reason);
    }
    assert_eq!(emulator.count("exchange"), 0);
    assert_eq!(service.exchange(&bearer, &bearer).status, 200);
}
