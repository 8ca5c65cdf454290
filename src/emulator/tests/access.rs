//! Exchanges without an access key, and their assignments.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{Answer, Fixture, NOW, TEAMS, claims, published};
use crate::emulator::{Options, Seed};

const PREVIEW: &str = "2025-03-02-preview";
const ENTRA: &str = "/access/entra/:exchangeAccessToken";
const EXTENSION: &str = "/access/teamsExtension/:exchangeAccessToken";
const CLIENTS_SCOPE: &str = "https://communication.azure.com/clients/.default";
const EXTENSION_SCOPE: &str =
    "https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls";

fn exchange(fixture: &Fixture, path: &str, token: &str, body: &str) -> Answer {
    fixture.send(
        "POST",
        &format!("{path}?api-version={PREVIEW}"),
        &format!("Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n"),
        body,
    )
}

fn oid(token: &str) -> String {
    claims(token)["oid"].as_str().expect("an oid").to_owned()
}

#[test]
fn an_entra_token_alone_authenticates_an_exchange() {
    let fixture = Fixture::new();
    let entra = fixture.entra_token("ada@contoso.example", CLIENTS_SCOPE);
    // One SDK joins endpoint and path with two slashes.
    for path in [ENTRA, "//access/entra/:exchangeAccessToken"] {
        let response = exchange(&fixture, path, &entra, "{}");
        assert_eq!(response.status, 200, "{response:?}");
        let body = response.json();
        let id = format!(
            "8:acs:{}_wf_{}_{}",
            published::RESOURCE_ID,
            fixture.emulator.tenant_id(),
            fixture.emulator.object_id()
        );
        assert_eq!(body["identity"], json!({"id": id}));
        assert_eq!(
            body["accessToken"]["expiresOn"],
            "2026-05-28T21:26:40.0000000+00:00"
        );
        let token = body["accessToken"]["token"].as_str().expect("a token");
        let token_claims = claims(token);
        assert_eq!(
            format!("8:{}", token_claims["skypeid"].as_str().expect("text")),
            id
        );
        assert_eq!(
            token_claims["acsScope"],
            "chat,voip,chat.join,chat.join.limited,voip.join"
        );
        assert!(fixture.emulator.is_token_valid(token));
    }
    assert_eq!(fixture.emulator.count("entra_exchange"), 2);
}

#[test]
fn a_teams_extension_token_authenticates_an_exchange() {
    let fixture = Fixture::new();
    fixture.emulator.set_token_life(Duration::from_secs(1800));
    let entra = fixture.entra_token("ben@contoso.example", EXTENSION_SCOPE);
    let response = exchange(&fixture, EXTENSION, &entra, "{}");
    assert_eq!(response.status, 200, "{response:?}");
    let body = response.json();
    let id = format!(
        "8:acs:{}_{}_{}",
        published::RESOURCE_ID,
        fixture.emulator.tenant_id(),
        oid(&entra)
    );
    assert_eq!(body["identity"], json!({"id": id}));
    let token = claims(body["accessToken"]["token"].as_str().expect("a token"));
    assert_eq!(token["acsScope"], "voip");
    // The Entra token expires first.
    assert_eq!(token["exp"], NOW + 1800);
    let unlicensed = fixture.entra_token("cleo@contoso.example", EXTENSION_SCOPE);
    assert_eq!(exchange(&fixture, EXTENSION, &unlicensed, "{}").status, 403);
}

#[test]
fn an_exchanged_identity_can_be_revoked_and_deleted() {
    let fixture = Fixture::new();
    let entra = fixture.entra_token("ada@contoso.example", CLIENTS_SCOPE);
    let token = || {
        let body = exchange(&fixture, ENTRA, &entra, "{}").json();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        (
            text(&body["identity"]["id"]),
            text(&body["accessToken"]["token"]),
        )
    };
    let (id, first) = token();
    let path = format!("/identities/{id}");
    let revoke = fixture.signed("POST", &format!("{path}/:revokeAccessTokens"), "");
    assert_eq!(revoke.status, 204);
    let (_, second) = token();
    assert!(!fixture.emulator.is_token_valid(&first));
    assert!(fixture.emulator.is_token_valid(&second));
    assert_eq!(fixture.signed("DELETE", &path, "").status, 204);
    let (_, third) = token();
    assert!(!fixture.emulator.is_token_valid(&second));
    assert!(fixture.emulator.is_token_valid(&third));
}

#[test]
fn wrong_callers_get_distinct_errors() {
    let fixture = Fixture::new();
    let user = |name: &str, scope: &str| fixture.entra_token(name, scope);
    let ada = user("ada@contoso.example", CLIENTS_SCOPE);
    let teams = user("ada@contoso.example", TEAMS);
    let unassigned = user("dora@fabrikam.example", CLIENTS_SCOPE);
    let foreign = Fixture::new().entra_token("ada@contoso.example", CLIENTS_SCOPE);
    for (path, token, status, code) in [
        (ENTRA, teams.as_str(), 401, "Denied"),
        (ENTRA, "garbage", 401, "Denied"),
        (ENTRA, &foreign, 401, "Denied"),
        (ENTRA, &unassigned, 403, "Forbidden"),
        (EXTENSION, &ada, 401, "Denied"),
        // The right audience, but not the right permission.
        (EXTENSION, &teams, 403, "Forbidden"),
    ] {
        let response = exchange(&fixture, path, token, "{}");
        let error = response.json()["error"]["code"].clone();
        assert_eq!((response.status, error), (status, json!(code)), "{path}");
    }
    for body in ["", "[]", "{"] {
        assert_eq!(exchange(&fixture, ENTRA, &ada, body).status, 400, "{body}");
    }
    assert_eq!(fixture.signed_at(PREVIEW, "POST", ENTRA, "{}").status, 401);
    assert_eq!(fixture.signed("POST", ENTRA, "{}").status, 400);
    assert_eq!(
        fixture
            .signed_at("2025-06-30", "POST", EXTENSION, "{}")
            .status,
        401
    );
    fixture.clock.advance(Duration::from_secs(75 * 60));
    assert_eq!(exchange(&fixture, ENTRA, &ada, "{}").status, 401);
}

#[test]
fn an_exchange_requires_an_assignment() {
    let fixture = Fixture::new();
    let entra = fixture.entra_token("dora@fabrikam.example", CLIENTS_SCOPE);
    let path = format!("/access/entra/assignments/{}", oid(&entra));
    let send = |method: &str, body: &Value| {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        fixture.signed_at(PREVIEW, method, &path, &body)
    };
    assert_eq!(send("GET", &Value::Null).status, 404);
    let wanted = json!({
        "principalType": "user",
        "tenantId": claims(&entra)["tid"],
        "clientIds": [published::CLIENT_ID],
    });
    let mut shown = wanted.clone();
    shown["objectId"] = oid(&entra).into();
    let first = send("PUT", &wanted);
    assert_eq!((first.status, first.json()), (201, shown.clone()));
    assert_eq!(send("PUT", &wanted).status, 200);
    assert_eq!(send("GET", &Value::Null).json(), shown);
    assert_eq!(exchange(&fixture, ENTRA, &entra, "{}").status, 200);
    let list = fixture.signed_at(PREVIEW, "GET", "/access/entra/assignments", "");
    assert_eq!(list.json()["value"].as_array().map(Vec::len), Some(2));

    let mut other = wanted.clone();
    other["clientIds"] = json!([fixture.emulator.object_id()]);
    assert_eq!(send("PUT", &other).status, 200);
    assert_eq!(exchange(&fixture, ENTRA, &entra, "{}").status, 403);
    assert_eq!(send("DELETE", &Value::Null).status, 204);
    assert_eq!(send("DELETE", &Value::Null).status, 204);
    assert_eq!(exchange(&fixture, ENTRA, &entra, "{}").status, 403);

    for (member, value, target) in [
        ("principalType", json!("robot"), "principalType"),
        ("principalType", Value::Null, "principalType"),
        ("tenantId", json!("x"), "tenantId"),
        ("clientIds", json!(["x"]), "clientIds"),
        ("clientIds", Value::Null, "clientIds"),
    ] {
        let mut wrong = wanted.clone();
        wrong[member] = value;
        let response = send("PUT", &wrong);
        assert_eq!(response.status, 400, "{wrong}");
        assert_eq!(response.json()["error"]["target"], target);
    }
    let nowhere = fixture.signed_at(PREVIEW, "GET", "/access/entra/assignments/x", "");
    assert_eq!(nowhere.json()["error"]["target"], "objectId");
    let unsigned = fixture.get(&format!("{path}?api-version={PREVIEW}"));
    assert_eq!(unsigned.status, 401);
}

#[test]
fn a_merge_patch_changes_all_assignments_or_none() {
    let fixture = Fixture::new();
    let patch = |body: &Value| {
        let target = format!("/access/entra/assignments?api-version={PREVIEW}");
        let mut headers = String::new();
        let other_type = fixture.tampered("PATCH", &target, &body.to_string(), |signed| {
            headers = format!(
                "Content-Type: application/merge-patch+json\r\nx-ms-date: {}\r\n\
                 x-ms-content-sha256: {}\r\nAuthorization: {}\r\n",
                signed.date, signed.hash, signed.authorization
            );
        });
        let problem = "The body must be application/merge-patch+json.";
        assert_eq!(
            (other_type.status, &other_type.json()["error"]["message"]),
            (415, &json!(problem))
        );
        fixture.send("PATCH", &target, &headers, &body.to_string())
    };
    let tenant = fixture.emulator.tenant_id();
    let user = fixture.emulator.object_id();
    let one = json!({"principalType": "user", "tenantId": tenant, "clientIds": [user]});
    let bad = json!({user: one, tenant: {"clientIds": ["x"]}});
    assert_eq!(patch(&bad).status, 400);
    let get = |id: &str| {
        let path = format!("/access/entra/assignments/{id}");
        fixture.signed_at(PREVIEW, "GET", &path, "").status
    };
    assert_eq!((get(user), get(tenant)), (404, 200));
    let good = patch(&json!({user: one, tenant: null}));
    assert_eq!(good.status, 200, "{good:?}");
    let mut shown = one.clone();
    shown["objectId"] = user.into();
    assert_eq!(good.json(), json!({user: shown}));
    assert_eq!((get(user), get(tenant)), (200, 404));
    let merged = patch(&json!({user: {"clientIds": []}}));
    assert_eq!(merged.json()[user]["clientIds"], json!([]));
    assert_eq!(merged.json()[user]["principalType"], "user");
}

#[test]
fn a_group_admits_its_members() {
    const GROUP: &str = "ac5ba55e-05e4-4000-8000-0000000000f1";
    let seed = format!(
        "[[groups]]\nname = \"Callers\"\ntenant = \"contoso.example\"\nobjectId = \"{GROUP}\"\n\
         members = [\"ada@contoso.example\"]\n\
         [[resources]]\nname = \"first\"\nassignments = []\n\
         [resources.keys]\nprimary = \"{}\"\n",
        published::ACCESS_KEY
    );
    let fixture = Fixture::with(Options {
        seed: Seed::parse(&seed).expect("a seed"),
        ..Options::default()
    });
    let status = |user: &str| {
        let entra = fixture.entra_token(user, CLIENTS_SCOPE);
        exchange(&fixture, ENTRA, &entra, "{}").status
    };
    assert_eq!(status("ada@contoso.example"), 403);
    let body = json!({
        "principalType": "group", "tenantId": fixture.emulator.tenant_id(),
        "clientIds": [published::CLIENT_ID],
    });
    let path = format!("/access/entra/assignments/{GROUP}");
    let put = fixture.signed_at(PREVIEW, "PUT", &path, &body.to_string());
    assert_eq!((put.status, &put.json()["objectId"]), (201, &json!(GROUP)));
    assert_eq!(status("ada@contoso.example"), 200);
    assert_eq!(status("ben@contoso.example"), 403);
}

#[test]
fn the_extension_has_separate_assignments() {
    let fixture = Fixture::new();
    let entra = fixture.entra_token("ada@contoso.example", EXTENSION_SCOPE);
    let path = format!(
        "/access/teamsExtension/tenants/{}/assignments/{}",
        fixture.emulator.tenant_id(),
        oid(&entra)
    );
    let send = |method: &str, body: &str| fixture.signed_at("2025-06-30", method, &path, body);
    assert_eq!(send("GET", "").json()["principalType"], "user");
    assert_eq!(send("DELETE", "").status, 204);
    assert_eq!(exchange(&fixture, EXTENSION, &entra, "{}").status, 403);
    let body = json!({"principalType": "resourceAccount", "clientIds": [published::CLIENT_ID]});
    assert_eq!(send("PUT", &body.to_string()).status, 201);
    assert_eq!(exchange(&fixture, EXTENSION, &entra, "{}").status, 200);
    assert_eq!(
        send("PUT", r#"{"principalType":"resourceAccount"}"#).status,
        200
    );
    assert_eq!(exchange(&fixture, EXTENSION, &entra, "{}").status, 403);
    assert_eq!(send("PUT", r#"{"principalType":"group"}"#).status, 400);
    assert_eq!(send("PUT", r#"{"principalType":"users"}"#).status, 400);
    for (request, shown) in [
        ("User", "user"),
        ("USER", "user"),
        ("ResourceAccount", "resourceAccount"),
    ] {
        let body = json!({"principalType": request, "clientIds": [published::CLIENT_ID]});
        let response = send("PUT", &body.to_string());
        assert_eq!(response.status, 200, "{request}");
        assert_eq!(response.json()["principalType"], shown, "{request}");
        assert_eq!(exchange(&fixture, EXTENSION, &entra, "{}").status, 200);
    }
    let elsewhere = path.replace(fixture.emulator.tenant_id(), "x");
    let response = fixture.signed_at("2025-06-30", "GET", &elsewhere, "");
    assert_eq!(response.json()["error"]["target"], "tenantId");
}
