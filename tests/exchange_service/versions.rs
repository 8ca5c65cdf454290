//! The version of a token is bound to its issuer, its audience and its claim for the application.

use acspass::emulator::{Emulator, Options};
use serde_json::{Value, json};

use crate::harness::{AUDIENCE, CLIENT, Service, acs_token, own_token, own_token_of, with_claims};

const OTHER: &str = "ac5ba55e-0c11-4000-8000-0000000000ff";
/// The client id of the service's registration.
const OWN_ID: &str = "ac5ba55e-0c11-4000-8000-0000000000e1";
const ACS_ID: &str = "1fd5118e-2576-4263-8130-9503064c837a";

/// The claims of a token of version 2, with these changes.
fn v2(emulator: &Emulator, changes: Value) -> Value {
    let issuer = format!("{}/{}/v2.0", emulator.http_url(), emulator.tenant_id());
    let mut claims = json!({
        "ver": "2.0", "iss": issuer, "azp": CLIENT, "appid": null, "aud": OWN_ID,
    });
    let Value::Object(changes) = changes else {
        panic!("changes are an object");
    };
    claims.as_object_mut().expect("an object").extend(changes);
    claims
}

#[test]
fn each_version_has_its_issuer_audience_and_application() {
    let emulator = Emulator::start(Options::default()).expect("an emulator");
    let both = format!("{AUDIENCE},{OWN_ID}");
    let service = Service::start(&emulator, &[("ACSPASS_EXCHANGE_AUDIENCE", &both)]);
    let issuer = |end: &str| format!("{}/{}/{end}", emulator.http_url(), emulator.tenant_id());
    let (v1_issuer, v2_issuer) = (issuer(""), issuer("v2.0"));
    for (name, claims, status, reason) in [
        ("version 1", json!({}), 200, None),
        (
            "version 1 for the client id",
            json!({"aud": OWN_ID}),
            200,
            None,
        ),
        ("version 2", v2(&emulator, json!({})), 200, None),
        (
            "the issuer of version 2",
            json!({"iss": v2_issuer}),
            401,
            Some("wrong_issuer"),
        ),
        (
            "the issuer of version 1",
            v2(&emulator, json!({"iss": v1_issuer})),
            401,
            Some("wrong_issuer"),
        ),
        (
            "the audience of version 1",
            v2(&emulator, json!({"aud": AUDIENCE})),
            401,
            Some("wrong_audience"),
        ),
        (
            "azp in version 1",
            json!({"appid": null, "azp": CLIENT}),
            401,
            Some("malformed"),
        ),
        (
            "appid in version 2",
            v2(&emulator, json!({"azp": null, "appid": CLIENT})),
            401,
            Some("malformed"),
        ),
        (
            "an allowed appid beside azp",
            v2(&emulator, json!({"azp": OTHER, "appid": CLIENT})),
            403,
            Some("client_not_allowed"),
        ),
        ("no version", json!({"ver": null}), 401, Some("malformed")),
        (
            "a new version",
            json!({"ver": "3.0"}),
            401,
            Some("malformed"),
        ),
        (
            "a number as version",
            json!({"ver": 1}),
            401,
            Some("malformed"),
        ),
    ] {
        let bearer = own_token_of(&emulator, None, claims);
        let response = service.exchange(&bearer, &acs_token(&emulator));
        assert_eq!(response.status, status, "{name}: {}", response.body);
        assert_eq!(service.audit(&response)["reason"], json!(reason), "{name}");
    }
}

#[test]
fn a_token_for_acs_of_version_2_has_its_application_id() {
    let emulator = Emulator::start(Options::default()).expect("an emulator");
    let service = Service::start(&emulator, &[]);
    let bearer = own_token(&emulator);
    let uri = json!({"aud": "https://auth.msft.communication.azure.com"});
    let wrong = service.exchange(&bearer, &with_claims(&emulator, v2(&emulator, uri)));
    assert_eq!(
        (wrong.status, service.audit(&wrong)["reason"].clone()),
        (400, json!("subject_wrong_audience"))
    );
    let right = with_claims(&emulator, v2(&emulator, json!({"aud": ACS_ID})));
    let response = service.exchange(&bearer, &right);
    let reason = service.audit(&response)["reason"].clone();
    let is_of_validation = reason
        .as_str()
        .is_some_and(|reason| reason.starts_with("subject_"));
    assert!(!is_of_validation, "{reason}");
}
