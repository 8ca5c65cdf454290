//! Each wrong token is refused for its own reason, and causes no exchange.

use std::collections::BTreeSet;

use acspass::emulator::{Emulator, ForgedToken, Options, SignatureFault};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};

use crate::harness::{Service, acs_token, own_token, own_token_of, send, with_claims};

const OTHER: &str = "ac5ba55e-0c11-4000-8000-0000000000ff";

/// A refused request: its name, both tokens, and the expected status, error and reason.
struct Row(String, String, String, u16, &'static str, &'static str);

fn now() -> i64 {
    acspass::time::Clock::now(&acspass::time::SystemClock).unix_seconds()
}

/// Returns the claims of a token under another header, signed by `sign`.
fn resigned(token: &str, header: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let claims = token.split('.').nth(1).expect("claims");
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    let message = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn header(token: &str) -> Value {
    let header = token.split('.').next().expect("a header");
    let bytes = URL_SAFE_NO_PAD.decode(header).expect("Base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn unsigned(token: &str) -> String {
    let mut header = header(token);
    header["alg"] = json!("none");
    resigned(token, &header, |_| Vec::new())
}

/// Signs with the public key as the secret of an HMAC.
fn with_public_key(emulator: &Emulator, token: &str) -> String {
    let port = emulator
        .http_url()
        .rsplit(':')
        .next()
        .expect("a port")
        .parse()
        .expect("a number");
    let path = format!("/{}/discovery/v2.0/keys", emulator.tenant_id());
    let keys = send(port, "GET", &path, &[], "").json();
    let modulus = keys["keys"][0]["n"].as_str().expect("a modulus");
    let secret = URL_SAFE_NO_PAD.decode(modulus).expect("Base64url");
    let mut header = header(token);
    header["alg"] = json!("HS256");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    resigned(token, &header, |message| {
        hmac::sign(&key, message).as_ref().to_vec()
    })
}

fn forged(emulator: &Emulator, signature: SignatureFault, is_own: bool) -> String {
    let own = json!({"aud": crate::harness::AUDIENCE, "scp": "access_as_user"});
    let claims = match own {
        Value::Object(claims) if is_own => claims,
        _ => serde_json::Map::new(),
    };
    let wanted = ForgedToken {
        signature,
        claims,
        ..ForgedToken::default()
    };
    emulator.forge_token(wanted).expect("a token")
}

fn wrong_bearer_tokens(emulator: &Emulator) -> Vec<Row> {
    let subject = acs_token(emulator);
    let own = |changes| own_token_of(emulator, None, changes);
    let row = |name, bearer, status, error, reason| {
        let name = format!("bearer token: {name}");
        Row(name, bearer, subject.clone(), status, error, reason)
    };
    let good = own_token(emulator);
    let tenant = emulator.tenant_id();
    let foreign = json!({"iss": format!("https://login.example/{tenant}/v2.0")});
    vec![
        row("no token", String::new(), 401, "invalid_token", "missing"),
        row(
            "no JWT",
            "x.y.z".to_owned(),
            401,
            "invalid_token",
            "malformed",
        ),
        row(
            "alg none",
            unsigned(&good),
            401,
            "invalid_token",
            "algorithm_not_allowed",
        ),
        row(
            "HS256 with the public key",
            with_public_key(emulator, &good),
            401,
            "invalid_token",
            "algorithm_not_allowed",
        ),
        row(
            "another key",
            forged(emulator, SignatureFault::OtherKey, true),
            401,
            "invalid_token",
            "unknown_key",
        ),
        row(
            "a changed signature",
            forged(emulator, SignatureFault::Bad, true),
            401,
            "invalid_token",
            "bad_signature",
        ),
        row(
            "wrong issuer",
            own(foreign),
            401,
            "invalid_token",
            "wrong_issuer",
        ),
        row(
            "other tenant",
            own(json!({"tid": OTHER})),
            403,
            "access_denied",
            "tenant_not_allowed",
        ),
        row(
            "other audience",
            own(json!({"aud": "api://other"})),
            401,
            "invalid_token",
            "wrong_audience",
        ),
        row(
            "the token for ACS alone",
            subject.clone(),
            401,
            "invalid_token",
            "wrong_audience",
        ),
        row(
            "other application",
            own(json!({"appid": OTHER})),
            403,
            "unauthorized_client",
            "client_not_allowed",
        ),
        row(
            "expired",
            own(json!({"exp": now() - 90})),
            401,
            "invalid_token",
            "expired",
        ),
        row(
            "expiry as a text",
            own(json!({"exp": "9999999999"})),
            401,
            "invalid_token",
            "malformed",
        ),
        row(
            "no expiry",
            own(json!({"exp": null})),
            401,
            "invalid_token",
            "malformed",
        ),
        row(
            "not yet valid",
            own(json!({"nbf": now() + 90})),
            401,
            "invalid_token",
            "not_yet_valid",
        ),
        row(
            "no scope",
            own(json!({"scp": null})),
            403,
            "insufficient_scope",
            "missing_scope",
        ),
        row(
            "another scope",
            own(json!({"scp": "access_as_user2 read"})),
            403,
            "insufficient_scope",
            "missing_scope",
        ),
        row(
            "no user",
            own(json!({"oid": null})),
            401,
            "invalid_token",
            "malformed",
        ),
        row(
            "100 KB",
            format!("{good}{}", "a".repeat(100_000)),
            400,
            "invalid_request",
            "too_large",
        ),
    ]
}

fn wrong_subject_tokens(emulator: &Emulator) -> Vec<Row> {
    let bearer = own_token(emulator);
    let acs = |claims| with_claims(emulator, claims);
    let row = |name, subject, status, error, reason| {
        let name = format!("subject token: {name}");
        Row(name, bearer.clone(), subject, status, error, reason)
    };
    let good = acs_token(emulator);
    let ben = emulator.forge_token(ForgedToken {
        user: Some("ben@contoso.example".to_owned()),
        ..ForgedToken::default()
    });
    let tenant = emulator.tenant_id();
    let foreign = json!({"iss": format!("https://login.example/{tenant}/v2.0")});
    let invalid = "invalid_request";
    vec![
        row("no token", String::new(), 400, invalid, "subject_missing"),
        row(
            "no JWT",
            "x.y.z".to_owned(),
            400,
            invalid,
            "subject_malformed",
        ),
        row(
            "alg none",
            unsigned(&good),
            400,
            invalid,
            "subject_algorithm_not_allowed",
        ),
        row(
            "HS256 with the public key",
            with_public_key(emulator, &good),
            400,
            invalid,
            "subject_algorithm_not_allowed",
        ),
        row(
            "a changed signature",
            forged(emulator, SignatureFault::Bad, false),
            400,
            invalid,
            "subject_bad_signature",
        ),
        row(
            "wrong issuer",
            acs(foreign),
            400,
            invalid,
            "subject_wrong_issuer",
        ),
        row(
            "other tenant",
            acs(json!({"tid": OTHER})),
            403,
            "access_denied",
            "subject_tenant_not_allowed",
        ),
        row(
            "the service's own token",
            bearer.clone(),
            400,
            invalid,
            "subject_wrong_audience",
        ),
        row(
            "other application",
            acs(json!({"appid": OTHER})),
            403,
            "unauthorized_client",
            "subject_client_not_allowed",
        ),
        row(
            "expired",
            acs(json!({"exp": now() - 90})),
            400,
            invalid,
            "subject_expired",
        ),
        row(
            "not yet valid",
            acs(json!({"nbf": now() + 90})),
            400,
            invalid,
            "subject_not_yet_valid",
        ),
        row(
            "no scope",
            acs(json!({"scp": "User.Read"})),
            400,
            invalid,
            "subject_missing_scope",
        ),
        row(
            "another user",
            ben.expect("a token"),
            403,
            "access_denied",
            "different_users",
        ),
        row(
            "100 KB",
            format!("{good}{}", "a".repeat(100_000)),
            400,
            invalid,
            "subject_too_large",
        ),
        row(
            "200 KB",
            format!("{good}{}", "a".repeat(200_000)),
            400,
            invalid,
            "body_too_large",
        ),
    ]
}

/// The cases of the page's table that other tests of this folder prove, with their status, error and
/// reason.
const OTHER_CASES: [&str; 4] = [
    "signing keys that cannot be fetched | 503 | `temporarily_unavailable` | `keys_unavailable`",
    "a database that fails within the request | 503 | `temporarily_unavailable` | `database_unavailable`",
    "a reader of the audit that has stopped | 503 | `temporarily_unavailable` | `audit_unavailable`",
    "a replica that is killed within the request | none | none | none",
];

/// Checks that the page's table has these cases, and no others.
fn check_guide(rows: &[Row]) {
    let page = include_str!("../../docs/reference/exchange-service.md");
    let table = page.split_once("## Bad input").expect("the section").1;
    let found = table.lines().skip_while(|line| !line.starts_with("| --- "));
    let found = found.skip(1).take_while(|line| line.starts_with("| "));
    let found: BTreeSet<String> = found.map(str::to_owned).collect();
    let of_rows = rows.iter().map(|Row(name, _, _, status, error, reason)| {
        format!("| {name} | {status} | `{error}` | `{reason}` |")
    });
    let others = OTHER_CASES.iter().map(|case| format!("| {case} |"));
    let expected: BTreeSet<String> = of_rows.chain(others).collect();
    let differences: Vec<&String> = expected.symmetric_difference(&found).collect();
    assert!(
        differences.is_empty(),
        "the table of the page: {differences:#?}"
    );
}

#[test]
fn each_wrong_token_is_refused_for_its_own_reason() {
    let emulator = Emulator::start(Options::default()).expect("an emulator");
    let service = Service::start(&emulator, &[]);
    let mut all = wrong_bearer_tokens(&emulator);
    all.extend(wrong_subject_tokens(&emulator));
    check_guide(&all);
    for Row(name, bearer, subject, status, error, reason) in &all {
        let response = service.exchange(bearer, subject);
        let found = (response.status, response.json()["error"].clone());
        assert_eq!(found, (*status, json!(error)), "{name}: {}", response.body);
        let challenge = response.header("www-authenticate");
        assert_eq!(
            challenge.is_some(),
            *status == 401 || *error == "insufficient_scope"
        );
        let line = service.audit(&response);
        assert_eq!(line["reason"], *reason, "{name}: {line}");
        assert_eq!(
            (&line["outcome"], &line["status"]),
            (&json!("refused"), &json!(status))
        );
    }
    assert_eq!(emulator.count("exchange"), 0, "no token was exchanged");
    let said = service.lines().join("\n");
    for Row(name, bearer, subject, ..) in &all {
        for part in [bearer, subject]
            .into_iter()
            .filter_map(|token| token.split('.').nth(1))
        {
            assert!(
                part.len() < 20 || !said.contains(part),
                "{name} is in the output"
            );
        }
    }
    let refused = service.figure("acspass_exchange_refusals_total{reason=\"different_users\"}");
    assert_eq!(refused, Some(1.0));
}

#[test]
fn the_same_tokens_are_accepted_without_their_faults() {
    let emulator = Emulator::start(Options::default()).expect("an emulator");
    let service = Service::start(&emulator, &[]);
    let late = json!({"nbf": now() + 30, "exp": now() + 3600});
    let response = service.exchange(&own_token_of(&emulator, None, late), &acs_token(&emulator));
    assert_eq!(response.status, 200, "{}", response.body);
    assert_eq!(emulator.count("exchange"), 1);
}
