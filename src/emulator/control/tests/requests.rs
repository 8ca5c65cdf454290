//! The checks of every request, and the routes without a state of their own.

use serde_json::json;

use super::{CHANGE, change, error, post, show};
use crate::emulator::tests::harness::Fixture;

#[test]
fn a_change_needs_the_header() {
    let fixture = Fixture::new();
    let json = "Content-Type: application/json\r\n";
    for headers in [
        "",
        "X-Acspass-Emulator: 0\r\n",
        "X-Acspass-Emulator: 1\r\nX-Acspass-Emulator: 1\r\n",
    ] {
        let headers = format!("{json}{headers}");
        let refused = fixture.send("PUT", "/_emulator/v1/clock", &headers, r#"{"frozen":true}"#);
        assert_eq!(refused.status, 403, "{headers}");
        assert_eq!(error(&refused).0, "HeaderRequired");
    }
    assert_eq!(show(&fixture, "/clock").json()["frozen"], false);
    assert_eq!(
        change(&fixture, "PUT", "/clock", &json!({"frozen": true})).status,
        200
    );
}

#[test]
fn no_response_allows_other_origins() {
    let fixture = Fixture::new();
    let origin = format!("Origin: https://evil.test\r\n{CHANGE}");
    for method in ["GET", "PUT", "OPTIONS"] {
        let response = fixture.send(method, "/_emulator/v1/clock", &origin, "");
        let head = response.head.to_ascii_lowercase();
        assert!(!head.contains("access-control"), "{method}: {head}");
    }
}

#[test]
fn a_wrong_path_method_type_or_host_has_its_status() {
    let fixture = Fixture::new();
    for path in ["", "/", "/nothing", "/clock/", "/info/x"] {
        let unknown = show(&fixture, path);
        assert_eq!(
            (unknown.status, error(&unknown).0.as_str()),
            (404, "NotFound"),
            "{path}"
        );
    }
    for method in ["POST", "DELETE", "OPTIONS", "TRACE"] {
        let wrong = fixture.send(method, "/_emulator/v1/clock", CHANGE, "");
        assert_eq!(
            (wrong.status, wrong.header("allow")),
            (405, Some("GET, PUT")),
            "{method}"
        );
    }
    for headers in [
        CHANGE.to_owned(),
        format!("{CHANGE}Content-Type: text/plain\r\n"),
    ] {
        let wrong = fixture.send("PUT", "/_emulator/v1/clock", &headers, "{}");
        assert_eq!(
            (wrong.status, error(&wrong).0.as_str()),
            (415, "UnsupportedMediaType")
        );
    }
    let other = fixture
        .raw("GET /_emulator/v1/info HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n");
    assert_eq!((other.status, error(&other).0.as_str()), (421, "WrongHost"));
}

#[test]
fn a_body_that_is_too_large_is_refused_in_json() {
    let fixture = Fixture::new();
    let large = json!({"unknown": "x".repeat(1024 * 1024)});
    let refused = change(&fixture, "PUT", "/clock", &large);
    assert_eq!(
        (refused.status, error(&refused).0.as_str()),
        (413, "TooLarge")
    );
}

#[test]
fn a_fault_in_a_body_is_named_by_its_path() {
    let fixture = Fixture::new();
    for (body, path) in [
        (json!({"unknown": 1}), "$.unknown: "),
        (json!({"frozen": "yes"}), "$.frozen: "),
        (json!({"offsetSeconds": 1e300}), "$.offsetSeconds: "),
        (json!({"offsetSeconds": i64::MAX}), "$.offsetSeconds: "),
        (json!({"now": "yesterday"}), "$.now: "),
        (json!({}), "$: "),
        (json!([]), "$: "),
        (json!(null), "$: "),
    ] {
        let refused = change(&fixture, "PUT", "/clock", &body);
        assert_eq!(refused.status, 400, "{body}");
        let (code, message) = error(&refused);
        assert_eq!(code, "InvalidRequest");
        assert!(message.starts_with(path), "{body}: {message}");
    }
    let headers = format!("{CHANGE}Content-Type: application/json\r\n");
    for text in ["{", "", "{}x", "\u{feff}{}"] {
        let refused = fixture.send("PUT", "/_emulator/v1/clock", &headers, text);
        assert_eq!(refused.status, 400, "{text}");
    }
    let unexpected = change(&fixture, "DELETE", "/journal", &json!({}));
    assert_eq!(unexpected.status, 400);
}

#[test]
fn an_unknown_or_repeated_query_parameter_is_refused() {
    let fixture = Fixture::new();
    for (query, path) in [
        ("x=1", "query.x: "),
        ("operation=a&operation=b", "query.operation: "),
        ("operation=", "query.operation: "),
    ] {
        let refused = show(&fixture, &format!("/journal?{query}"));
        assert_eq!(refused.status, 400, "{query}");
        assert!(error(&refused).1.starts_with(path), "{}", refused.body);
    }
}

#[test]
fn info_has_addresses_ids_and_users() {
    let fixture = Fixture::new();
    let info = show(&fixture, "/info").json();
    let emulator = &fixture.emulator;
    assert_eq!(info["ready"], true);
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(info["httpUrl"], emulator.http_url());
    assert!(info.get("httpsUrl").is_none());
    assert_eq!(info["faultSeed"], emulator.fault_seed());
    assert_eq!(info["tenants"][0]["id"], emulator.tenant_id());
    assert_eq!(info["applications"][0]["clientId"], emulator.client_id());
    let resource = &info["resources"][0];
    assert_eq!(
        resource["httpConnectionString"],
        emulator.http_connection_string()
    );
    let users = info["users"].as_array().expect("users");
    assert_eq!(users.len(), emulator.users().len());
    assert_eq!(users[0]["username"], emulator.username());
}

#[test]
fn control_requests_are_not_in_the_journal() {
    let fixture = Fixture::new();
    fixture.get("/common/discovery/v2.0/keys");
    fixture.get("/");
    for path in ["/info", "/nothing", "/openapi.json"] {
        show(&fixture, path);
    }
    let journal = show(&fixture, "/journal").json();
    assert_eq!(journal["counts"], json!({"keys": 1, "page": 1}));
    let keys = show(&fixture, "/journal?operation=keys").json();
    let entry = &keys["entries"][0];
    assert_eq!(keys["entries"].as_array().map(Vec::len), Some(1));
    let expected = json!({
        "sequence": 1, "time": entry["time"], "service": "entra", "outcome": "accepted",
        "method": "GET", "path": "/common/discovery/v2.0/keys", "operation": "keys", "status": 200,
        "received": [], "issued": [], "microseconds": entry["microseconds"],
    });
    assert_eq!(*entry, expected);
    let cleared = fixture.send("DELETE", "/_emulator/v1/journal", CHANGE, "");
    assert_eq!((cleared.status, cleared.body.as_str()), (204, ""));
    let journal = show(&fixture, "/journal").json();
    let empty = json!({
        "entries": [], "counts": {}, "latest": 2, "total": 0, "accepted": 0, "refused": 0,
    });
    assert_eq!(journal, empty);
    assert!(fixture.emulator.requests().is_empty());
}

#[test]
fn the_journal_is_filtered() {
    let fixture = Fixture::new();
    fixture.get("/common/discovery/v2.0/keys");
    let code = fixture.code(&[]);
    fixture.redeem(&code, &[]);
    fixture.redeem(&code, &[]);
    fixture.signed("POST", "/identities", "");
    fixture.tampered("POST", "/identities?api-version=2023-10-01", "", |signed| {
        signed.sign_with(b"another key");
    });
    let sequences = |query: &str| -> Vec<i64> {
        let journal = show(&fixture, &format!("/journal?{query}")).json();
        assert_eq!(
            (&journal["total"], &journal["accepted"], &journal["refused"]),
            (&json!(6), &json!(4), &json!(2))
        );
        let entries = journal["entries"].as_array().expect("a list").iter();
        entries
            .filter_map(|entry| entry["sequence"].as_i64())
            .collect()
    };
    let flow = show(&fixture, "/journal?operation=authorize").json()["entries"][0]["flow"].clone();
    let flow = flow.as_str().expect("a flow");
    for (query, found) in [
        ("", &[1, 2, 3, 4, 5, 6][..]),
        ("after=4", &[5, 6]),
        ("after=6", &[]),
        ("after=999", &[]),
        ("limit=2", &[5, 6]),
        ("operation=authorization_code", &[3, 4]),
        ("operation=authorization_code&limit=1", &[4]),
        ("service=acs", &[5, 6]),
        ("service=emulator", &[]),
        ("status=201", &[5]),
        ("outcome=refused", &[4, 6]),
        (&format!("flow={flow}"), &[2, 3, 4]),
        ("flow=x", &[]),
    ] {
        assert_eq!(sequences(query), found, "{query}");
    }
    for wrong in [
        "after=-1",
        "limit=0",
        "limit=5000",
        "service=x",
        "status=600",
        "outcome=x",
    ] {
        let refused = show(&fixture, &format!("/journal?{wrong}"));
        assert_eq!(refused.status, 400, "{wrong}");
    }
}

#[test]
fn sessions_of_one_user_or_of_all_are_revoked() {
    let fixture = Fixture::new();
    let refresh_token = |user: &str| {
        let code = fixture.code(&[("login_hint", user)]);
        let tokens = fixture.redeem(&code, &[]).json();
        tokens["refresh_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    };
    let is_valid = |token: &str| fixture.refresh(token, &[]).status == 200;
    let (ada, ben) = (
        refresh_token("ada@contoso.example"),
        refresh_token("ben@contoso.example"),
    );
    let of = |user: &str| change(&fixture, "POST", "/sessions/revoke", &json!({"user": user}));
    assert_eq!(of("Ada@contoso.example").status, 204);
    assert_eq!((is_valid(&ada), is_valid(&ben)), (false, true));
    let again = refresh_token("ada@contoso.example");
    assert!(is_valid(&again), "a later session is valid");
    let unknown = of("zoe@contoso.example");
    assert_eq!(
        (unknown.status, error(&unknown).0.as_str()),
        (404, "NotFound")
    );
    assert_eq!(post(&fixture, "/sessions/revoke").status, 204);
    assert_eq!((is_valid(&again), is_valid(&ben)), (false, false));
    assert!(!fixture.emulator.revoke_sessions_of("zoe@contoso.example"));
    let last = refresh_token("ben@contoso.example");
    assert!(fixture.emulator.revoke_sessions_of("ben@contoso.example"));
    assert!(!is_valid(&last));
}
