//! The resource's identities and their tokens.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{Answer, Fixture, NOW, claims};
use crate::emulator::journal::Entry;
use crate::emulator::{MissingIdentity, Options, Service};

const PREVIEW: &str = "2025-03-02-preview";

fn token(response: &Answer) -> String {
    let body = response.json();
    let token = body.get("accessToken").unwrap_or(&body)["token"].as_str();
    token.expect("a token").to_owned()
}

fn refused(response: &Answer) -> (u16, String, Option<String>) {
    let error = response.json()["error"].clone();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    (
        response.status,
        text(&error["code"]).expect("a code"),
        text(&error["target"]),
    )
}

fn whoami(fixture: &Fixture, token: &str) -> Answer {
    let bearer = format!("Authorization: Bearer {token}\r\n");
    fixture.send("GET", "/emulator/whoami", &bearer, "")
}

#[test]
fn an_identity_is_created_with_an_empty_body_or_with_nulls() {
    let fixture = Fixture::new();
    let nulls = json!({"createTokenWithScopes": null, "expiresInMinutes": null}).to_string();
    for body in ["", "{}", "null", &nulls, r#"{"createTokenWithScopes":[]}"#] {
        let response = fixture.signed("POST", "/identities", body);
        assert_eq!(response.status, 201, "{body}");
        let response = response.json();
        let id = response["identity"]["id"].as_str().expect("an id");
        assert!(id.starts_with("8:acs:ac5ba55e-0ac5-4000-8000-0000000000e1_0000000"));
        let object = response.as_object().expect("an object");
        assert_eq!(object.len(), 1, "{response}");
        assert_eq!(object["identity"].as_object().map(|o| o.len()), Some(1));
    }
    assert_eq!(fixture.emulator.count("create_identity"), 5);
}

#[test]
fn a_token_can_come_with_the_identity() {
    let fixture = Fixture::new();
    let body = json!({"createTokenWithScopes": ["chat", "voip"], "expiresInMinutes": 60});
    let response = fixture.signed("POST", "/identities", &body.to_string());
    assert_eq!(response.status, 201);
    let expires = &response.json()["accessToken"]["expiresOn"];
    assert_eq!(expires, "2026-05-28T21:26:40.0000000+00:00");
    let claims = claims(&token(&response));
    let names: Vec<&str> = claims_in_order(&token(&response));
    assert_eq!(
        names,
        [
            "skypeid",
            "scp",
            "csi",
            "exp",
            "rgn",
            "iat",
            "acsScope",
            "resourceId",
            "resourceLocation",
            "emulator",
            "emulatorSerial",
        ]
    );
    let id = response.json()["identity"]["id"].clone();
    assert_eq!(
        format!("8:{}", claims["skypeid"].as_str().expect("text")),
        id
    );
    assert_eq!(claims["acsScope"], "chat,voip");
    assert!(claims["tid"].is_null(), "only a Teams user has a tenant");
    assert_eq!(claims["csi"], NOW.to_string());
    assert_eq!(claims["exp"], NOW + 3600);
}

/// Returns the names in the order of the text.
fn claims_in_order(token: &str) -> Vec<&'static str> {
    use base64::Engine as _;
    let part = token.split('.').nth(1).expect("three parts");
    let text = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(part)
        .expect("base64url");
    let text = String::from_utf8(text).expect("text");
    let mut names = [
        "skypeid",
        "scp",
        "csi",
        "exp",
        "rgn",
        "iat",
        "acsScope",
        "resourceId",
        "resourceLocation",
        "emulator",
        "emulatorSerial",
    ];
    names.sort_by_key(|name| text.find(&format!("\"{name}\":")));
    names.to_vec()
}

#[test]
fn tokens_are_issued_refreshed_revoked_and_deleted() {
    let fixture = Fixture::new();
    let id = fixture.identity();
    let issue = || fixture.issue(&id, &json!({"scopes": ["chat"]}));
    let first = issue();
    assert_eq!(first.status, 200);
    assert_eq!(claims(&token(&first))["exp"], NOW + 86_400);
    let (first, second) = (token(&first), token(&issue()));
    let valid = |token: &str| {
        let request = whoami(&fixture, token).status == 200;
        assert_eq!(request, fixture.emulator.is_token_valid(token));
        request
    };
    assert!(valid(&first) && valid(&second));

    let revoke = format!("/identities/{id}/:revokeAccessTokens");
    let response = fixture.signed("POST", &revoke, "");
    assert_eq!((response.status, response.body.as_str()), (204, ""));
    assert!(response.header("api-supported-versions").is_some());
    let third = token(&issue());
    assert!(!valid(&first) && !valid(&second) && valid(&third));

    let other = token(&fixture.issue(&fixture.identity(), &json!({"scopes": ["voip"]})));
    let path = format!("/identities/{id}");
    assert_eq!(fixture.signed("DELETE", &path, "").status, 204);
    assert!(!valid(&third) && valid(&other));
    assert_eq!(fixture.signed("DELETE", &path, "").status, 204);
    let gone = (401, "IdentityNotOwned".to_owned(), None);
    assert_eq!(refused(&issue()), gone);
    assert_eq!(refused(&fixture.signed("POST", &revoke, "")), gone);

    fixture.clock.advance(Duration::from_secs(86_400));
    assert!(!valid(&other));
    assert!(!valid("x") && !valid(""));
    assert_eq!(fixture.get("/emulator/whoami").status, 401);
}

#[test]
fn lifetimes_are_those_of_the_service() {
    let fixture = Fixture::new();
    let id = fixture.identity();
    for (minutes, status) in [(59, 400), (60, 200), (1440, 200), (1441, 400), (-1, 400)] {
        let body = json!({"scopes": ["chat"], "expiresInMinutes": minutes});
        let response = fixture.issue(&id, &body);
        assert_eq!(response.status, status, "{minutes}");
        let body = json!({"createTokenWithScopes": ["chat"], "expiresInMinutes": minutes});
        let create = fixture.signed("POST", "/identities", &body.to_string());
        if status == 200 {
            let exp = claims(&token(&response))["exp"].as_i64();
            assert_eq!(exp, Some(NOW + minutes * 60));
            assert_eq!(create.status, 201);
            continue;
        }
        let error = json!({"error": {
            "code": "ValidationError",
            "message": format!(
                "ExpiresInMinutes value {minutes} is invalid. Value must be within the \
                 [60, 1440] interval."
            ),
            "target": "ExpiresInMinutes",
        }});
        assert_eq!(response.json(), error);
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert!(response.header("api-supported-versions").is_some());
        assert_eq!((create.status, create.json()), (400, error));
    }
}

#[test]
fn bad_bodies_are_refused_with_the_services_targets() {
    let fixture = Fixture::new();
    let id = fixture.identity();
    for (body, target) in [
        (json!({}), Some("Scopes")),
        (
            json!({"scopes": null, "expiresInMinutes": null}),
            Some("Scopes"),
        ),
        (json!({"scopes": []}), Some("scopes")),
        (json!({"scopes": ["nonsense"]}), Some("scopes")),
        (json!({"scopes": ["Chat"]}), Some("scopes")),
        (json!({"scopes": "chat"}), None),
        (json!({"scopes": ["chat"], "expiresInMinutes": "60"}), None),
        (json!({"scopes": ["chat"], "expiresInMinutes": 60.5}), None),
        (json!([]), Some("Scopes")),
    ] {
        let response = fixture.issue(&id, &body);
        if body == json!([]) {
            assert_eq!(response.status, 400);
            continue;
        }
        let expected = (400, "ValidationError".to_owned(), target.map(str::to_owned));
        assert_eq!(refused(&response), expected, "{body}");
    }
    let missing = fixture.issue(&id, &json!({}));
    let message = &missing.json()["error"]["message"];
    assert_eq!(message, "Scopes: The Scopes field is required.");
    let none = fixture.issue(&id, &json!({"scopes": []}));
    let message = &none.json()["error"]["message"];
    assert_eq!(message, "At least one scope is required.");
    assert!(missing.header("api-supported-versions").is_none());
    let create = fixture.signed("POST", "/identities", r#"{"createTokenWithScopes":["x"]}"#);
    assert_eq!(create.status, 400);
    assert_eq!(fixture.signed("POST", "/identities", "{").status, 400);
}

#[test]
fn older_versions_have_fewer_scopes_and_lifetimes() {
    let fixture = Fixture::new();
    let id = fixture.identity();
    let path = format!("/identities/{id}/:issueAccessToken");
    let long = json!({"scopes": ["chat"], "expiresInMinutes": 59}).to_string();
    let response = fixture.signed_at("2022-06-01", "POST", &path, &long);
    assert_eq!(claims(&token(&response))["exp"], NOW + 86_400);
    assert_eq!(
        fixture.signed_at("2022-10-01", "POST", &path, &long).status,
        400
    );
    let join = json!({"scopes": ["voip.join"]}).to_string();
    assert_eq!(
        fixture.signed_at("2022-10-01", "POST", &path, &join).status,
        400
    );
    assert_eq!(
        fixture.signed_at("2023-10-01", "POST", &path, &join).status,
        200
    );
    for (version, code) in [
        ("2019-01-01", "UnsupportedApiVersion"),
        ("", "UnsupportedApiVersion"),
    ] {
        let response = fixture.signed_at(version, "POST", "/identities", "");
        assert_eq!(refused(&response), (400, code.to_owned(), None));
        let versions = response
            .header("api-supported-versions")
            .unwrap_or_default();
        assert!(
            versions.contains("2021-03-07, 2021-10-31-preview"),
            "{versions}"
        );
    }
    let none = fixture.tampered("POST", "/identities", "", |_| {});
    assert_eq!(
        refused(&none),
        (400, "ApiVersionUnspecified".to_owned(), None)
    );
    let get = fixture.signed("GET", &format!("/identities/{id}"), "");
    assert_eq!(
        refused(&get),
        (400, "UnsupportedApiVersion".to_owned(), None)
    );
}

#[test]
fn a_custom_id_names_one_identity_in_the_preview() {
    let fixture = Fixture::new();
    let body = json!({"customId": "sally@contoso.example"}).to_string();
    let create = |version| fixture.signed_at(version, "POST", "/identities", &body);
    let first = create(PREVIEW);
    let second = create(PREVIEW);
    assert_eq!((first.status, second.status), (201, 200));
    assert_eq!(first.json(), second.json());
    let identity = first.json()["identity"].clone();
    assert_eq!(identity["customId"], "sally@contoso.example");
    let stable = create("2023-10-01");
    assert_eq!(stable.status, 201);
    assert_ne!(stable.json()["identity"]["id"], identity["id"]);

    let id = identity["id"].as_str().expect("an id");
    let get = || fixture.signed_at(PREVIEW, "GET", &format!("/identities/{id}"), "");
    assert_eq!((get().status, get().json()), (200, identity.clone()));
    assert_eq!(fixture.issue(id, &json!({"scopes": ["chat"]})).status, 200);
    assert_eq!(
        get().json()["lastTokenIssuedAt"],
        "2026-05-28T20:26:40.0000000+00:00"
    );
    for bad in [String::new(), "x".repeat(257)] {
        let body = json!({"customId": bad}).to_string();
        assert_eq!(
            fixture
                .signed_at(PREVIEW, "POST", "/identities", &body)
                .status,
            400
        );
    }
}

#[test]
fn an_identity_of_another_resource_is_not_owned() {
    let fixture = Fixture::new();
    let owned = fixture.identity();
    let foreign = fixture.emulator.foreign_identity();
    assert!(!foreign.contains(fixture.emulator.resource_id()));
    let elsewhere = Fixture::new().identity();
    let teams = format!("8:orgid:{}", fixture.emulator.object_id());
    let body = json!({"scopes": ["chat"]});
    for id in [&foreign, &foreign.replace(':', "%3A"), &elsewhere, &teams] {
        let not_owned = (401, "IdentityNotOwned".to_owned(), None);
        let path = format!("/identities/{id}");
        assert_eq!(refused(&fixture.issue(id, &body)), not_owned, "{id}");
        assert_eq!(refused(&fixture.signed("DELETE", &path, "")), not_owned);
        let revoke = fixture.signed("POST", &format!("{path}/:revokeAccessTokens"), "");
        assert_eq!(refused(&revoke), not_owned);
    }
    for id in ["x", "8:acs:x", "8%253Aacs", &format!("{owned}0")] {
        assert_eq!(fixture.issue(id, &body).status, 400, "{id}");
    }
    // Both forms of a colon name the same identity.
    assert_eq!(fixture.issue(&owned.replace("%3A", ":"), &body).status, 200);
}

#[test]
fn the_error_for_a_missing_identity_is_an_option() {
    let fixture = Fixture::with(Options {
        missing_identity: MissingIdentity::NotFound,
        ..Options::default()
    });
    let id = fixture.identity();
    let path = format!("/identities/{id}");
    assert_eq!(fixture.signed("DELETE", &path, "").status, 204);
    let response = fixture.issue(&id, &json!({"scopes": ["chat"]}));
    assert_eq!(
        refused(&response),
        (404, "IdentityNotFound".to_owned(), None)
    );
    assert_eq!(fixture.signed("DELETE", &path, "").status, 204);
}

#[test]
fn methods_and_paths_are_exact() {
    let fixture = Fixture::new();
    let response = fixture.signed("PUT", "/identities/x", "");
    assert_eq!(
        (response.status, response.header("allow")),
        (405, Some("DELETE, PATCH, GET"))
    );
    for path in [
        "/identities/",
        "/identities/x/y",
        "/identities/x/:issueAccessToken/",
        "/identities/x/%3AissueAccessToken",
        "/identities/x/:revokeaccesstokens",
    ] {
        assert_eq!(fixture.signed("POST", path, "").status, 404, "{path}");
    }
    assert_eq!(fixture.signed("POST", "//identities", "").status, 201);
}

#[test]
fn a_signature_is_valid_for_exactly_the_sent_request() {
    let fixture = Fixture::new();
    let id = fixture.identity();
    let target = format!("/identities/{id}?api-version=2023-10-01");
    let respelt = fixture.tampered("DELETE", &target, "", |signed| {
        signed.target = signed.target.replace("%3A", ":");
    });
    assert_eq!(refused(&respelt), (401, "Denied".to_owned(), None));
    let other_key = fixture.tampered("DELETE", &target, "", |signed| {
        signed.sign_with(b"the key of another resource");
    });
    assert_eq!(refused(&other_key), (401, "Denied".to_owned(), None));
    let other_verb = fixture.tampered("POST", &target, "", |signed| {
        signed.method = "DELETE".to_owned();
    });
    assert_eq!(other_verb.status, 401);
    let unsigned = fixture.send("POST", "/identities?api-version=2023-10-01", "", "");
    assert_eq!(refused(&unsigned), (401, "Denied".to_owned(), None));
}

#[test]
fn memory_is_bounded_for_any_number_of_requests() {
    let fixture = Fixture::with(Options {
        keep_secrets: false,
        ..Options::default()
    });
    let id = fixture.identity();
    fixture.issue(&id, &json!({"scopes": ["chat"]}));
    assert!(fixture.emulator.secrets().is_empty());
    let journal = &mut fixture.emulator.context.state().journal;
    for _ in 0..10_000 {
        let mut entry = Entry::begin(
            "POST",
            "/identities",
            Service::Acs,
            fixture.emulator.context.now(),
        );
        "create_identity".clone_into(&mut entry.operation);
        journal.add(entry);
    }
    assert_eq!(journal.counts.operations["create_identity"], 10_001);
    assert!(journal.after(0).count() < 5_000);
    let one = size_of::<crate::emulator::state::resource::Identity>();
    assert!(one <= 72, "{one} bytes");
}
