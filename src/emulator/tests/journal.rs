//! The journal's entries: flow, tokens, proofs and reasons, without secrets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::harness::published::{CLIENT_ID, RESOURCE_ID};
use super::harness::{Fixture, NOW, TEAMS, encode};
use crate::emulator::{Expectation, LoggedRequest, Outcome, Service, Verification};

const ADA: &str = "ada@contoso.example";

fn last(fixture: &Fixture) -> LoggedRequest {
    fixture.emulator.requests().pop().expect("one was seen")
}

/// Checks that no entry has a secret, in any form that a reader sees.
fn check_no_secret(fixture: &Fixture) {
    let requests = fixture.emulator.requests();
    let journal = format!("{requests:?} {}", json!(requests));
    for secret in fixture.emulator.secrets() {
        assert!(!journal.contains(&secret), "{secret} in {journal}");
    }
}

fn exchange(fixture: &Fixture, token: &str) -> LoggedRequest {
    let claims = super::harness::claims(token);
    let body = json!({"token": token, "appId": CLIENT_ID, "userId": claims["oid"]});
    fixture.exchange(&body.to_string(), |_| {});
    last(fixture)
}

#[test]
fn the_requests_of_one_sign_in_have_one_flow() {
    let fixture = Fixture::new();
    let mut flows = Vec::new();
    for _ in 0..2 {
        let code = fixture.code(&[]);
        let authorized = last(&fixture);
        let first = fixture.redeem(&code, &[]).json();
        let redeemed = last(&fixture);
        let token = first["refresh_token"].as_str().expect("a token");
        let second = fixture.refresh(token, &[]).json();
        let refreshed = last(&fixture);
        let token = second["access_token"].as_str().expect("a token");
        let exchanged = exchange(&fixture, token);
        assert_eq!(exchanged.outcome, Outcome::Accepted, "{exchanged:?}");
        let flow = authorized.flow.clone().expect("a flow");
        for entry in [&redeemed, &refreshed, &exchanged] {
            assert_eq!(entry.flow.as_ref(), Some(&flow), "{entry:?}");
            assert_eq!(entry.user.as_deref(), Some(ADA));
            assert_eq!(entry.client_id.as_deref(), Some(CLIENT_ID));
        }
        flows.push(flow);
        check_no_secret(&fixture);
    }
    assert_ne!(flows[0], flows[1]);
}

#[test]
fn the_pages_of_a_sign_in_have_its_flow() {
    let fixture = Fixture::new();
    let page = fixture.authorize("organizations", &[("login_hint", "")]);
    let first = last(&fixture);
    assert_eq!((page.status, first.outcome), (200, Outcome::Accepted));
    let field = "name=\"emulator_flow\" value=\"";
    let (_, rest) = page.body.split_once(field).expect("the field");
    let flow = rest.split('"').next().expect("a value");
    assert_eq!(first.flow.as_deref(), Some(flow));
    let form = encode(
        &[
            ("client_id", CLIENT_ID),
            ("response_type", "code"),
            ("redirect_uri", super::harness::REDIRECT),
            ("scope", TEAMS),
            ("emulator_user", ADA),
            ("emulator_flow", flow),
        ],
        &[],
    );
    let target = "/organizations/oauth2/v2.0/authorize";
    let media_type = "Content-Type: application/x-www-form-urlencoded\r\n";
    let response = fixture.send("POST", target, media_type, &form);
    assert_eq!(response.status, 303);
    let second = last(&fixture);
    assert_eq!(second.flow, first.flow);
    let by = second.authenticated_by.expect("a proof");
    assert_eq!(by, format!("sign-in of {ADA} by the choice on the page"));
}

#[test]
fn an_entry_has_the_tokens_without_signatures_and_what_proved_the_caller() {
    let fixture = Fixture::new();
    let code = fixture.code(&[]);
    let body = fixture.redeem(&code, &[]).json();
    let entry = last(&fixture);
    assert_eq!(entry.sequence, 2);
    assert_eq!(entry.time.unix_seconds(), NOW);
    assert_eq!((entry.service, entry.status), (Service::Entra, 200));
    assert_eq!(entry.grant.as_deref(), Some("authorization_code"));
    let by = format!("authorization code of {ADA}, with PKCE (S256)");
    assert_eq!(entry.authenticated_by, Some(by));
    let kinds: Vec<&str> = entry
        .issued
        .iter()
        .map(|token| token.kind.as_str())
        .collect();
    assert_eq!(kinds, ["access_token", "id_token", "refresh_token"]);
    let claims = entry.issued[0].claims.clone().expect("claims");
    let token = body["access_token"].as_str().expect("a token");
    assert_eq!(claims, super::harness::claims(token));
    assert_eq!(
        entry.issued[0].header.as_ref().expect("a header")["alg"],
        "RS256"
    );
    assert_eq!(entry.resource, claims["aud"].as_str().map(str::to_owned));
    assert_eq!(entry.scopes, claims["scp"].as_str().map(str::to_owned));
    assert_eq!(
        entry.issued[1].claims.as_ref().expect("claims")["nonce"],
        "hidden"
    );

    let entry = exchange(&fixture, token);
    let by = format!("HMAC with the primary key, Entra token of {ADA}");
    assert_eq!(entry.authenticated_by, Some(by));
    assert_eq!(entry.received[0].claims.as_ref(), Some(&claims));
    assert_eq!(entry.issued[0].kind, "communication_token");
    assert_eq!(entry.resource.as_deref(), Some(RESOURCE_ID));
    assert_eq!(entry.scopes.as_deref(), Some("chat voip"));
    assert_eq!(entry.service, Service::Acs);
    check_no_secret(&fixture);
}

#[test]
fn a_poll_before_the_decision_is_pending_and_not_refused() {
    let fixture = Fixture::new();
    let form = encode(&[("client_id", CLIENT_ID), ("scope", TEAMS)], &[]);
    let media_type = "Content-Type: application/x-www-form-urlencoded\r\n";
    let target = "/organizations/oauth2/v2.0/devicecode";
    let started = fixture.send("POST", target, media_type, &form).json();
    let flow = last(&fixture).flow;
    assert!(flow.is_some());
    let code = started["device_code"].as_str().expect("a code");
    let poll = encode(
        &[
            ("client_id", CLIENT_ID),
            ("grant_type", "device_code"),
            ("device_code", code),
        ],
        &[],
    );
    fixture.token("organizations", &poll);
    let entry = last(&fixture);
    assert_eq!((entry.outcome, entry.status), (Outcome::Pending, 400));
    assert_eq!(entry.flow, flow);
    fixture.token("organizations", &poll);
    assert_eq!(
        last(&fixture).outcome,
        Outcome::Refused,
        "it polls too fast"
    );
    check_no_secret(&fixture);
}

#[test]
fn a_refusal_of_entra_names_the_difference() {
    let fixture = Fixture::new();
    let secret = &fixture.emulator.service_client_secret();
    let code = fixture.code(&[]);
    let other = "http://localhost:4711/redirect";
    for (changes, reason) in [
        (
            &[("redirect_uri", other)][..],
            "AADSTS500112: redirect_uri differs from the one of the authorize request",
        ),
        (
            &[("code_verifier", "")],
            "AADSTS50148: The code_verifier is missing, but the authorization request carried a code_challenge.",
        ),
        (
            &[("grant_type", secret)],
            "AADSTS70003: The app requested an unsupported grant type '…'.",
        ),
        (
            &[("client_id", secret)],
            "AADSTS700016: Application with identifier '…' was not found in the directory '…'. The emulator's first application is '…'.",
        ),
        (
            &[("client_secret", secret)],
            "AADSTS700025: Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
        ),
    ] {
        assert!(fixture.redeem(&code, changes).status >= 400);
        let entry = last(&fixture);
        assert_eq!(entry.outcome, Outcome::Refused);
        assert_eq!(entry.reason.as_deref(), Some(reason));
        check_no_secret(&fixture);
    }
    let response = fixture.authorize("organizations", &[("prompt", "none")]);
    assert_eq!(response.status, 302);
    let reason = last(&fixture).reason.expect("a reason");
    assert!(reason.starts_with("AADSTS50058: "), "{reason}");
}

#[test]
fn a_refusal_of_the_resource_names_the_difference() {
    let fixture = Fixture::new();
    let token = fixture.entra_token(ADA, TEAMS);
    let wrong = |changed: &str, value: &str| {
        let mut body = json!({"token": token, "appId": CLIENT_ID, "userId": super::harness::claims(&token)["oid"]});
        body[changed] = value.into();
        fixture.exchange(&body.to_string(), |_| {});
        last(&fixture).reason.expect("a reason")
    };
    let other = "ac5ba55e-0c11-4000-8000-0000000000ff";
    assert_eq!(
        wrong("appId", other),
        "The appId does not match the access token's."
    );
    assert_eq!(
        wrong("userId", other),
        "The userId does not match the access token's."
    );
    let (graph, _) = (fixture.entra_token(ADA, "openid User.Read"), ());
    assert_eq!(
        wrong("token", &graph),
        "the token is for the audience https://graph.microsoft.com, not for https://auth.msft.communication.azure.com"
    );
    fixture
        .clock
        .advance(std::time::Duration::from_secs(75 * 60 + 5));
    assert_eq!(wrong("appId", CLIENT_ID), "the token expired 5 s ago");
    check_no_secret(&fixture);
}

#[test]
fn a_secret_in_a_wrong_place_is_not_recorded() {
    let fixture = Fixture::new();
    let secret = &fixture.emulator.service_client_secret();
    let pair = format!("{}:{secret}", fixture.emulator.service_client_id());
    let basic = format!("Authorization: Basic {}\r\n", STANDARD.encode(pair));
    fixture.send("GET", "/emulator/whoami", &basic, "");
    let bearer = format!("Authorization: Bearer {}\r\n", secret);
    fixture.send("GET", "/emulator/whoami", &bearer, "");
    fixture.send("POST", "/identities?api-version=2023-10-01", &bearer, "");
    fixture.exchange(&json!({"token": secret}).to_string(), |_| {});
    assert_eq!(last(&fixture).received[0].claims, None);
    for (name, value) in [("client_id", secret), ("scope", secret), ("tenant", secret)] {
        fixture.authorize("organizations", &[(name, value)]);
    }
    check_no_secret(&fixture);
    assert_eq!(fixture.emulator.requests().len(), 7);
}

#[test]
fn a_refused_query_of_graph_is_not_recorded() {
    let fixture = Fixture::new();
    let token = fixture.entra_token(ADA, "https://graph.microsoft.com/User.ReadBasic.All");
    let secret = fixture.emulator.service_client_secret();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let good = "displayName eq 'Ada'";
    for query in [
        [("$filter", secret), ("$top", "1")],
        [("$filter", good), ("$top", secret)],
        [("$filter", good), ("$select", secret)],
    ] {
        let target = format!("/v1.0/users?{}", encode(&query, &[]));
        let response = fixture.send("GET", &target, &bearer, "");
        assert_eq!(response.status, 400, "{query:?}");
        assert!(
            response.body.contains(secret),
            "the client gets its text: {response:?}"
        );
        assert!(last(&fixture).reason.is_some());
        check_no_secret(&fixture);
    }
}

#[test]
fn a_refused_signature_records_no_other_header_and_no_other_parameter() {
    let fixture = Fixture::new();
    let token = fixture.entra_token(ADA, TEAMS);
    let names = "x-ms-date;host;x-ms-content-sha256;authorization;cookie;x-secret";
    let target = format!("/identities?api-version=2023-10-01&access_token={token}&{token}=");
    for signature in ["c2lnbmF0dXJl", "s3cret signature"] {
        let response = fixture.tampered("POST", &target, "", |signed| {
            signed.authorization = format!(
                "HMAC-SHA256 SignedHeaders={names}&Signature={signature}\r\nCookie: a={token}\r\n\
                 X-Secret: {token}"
            );
        });
        assert_eq!(response.status, 401);
        let entry = last(&fixture);
        let text = entry.string_to_sign.expect("a text");
        assert!(
            text.contains("?api-version=2023-10-01&<another parameter>"),
            "{text}"
        );
        assert!(!text.contains(signature), "{text}");
        check_no_secret(&fixture);
    }
    // Another scheme, with the token as the date and as the hash.
    fixture.tampered("POST", "/identities?api-version=2023-10-01", "", |signed| {
        signed.authorization = format!("Other {token}");
        signed.date.clone_from(&token);
        signed.hash.clone_from(&token);
    });
    assert!(last(&fixture).string_to_sign.is_some());
    check_no_secret(&fixture);
}

#[test]
fn expectations_are_compared_with_the_journal_of_the_control_api() {
    let fixture = Fixture::new();
    fixture.identity();
    fixture.tampered("POST", "/identities?api-version=2023-10-01", "", |signed| {
        signed.sign_with(b"");
    });
    let journal = fixture.get("/_emulator/v1/journal").json();
    let expected = [
        Expectation::parse("create_identity==2").expect("valid"),
        Expectation::parse("accepted<=1").expect("valid"),
        Expectation::parse("exchange>=1").expect("valid"),
        Expectation::none("refused").expect("valid"),
    ];
    let verified = Verification::of(&expected, &journal);
    let unmet: Vec<&str> = verified
        .unmet()
        .map(|one| one.expectation.as_str())
        .collect();
    assert_eq!(unmet, ["exchange>=1", "refused==0"]);
    let refused: Vec<String> = verified.refused.iter().map(ToString::to_string).collect();
    let line = "POST /identities 401: the signature does not match: the key is empty";
    assert_eq!(refused, [line]);
    // No operation of the resource is missing.
    for operation in crate::emulator::acs::operations::names() {
        assert!(Expectation::none(operation).is_ok(), "{operation}");
    }
}
