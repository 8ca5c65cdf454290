//! The token endpoint.

use std::time::Duration;

use super::harness::{Changes, Fixture, REDIRECT, TEAMS, claims, encode, published};
use crate::emulator::Options;

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_code_is_redeemed_for_all_requested_tokens() {
    let fixture = Fixture::new();
    let code = fixture.code(&[]);
    let response = fixture.redeem(&code, &[("client_info", "1")]);
    assert_eq!(response.status, 200, "{response:?}");
    let body = response.json();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 75 * 60);
    let scope = body["scope"].as_str().expect("a scope");
    assert!(scope.contains("https://auth.msft.communication.azure.com/Teams.ManageCalls"));
    assert!(scope.contains("openid profile") && !scope.contains("offline_access"));
    assert!(body["refresh_token"].is_string() && body["client_info"].is_string());

    let access = claims(body["access_token"].as_str().expect("a token"));
    assert_eq!(access["aud"], "https://auth.msft.communication.azure.com");
    assert_eq!(access["scp"], "Teams.ManageCalls Teams.ManageChats");
    assert_eq!(access["appid"], published::CLIENT_ID);
    assert_eq!(access["oid"], fixture.emulator.object_id());
    assert_eq!(access["emulator"], true);
    let id = claims(body["id_token"].as_str().expect("a token"));
    assert_eq!(id["nonce"], "nonce-0123456789");
    assert_eq!(id["aud"], published::CLIENT_ID);
    let issuer = format!(
        "http://{}/{}/v2.0",
        fixture.host(),
        fixture.emulator.tenant_id()
    );
    assert_eq!(id["iss"], issuer);

    assert_eq!(response.header("cache-control"), Some("no-store, no-cache"));
    assert_eq!(response.header("pragma"), Some("no-cache"));
    assert_eq!(fixture.emulator.count("authorization_code"), 1);
}

#[test]
fn only_requested_tokens_are_issued() {
    let fixture = Fixture::new();
    let scope = "https://auth.msft.communication.azure.com/Teams.ManageCalls";
    let code = fixture.code(&[("scope", scope), ("nonce", "")]);
    let body = fixture.redeem(&code, &[]).json();
    for absent in ["refresh_token", "id_token", "client_info"] {
        assert!(body.get(absent).is_none(), "{absent}");
    }
    assert_eq!(body["scope"], scope);
}

#[test]
fn a_code_works_once_and_for_ten_minutes() {
    let fixture = Fixture::new();
    let code = fixture.code(&[]);
    assert_eq!(fixture.redeem(&code, &[]).status, 200);
    let again = fixture.redeem(&code, &[]);
    assert_eq!((again.status, again.aadsts()), (400, 54005));
    assert_eq!(again.error(), "invalid_grant");

    let code = fixture.code(&[]);
    fixture.clock.advance(Duration::from_secs(600));
    assert_eq!(fixture.redeem(&code, &[]).aadsts(), 70008);
}

#[test]
fn a_code_is_bound_to_its_request() {
    let fixture = Fixture::new();
    let cases: [(Changes<'_>, i64, &str); 14] = [
        (
            &[(
                "code_verifier",
                "another-verifier-that-is-long-enough-0123456789",
            )],
            501_481,
            "invalid_grant",
        ),
        (&[("code_verifier", "short")], 501_481, "invalid_grant"),
        (&[("code_verifier", "")], 50148, "invalid_grant"),
        (
            &[("redirect_uri", "http://localhost:4711/")],
            500_112,
            "invalid_grant",
        ),
        (
            &[("redirect_uri", "http://localhost:4712")],
            500_112,
            "invalid_grant",
        ),
        (&[("redirect_uri", "")], 900_144, "invalid_request"),
        (&[("code", "")], 900_144, "invalid_request"),
        (&[("code", "1.invented")], 70000, "invalid_grant"),
        (&[("client_id", "")], 900_144, "invalid_request"),
        (
            &[("client_id", "ac5ba55e-0c11-4000-8000-00000000dead")],
            700_016,
            "unauthorized_client",
        ),
        (&[("grant_type", "")], 900_144, "invalid_request"),
        (
            &[("grant_type", "password")],
            70003,
            "unsupported_grant_type",
        ),
        (
            &[(
                "scope",
                "User.Read https://communication.azure.com/clients/VoIP",
            )],
            28000,
            "invalid_scope",
        ),
        (&[("scope", "nonsense")], 70011, "invalid_scope"),
    ];
    let code = fixture.code(&[]);
    for (changes, number, error) in cases {
        let response = fixture.redeem(&code, changes);
        assert_eq!(response.status, 400, "{changes:?}");
        assert_eq!(
            (response.aadsts(), response.error().as_str()),
            (number, error),
            "{changes:?}"
        );
        let text = response.json()["error_description"].to_string();
        assert!(text.starts_with(&format!("\"AADSTS{number}: ")), "{text}");
    }
    assert_eq!(
        fixture.redeem(&code, &[]).status,
        200,
        "no refusal spent the code"
    );
}

#[test]
fn a_verifier_without_a_challenge_is_refused() {
    let fixture = Fixture::new();
    let none = [("code_challenge", ""), ("code_challenge_method", "")];
    let code = fixture.code(&none);
    assert_eq!(fixture.redeem(&code, &[]).aadsts(), 501_481);
    assert_eq!(fixture.redeem(&code, &[("code_verifier", "")]).status, 200);
}

#[test]
fn a_code_is_redeemed_at_its_tenant() {
    let fixture = Fixture::new();
    let tenant = fixture.emulator.tenant_id();
    let response = fixture.authorize(tenant, &[]);
    let code = response.redirected_with("code").expect("a code");
    assert_eq!(fixture.redeem(&code, &[]).aadsts(), 700_005);
    let form = encode(
        &[
            ("client_id", published::CLIENT_ID),
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", super::harness::VERIFIER),
        ],
        &[],
    );
    assert_eq!(fixture.token("contoso.example", &form).status, 200);
    assert_eq!(fixture.token("nowhere.example", &form).aadsts(), 90002);
    assert_eq!(fixture.token("consumers", &form).aadsts(), 9_002_332);
}

#[test]
fn a_public_client_must_not_send_a_credential() {
    let fixture = Fixture::new();
    let code = fixture.code(&[]);
    for name in ["client_secret", "client_assertion"] {
        let response = fixture.redeem(&code, &[(name, "a-secret-of-no-use")]);
        assert_eq!((response.status, response.aadsts()), (401, 700_025));
        assert_eq!(response.error(), "invalid_client");
    }
}

#[test]
fn a_malformed_request_is_refused() {
    let fixture = Fixture::new();
    let target = "/organizations/oauth2/v2.0/token";
    assert_eq!(fixture.get(target).aadsts(), 900_561);
    assert_eq!(
        fixture.send("POST", target, "", "grant_type=x").aadsts(),
        900_144
    );
    assert_eq!(
        fixture
            .token("common", "grant_type=a&grant_type=a")
            .aadsts(),
        9_000_411
    );
}

#[test]
fn a_refresh_token_renews_and_the_old_one_stays_valid() {
    let fixture = Fixture::new();
    let code = fixture.code(&[]);
    let first = fixture.redeem(&code, &[]).json();
    let old = first["refresh_token"].as_str().expect("a token");
    fixture.clock.advance(HOUR);
    let second = fixture.refresh(old, &[("client_info", "1")]).json();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(second["scope"], first["scope"]);
    let id = claims(second["id_token"].as_str().expect("a token"));
    assert!(id.get("nonce").is_none());
    assert_eq!(fixture.refresh(old, &[]).status, 200);

    let graph = fixture.refresh(old, &[("scope", "User.Read")]).json();
    let graph = claims(graph["access_token"].as_str().expect("a token"));
    assert_eq!(graph["aud"], "https://graph.microsoft.com");
}

#[test]
fn a_refresh_token_is_valid_across_a_restart_for_ninety_days() {
    let fixture = Fixture::new();
    let code = fixture.code(&[]);
    let token = fixture.redeem(&code, &[]).json()["refresh_token"].clone();
    let token = token.as_str().expect("a token");
    drop(fixture);
    let fixture = Fixture::new();
    assert_eq!(fixture.refresh(token, &[]).status, 200);
    assert_eq!(fixture.refresh("garbage", &[]).aadsts(), 9_002_313);
    fixture.clock.advance(90 * 24 * HOUR);
    assert_eq!(fixture.refresh(token, &[]).aadsts(), 700_082);
}

#[test]
fn sessions_after_a_revocation_are_valid() {
    let fixture = Fixture::new();
    let refresh_token = |fixture: &Fixture| {
        let body = fixture.redeem(&fixture.code(&[]), &[]).json();
        body["refresh_token"].as_str().expect("a token").to_owned()
    };
    let old = refresh_token(&fixture);
    fixture.emulator.revoke_sessions();
    let response = fixture.refresh(&old, &[]);
    assert_eq!(
        (response.aadsts(), response.error().as_str()),
        (50173, "invalid_grant")
    );
    assert_eq!(response.json()["suberror"], "bad_token");
    let new = refresh_token(&fixture);
    assert_eq!(fixture.refresh(&new, &[]).status, 200);
}

#[test]
fn in_strict_mode_a_second_use_revokes_the_session() {
    let fixture = Fixture::with(Options {
        strict_refresh: true,
        ..Options::default()
    });
    let code = fixture.code(&[]);
    let first = fixture.redeem(&code, &[]).json();
    let first = first["refresh_token"].as_str().expect("a token");
    let second = fixture.refresh(first, &[]).json();
    let second = second["refresh_token"].as_str().expect("a token");
    assert_eq!(fixture.refresh(first, &[]).aadsts(), 70000);
    assert_eq!(fixture.refresh(second, &[]).aadsts(), 70000);
}

#[test]
fn a_guest_has_a_different_object_id_in_each_tenant() {
    let fixture = Fixture::new();
    let home = claims(&fixture.entra_token("dora@fabrikam.example", TEAMS));
    let tenant = fixture.emulator.tenant_id();
    let dora = [("login_hint", "dora@fabrikam.example")];
    let code = fixture.authorize(tenant, &dora).redirected_with("code");
    let form = encode(
        &[
            ("client_id", published::CLIENT_ID),
            ("grant_type", "authorization_code"),
            ("code", &code.expect("a code")),
            ("redirect_uri", REDIRECT),
            ("code_verifier", super::harness::VERIFIER),
        ],
        &[],
    );
    let body = fixture.token(tenant, &form).json();
    let guest = claims(body["access_token"].as_str().expect("a token"));
    assert_eq!(guest["tid"], tenant);
    assert_ne!(guest["tid"], home["tid"]);
    assert_ne!(guest["oid"], home["oid"]);
}

#[test]
fn a_withheld_scope_is_not_granted() {
    let fixture = Fixture::new();
    fixture.emulator.withhold_scope("Teams.ManageChats");
    let body = fixture.redeem(&fixture.code(&[]), &[]).json();
    assert!(!body["scope"].to_string().contains("ManageChats"));
    fixture.emulator.withhold_scope("Teams.ManageCalls");
    let response = fixture.redeem(&fixture.code(&[]), &[]);
    assert_eq!(
        (response.aadsts(), response.json()["suberror"].as_str()),
        (65001, Some("consent_required"))
    );
}

#[test]
fn the_token_life_can_be_changed() {
    let fixture = Fixture::new();
    fixture.emulator.set_token_life(Duration::from_secs(540));
    let body = fixture.redeem(&fixture.code(&[]), &[]).json();
    assert_eq!(body["expires_in"], 540);
    let access = claims(body["access_token"].as_str().expect("a token"));
    assert_eq!(access["exp"], super::harness::NOW + 540);
}

#[test]
fn id_token_claims_can_be_replaced() {
    let fixture = Fixture::new();
    fixture
        .emulator
        .change_id_token("aud", Some("someone-else".into()));
    fixture.emulator.change_id_token("nonce", None);
    let body = fixture.redeem(&fixture.code(&[]), &[]).json();
    let id = claims(body["id_token"].as_str().expect("a token"));
    assert_eq!(id["aud"], "someone-else");
    assert!(id.get("nonce").is_none());
    fixture.emulator.clear_faults();
    let body = fixture.redeem(&fixture.code(&[]), &[]).json();
    let id = claims(body["id_token"].as_str().expect("a token"));
    assert_eq!(id["aud"], published::CLIENT_ID);
}
