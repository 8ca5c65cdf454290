//! Requests of older clients: the first version's JSON, the preview of the Teams
//! exchange, `Date` in place of `x-ms-date`, and a `Host` that names the port twice.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{Answer, Fixture, NOW, TEAMS, claims, published};
use crate::emulator::Options;

const FIRST: &str = "2020-07-20-preview2";
const TEAMS_PREVIEW: &str = "2021-10-31-preview";

fn code(response: &Answer) -> (u16, Value) {
    (response.status, response.json()["error"]["code"].clone())
}

fn send(fixture: &Fixture, method: &str, path: &str, body: &str) -> Answer {
    fixture.signed_at(FIRST, method, path, body)
}

/// Sends a signed merge patch of an identity.
fn change(fixture: &Fixture, path: &str, body: &str, media_type: &str) -> Answer {
    let target = format!("{path}?api-version={FIRST}");
    let mut request = None;
    fixture.tampered("PATCH", &target, body, |signed| {
        request = Some((
            signed.date.clone(),
            signed.hash.clone(),
            signed.authorization.clone(),
        ));
        // Only the headers of this refused request are used.
        signed.authorization = String::new();
    });
    let (date, hash, authorization) = request.expect("it was signed");
    let headers = format!(
        "Content-Type: {media_type}\r\nx-ms-date: {date}\r\nx-ms-content-sha256: {hash}\r\n\
         Authorization: {authorization}\r\n"
    );
    fixture.send("PATCH", &target, &headers, body)
}

const PATCH: &str = "application/merge-patch+json";

#[test]
fn the_first_version_has_different_json() {
    let fixture = Fixture::new();
    let created = send(&fixture, "POST", "/identities", "");
    assert_eq!(created.status, 200, "{created:?}");
    let id = created.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(created.json(), json!({"id": id}));
    let path = format!("/identities/{}", id.replace(':', "%3A"));

    let issue = || {
        let response = send(
            &fixture,
            "POST",
            &format!("{path}/token"),
            r#"{"scopes":["chat","voip"]}"#,
        );
        assert_eq!(response.status, 200, "{response:?}");
        let body = response.json();
        assert_eq!(body.as_object().map(|object| object.len()), Some(3));
        assert_eq!(body["id"], id);
        assert!(body["expiresOn"].is_string());
        body["token"].as_str().expect("a token").to_owned()
    };
    let (first, again) = (issue(), issue());
    assert_eq!(claims(&first)["exp"], NOW + 86_400);
    let honoured = |token: &str| fixture.emulator.is_token_valid(token);
    assert!(honoured(&first) && honoured(&again));

    // Half a second into the second in which both were issued.
    let valid_from = json!({"tokensValidFrom": "2026-05-28T20:26:40.500Z"}).to_string();
    let revoked = change(&fixture, &path, &valid_from, PATCH);
    assert_eq!((revoked.status, revoked.body.as_str()), (204, ""));
    assert!(!honoured(&first) && !honoured(&again));
    let after = issue();
    assert!(honoured(&after), "a token that is issued later is good");
    fixture.clock.advance(Duration::from_secs(60));
    assert_eq!(change(&fixture, &path, &valid_from, PATCH).status, 204);
    assert!(!honoured(&after));
    let later = issue();
    assert_eq!(change(&fixture, &path, &valid_from, PATCH).status, 204);
    assert!(honoured(&later), "it was issued after that time");
    // The Python package sends this for `revoke_tokens(user)`.
    assert_eq!(change(&fixture, &path, "{}", PATCH).status, 204);
    assert!(!honoured(&later));

    assert_eq!(send(&fixture, "DELETE", &path, "").status, 204);
    let gone = send(
        &fixture,
        "POST",
        &format!("{path}/token"),
        r#"{"scopes":["chat"]}"#,
    );
    assert_eq!(code(&gone), (401, "IdentityNotOwned".into()));
    assert_eq!(fixture.emulator.count("create_identity"), 1);
    // The journal names each request by its operation.
    assert_eq!(fixture.emulator.count("issue_token"), 5);
    assert_eq!(fixture.emulator.count("delete_identity"), 1);
}

#[test]
fn the_first_version_refuses_later_operations() {
    let fixture = Fixture::new();
    let id = fixture.identity();
    let path = format!("/identities/{id}");
    let chat = r#"{"scopes":["chat"]}"#;
    let unsupported = (400, "UnsupportedApiVersion".into());
    for (method, path, body) in [
        ("POST", format!("{path}/:issueAccessToken"), chat),
        ("POST", format!("{path}/:revokeAccessTokens"), ""),
        ("POST", "/teamsUser/:exchangeAccessToken".to_owned(), "{}"),
    ] {
        assert_eq!(
            code(&send(&fixture, method, &path, body)),
            unsupported,
            "{path}"
        );
    }
    for version in ["2021-03-07", TEAMS_PREVIEW, "2023-10-01", "2026-09-23"] {
        let issue = fixture.signed_at(version, "POST", &format!("{path}/token"), chat);
        assert_eq!(code(&issue), unsupported, "{version}");
        let change = fixture.signed_at(version, "PATCH", &path, "{}");
        assert_eq!(code(&change), unsupported, "{version}");
    }
    for (body, media_type, status) in [
        ("{}", "application/json", 415),
        ("", PATCH, 400),
        ("[]", PATCH, 400),
        (r#"{"tokensValidFrom":"yesterday"}"#, PATCH, 400),
        (r#"{"tokensValidFrom":7}"#, PATCH, 400),
    ] {
        assert_eq!(
            change(&fixture, &path, body, media_type).status,
            status,
            "{body}"
        );
    }
    let foreign = format!("/identities/{}", fixture.emulator.foreign_identity());
    assert_eq!(change(&fixture, &foreign, "{}", PATCH).status, 401);
    for (body, target) in [
        ("{}", "Scopes"),
        (r#"{"scopes":[]}"#, "scopes"),
        (r#"{"scopes":["voip.join"]}"#, "scopes"),
    ] {
        let response = send(&fixture, "POST", &format!("{path}/token"), body);
        assert_eq!(response.json()["error"]["target"], target, "{body}");
    }
    let pstn = r#"{"scopes":["pstn"]}"#;
    assert_eq!(
        send(&fixture, "POST", &format!("{path}/token"), pstn).status,
        200
    );
    let issue = format!("{path}/:issueAccessToken");
    assert_eq!(fixture.signed("POST", &issue, pstn).status, 400);
}

#[test]
fn every_version_has_exactly_its_operations() {
    let fixture = Fixture::with(Options {
        strict_versions: true,
        ..Options::default()
    });
    let entra = fixture.entra_token("ada@contoso.example", TEAMS);
    let exchange = json!({
        "token": entra, "appId": published::CLIENT_ID, "userId": fixture.emulator.object_id(),
    })
    .to_string();
    let assignment = format!(
        "/access/teamsExtension/tenants/{}/assignments/{}",
        fixture.emulator.tenant_id(),
        fixture.emulator.object_id()
    );
    let entra_assignments = "/access/entra/assignments";
    // Version, create's status, Teams exchange, Teams extension, Entra assignments.
    for (version, create, teams, extension, preview) in [
        (FIRST, 200, 400, 400, 400),
        ("2021-02-22-preview1", 201, 400, 400, 400),
        ("2021-03-07", 201, 400, 400, 400),
        (TEAMS_PREVIEW, 201, 200, 400, 400),
        // The service reports it for identities only, and 2023-08-01 for the Teams exchange only.
        ("2021-11-01", 201, 400, 400, 400),
        ("2023-08-01", 400, 200, 400, 400),
        ("2022-09-01", 400, 400, 400, 400),
        ("2022-06-01", 201, 200, 400, 400),
        ("2022-10-01", 201, 200, 400, 400),
        ("2023-10-01", 201, 200, 400, 400),
        ("2025-03-02-preview", 201, 200, 200, 200),
        ("2025-06-30", 201, 200, 200, 400),
        ("2026-07-22", 201, 200, 200, 400),
        ("2026-09-23", 201, 200, 200, 400),
        ("2026-09-24", 400, 400, 400, 400),
        ("2021-10-31", 400, 400, 400, 400),
        ("2020-07-20", 400, 400, 400, 400),
    ] {
        let send = |method: &str, path: &str, body: &str| {
            fixture.signed_at(version, method, path, body).status
        };
        assert_eq!(send("POST", "/identities", ""), create, "{version}");
        let path = "/teamsUser/:exchangeAccessToken";
        assert_eq!(send("POST", path, &exchange), teams, "{version}");
        assert_eq!(send("GET", &assignment, ""), extension, "{version}");
        assert_eq!(send("GET", entra_assignments, ""), preview, "{version}");
    }
}

#[test]
fn the_preview_of_the_teams_exchange_needs_only_the_token() {
    let fixture = Fixture::new();
    let entra = fixture.entra_token("ada@contoso.example", TEAMS);
    let exchange = |version: &str, token: &str| {
        let body = json!({"token": token}).to_string();
        fixture.signed_at(version, "POST", "/teamsUser/:exchangeAccessToken", &body)
    };
    let response = exchange(TEAMS_PREVIEW, &entra);
    assert_eq!(response.status, 200, "{response:?}");
    let token = claims(response.json()["token"].as_str().expect("a token"));
    assert_eq!(token["exp"], claims(&entra)["exp"]);
    assert_eq!(
        response.json().as_object().map(|object| object.len()),
        Some(2)
    );
    let garbage = exchange(TEAMS_PREVIEW, "garbage");
    assert_eq!(code(&garbage), (401, "InvalidAccessToken".into()));
    let later = exchange("2022-06-01", &entra);
    assert_eq!(code(&later), (400, "ValidationError".into()));
    let cleo = fixture.entra_token("cleo@contoso.example", TEAMS);
    assert_eq!(exchange(TEAMS_PREVIEW, &cleo).status, 403);
    let by_id = fixture.entra_token(
        "ada@contoso.example",
        "1fd5118e-2576-4263-8130-9503064c837a/teams.managecalls openid",
    );
    assert_eq!(claims(&by_id)["scp"], "Teams.ManageCalls");
    assert_eq!(exchange(TEAMS_PREVIEW, &by_id).status, 200);
}

#[test]
fn the_date_header_may_carry_the_signed_date() {
    let fixture = Fixture::new();
    let target = "/identities?api-version=2021-03-07";
    let mut request = None;
    // The values are the same with both header names.
    fixture.tampered("POST", target, "", |signed| {
        request = Some((
            signed.date.clone(),
            signed.hash.clone(),
            signed.authorization.clone(),
        ));
        signed.authorization = String::new();
    });
    let (date, hash, authorization) = request.expect("it was signed");
    let send = |list: &str, date_header: &str| {
        let authorization = authorization.replace("x-ms-date;host;x-ms-content-sha256", list);
        let headers = format!(
            "{date_header}\r\nx-ms-content-sha256: {hash}\r\nAuthorization: {authorization}\r\n"
        );
        fixture.send("POST", target, &headers, "").status
    };
    let dated = format!("Date: {date}");
    assert_eq!(send("date;host;x-ms-content-sha256", &dated), 201);
    assert_eq!(send("Date;Host;X-MS-Content-SHA256", &dated), 201);
    assert_eq!(send("x-ms-date;host;x-ms-content-sha256", &dated), 401);
    let other = format!("x-ms-date: {date}");
    assert_eq!(send("date;host;x-ms-content-sha256", &other), 401);
    let twice = format!("{dated}\r\n{dated}");
    assert_eq!(send("date;host;x-ms-content-sha256", &twice), 401);
    let late = "Date: Mon, 02 Jun 2025 13:45:09 GMT";
    assert_eq!(send("date;host;x-ms-content-sha256", late), 401);
}

#[test]
fn the_resource_accepts_a_host_with_its_port_twice_with_a_remark() {
    let fixture = Fixture::new();
    let port = fixture.emulator.context.main_ports().http;
    let doubled = format!("{}:{port}", fixture.host());
    let create = |host: &str| {
        fixture.tampered("POST", "/identities?api-version=2023-10-01", "", |signed| {
            signed.host = host.to_owned();
            signed.sign();
        })
    };
    assert_eq!(create(&doubled).status, 201);
    let last = fixture.emulator.requests().pop().expect("one was seen");
    assert_eq!((last.status, last.reason), (201, None));
    let remark = last.remark.expect("a remark");
    assert!(remark.contains("names the port twice"), "{remark}");
    assert_eq!(create(&fixture.host()).status, 201);
    let last = fixture.emulator.requests().pop().expect("one was seen");
    assert_eq!(last.remark, None);

    // The signed text is the sent text.
    let unsigned = fixture.tampered("POST", "/identities?api-version=2023-10-01", "", |signed| {
        signed.host.clone_from(&doubled);
    });
    assert_eq!(unsigned.status, 401);
    for host in [
        format!("{doubled}:{port}"),
        format!("localhost:{port}:1"),
        format!("evil.test:{port}:{port}"),
    ] {
        assert_eq!(create(&host).status, 421, "{host}");
    }
    // No Entra client sends it.
    let metadata = format!(
        "GET /common/v2.0/.well-known/openid-configuration HTTP/1.1\r\nHost: {doubled}\r\n\
         Connection: close\r\n\r\n"
    );
    assert_eq!(fixture.raw(&metadata).status, 421);
}
