//! The Teams exchange.

use serde_json::{Value, json};

use super::harness::{Fixture, NOW, TEAMS, claims, published};

fn body(fixture: &Fixture, token: &str) -> Value {
    json!({"token": token, "appId": published::CLIENT_ID, "userId": fixture.emulator.object_id()})
}

#[test]
fn an_entra_token_is_exchanged_for_one_that_lives_as_long() {
    let fixture = Fixture::new();
    let entra = fixture.entra_token("ada@contoso.example", TEAMS);
    let response = fixture.exchange(&body(&fixture, &entra).to_string(), |_| {});
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(
        response.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert!(response.header("api-supported-versions").is_some());
    let token = claims(response.json()["token"].as_str().expect("a token"));
    assert_eq!(
        token["skypeid"],
        format!("orgid:{}", fixture.emulator.object_id())
    );
    // The calling SDK (2.0.0) refuses to make a Teams user's agent of a token without `tid`.
    assert_eq!(token["tid"], fixture.emulator.tenant_id());
    assert_eq!(token["tenantId"], token["tid"]);
    assert_eq!(token["acsScope"], "chat,voip");
    assert_eq!(token["scp"], 1792);
    assert_eq!(token["csi"], NOW.to_string());
    assert_eq!(token["exp"], claims(&entra)["exp"]);
    assert_eq!(token["emulator"], true);
    assert_eq!(
        response.json()["expiresOn"],
        "2026-05-28T21:41:40.0000000+00:00"
    );
}

#[test]
fn every_invalid_signature_has_the_same_response() {
    let fixture = Fixture::new();
    let entra = fixture.entra_token("ada@contoso.example", TEAMS);
    let good = body(&fixture, &entra).to_string();
    let hour_off = crate::time::Timestamp::from_unix_seconds(NOW + 3600).to_http_date();
    type Tamper<'a> = &'a dyn Fn(&mut super::harness::Signed);
    let spoils: [(Tamper<'_>, &str); 9] = [
        (
            &|s| s.body.push(' '),
            "x-ms-content-sha256 is not the hash of the body",
        ),
        (
            &|s| s.target.push_str("&x=1"),
            "the signature does not match",
        ),
        (
            &|s| s.host = s.host.replace("localhost", "127.0.0.1"),
            "the signature does not match",
        ),
        (
            &|s| s.authorization.push('='),
            "the signature is not Base64",
        ),
        (
            &|s| s.authorization = "Basic x".to_owned(),
            "the Authorization header does not have the form of the HMAC scheme",
        ),
        (
            &|s| {
                s.date = hour_off.clone();
                s.sign();
            },
            "x-ms-date differs too much from the service's time",
        ),
        (
            &|s| {
                s.date = "2026-01-01".to_owned();
                s.sign();
            },
            "x-ms-date is not an RFC 1123 date",
        ),
        (
            &|s| {
                s.authorization = s.authorization.replace("x-ms-date;host", "date;host");
            },
            "date is missing or sent twice",
        ),
        (
            &|s| s.authorization = String::new(),
            "the Authorization header does not have the form of the HMAC scheme",
        ),
    ];
    for (tamper, reason) in spoils {
        let response = fixture.exchange(&good, |signed| tamper(signed));
        assert_eq!(response.status, 401, "{reason}");
        assert_eq!(
            response.json(),
            json!({"error": {"code": "Denied", "message": "Denied by the resource provider."}})
        );
        let last = fixture.emulator.requests().pop().expect("one was seen");
        assert_eq!(last.reason.as_deref(), Some(reason));
    }
    assert_eq!(fixture.exchange(&good, |_| {}).status, 200);

    let mut signature = String::new();
    fixture.exchange(&good, |signed| {
        let (_, text) = signed
            .authorization
            .split_once("Signature=")
            .expect("signed");
        signature = text.to_owned();
    });
    assert!(fixture.emulator.secrets().contains(&signature));
}

#[test]
fn the_api_version_is_required() {
    let fixture = Fixture::new();
    for (query, code) in [
        ("", "ApiVersionUnspecified"),
        ("?api-version=2021-03-07", "UnsupportedApiVersion"),
        ("?api-version=1999-01-01", "UnsupportedApiVersion"),
    ] {
        let response = fixture.exchange("{}", |signed| {
            signed.target = format!("/teamsUser/:exchangeAccessToken{query}");
            signed.sign();
        });
        assert_eq!(response.status, 400);
        assert_eq!(response.json()["error"]["code"], code);
        let versions = response
            .header("api-supported-versions")
            .unwrap_or_default();
        assert!(versions.contains("2023-10-01"), "{versions}");
    }
}

#[test]
fn the_body_is_checked_in_the_services_order() {
    let fixture = Fixture::new();
    let entra = fixture.entra_token("ada@contoso.example", TEAMS);
    let graph = fixture.entra_token("ada@contoso.example", "User.Read");
    let clients = fixture.entra_token(
        "ada@contoso.example",
        "https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls",
    );
    let elsewhere = Fixture::new().entra_token("ada@contoso.example", TEAMS);
    let other = "ac5ba55e-0000-4000-8000-00000000dead";
    let invalid = "InvalidAccessToken";
    let cases: [(&str, Value, u16, &str, Option<&str>); 14] = [
        ("token", json!(""), 401, invalid, None),
        ("token", json!("garbage"), 401, invalid, None),
        ("token", json!(graph), 401, invalid, None),
        ("token", json!(elsewhere), 401, invalid, None),
        ("token", json!(clients), 401, invalid, None),
        ("token", Value::Null, 400, "ValidationError", None),
        ("token", json!(7), 400, "ValidationError", None),
        ("appId", json!(""), 400, "ValidationError", Some("AppId")),
        ("appId", json!("x"), 400, "ValidationError", Some("appId")),
        ("appId", json!(other), 400, "ValidationError", Some("appId")),
        ("userId", json!(""), 400, "ValidationError", Some("UserId")),
        ("userId", json!("x"), 400, "ValidationError", Some("userId")),
        (
            "userId",
            json!(other),
            400,
            "ValidationError",
            Some("userId"),
        ),
        (
            "userId",
            Value::Null,
            400,
            "ValidationError",
            Some("UserId"),
        ),
    ];
    for (member, value, status, code, target) in cases {
        let mut wrong = body(&fixture, &entra);
        wrong[member] = value.clone();
        let response = fixture.exchange(&wrong.to_string(), |_| {});
        assert_eq!(response.status, status, "{member}: {value}");
        let error = response.json()["error"].clone();
        assert_eq!(error["code"], code, "{member}: {value}");
        assert_eq!(error["target"].as_str(), target, "{member}: {value}");
    }
    let both = json!({"token": "", "appId": published::CLIENT_ID, "userId": ""});
    assert_eq!(fixture.exchange(&both.to_string(), |_| {}).status, 401);
    assert_eq!(fixture.exchange("no JSON", |_| {}).status, 400);
}

#[test]
fn an_expired_token_is_refused() {
    let fixture = Fixture::new();
    fixture
        .emulator
        .set_token_life(std::time::Duration::from_secs(60));
    let entra = fixture.entra_token("ada@contoso.example", TEAMS);
    let good = body(&fixture, &entra).to_string();
    fixture.clock.advance(std::time::Duration::from_secs(60));
    let response = fixture.exchange(&good, |_| {});
    assert_eq!(response.json()["error"]["code"], "InvalidAccessToken");
}

#[test]
fn a_user_without_a_teams_licence_is_forbidden() {
    let fixture = Fixture::new();
    let entra = fixture.entra_token("cleo@contoso.example", TEAMS);
    let mut request = body(&fixture, &entra);
    request["userId"] = claims(&entra)["oid"].clone();
    let response = fixture.exchange(&request.to_string(), |_| {});
    assert_eq!(response.status, 403);
    assert_eq!(response.json()["error"]["code"], "Forbidden");
}

#[test]
fn only_json_is_accepted_at_this_path_and_method() {
    let fixture = Fixture::new();
    let wrong_verb = fixture.get("/teamsUser/:exchangeAccessToken?api-version=2023-10-01");
    assert_eq!(
        (wrong_verb.status, wrong_verb.header("allow")),
        (405, Some("POST"))
    );
    assert_eq!(wrong_verb.json()["error"]["code"], "MethodNotAllowed");
    let nowhere = fixture.get("/teamsUser/%3AexchangeAccessToken?api-version=2023-10-01");
    assert_eq!(nowhere.status, 404);
    assert_eq!(nowhere.json()["error"]["code"], "NotFound");
}

#[test]
fn several_slashes_at_the_start_count_as_one() {
    let fixture = Fixture::new();
    let entra = fixture.entra_token("ada@contoso.example", TEAMS);
    let response = fixture.exchange(&body(&fixture, &entra).to_string(), |signed| {
        signed.target = format!("/{}", signed.target);
        signed.sign();
    });
    assert_eq!(response.status, 200);
}

#[test]
fn a_signed_token_with_wrong_claims_is_refused() {
    let fixture = Fixture::new();
    let signer = crate::emulator::sign::Signer::first().expect("the published key");
    let good = claims(&fixture.entra_token("ada@contoso.example", TEAMS));
    let cases = [
        ("name", json!("anything"), 200),
        ("aud", json!("https://communication.azure.com/clients"), 401),
        ("iss", json!("http://localhost/another/"), 401),
        ("nbf", json!(NOW + 60), 401),
        ("exp", json!(NOW), 401),
        ("scp", json!("TeamsExtension.ManageCalls"), 401),
        ("tid", json!("ac5ba55e-7e4a-4000-8000-000000000002"), 401),
        ("scp", json!(1792), 401),
    ];
    for (claim, value, status) in cases {
        let mut wrong = good.clone();
        wrong[claim] = value.clone();
        let token = signer.v1_token(&wrong);
        let response = fixture.exchange(&body(&fixture, &token).to_string(), |_| {});
        assert_eq!(response.status, status, "{claim}: {value}");
    }
    let mut unknown = good.clone();
    unknown["oid"] = json!("ac5ba55e-05e4-4000-8000-0000000000ff");
    let mut request = body(&fixture, &signer.v1_token(&unknown));
    request["userId"] = unknown["oid"].clone();
    assert_eq!(fixture.exchange(&request.to_string(), |_| {}).status, 401);
}
