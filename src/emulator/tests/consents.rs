//! Consents of users to applications, by API.

use super::apis::{
    ORDERS_SCOPE, SEED, code_by_page, entra_token_by_page, on_behalf_of, text, with_apis,
};
use super::harness::{Fixture, claims, encode, published};
use crate::emulator::{Options, Seed};
use serde_json::{Value, json};

/// The answer to the question for consent.
const ACCEPTED: [(&str, &str); 1] = [("emulator_consent", "accept")];

#[test]
fn one_sign_in_can_give_consent_to_several_apis() {
    let fixture = with_apis();
    let user = "consent@contoso.example";
    let calls = "https://auth.msft.communication.azure.com/Teams.ManageCalls";
    let both = format!("openid offline_access {calls} {ORDERS_SCOPE}");
    for (requested, outcome) in [(calls, Some(65_001)), (&both, None)] {
        let scope = format!("offline_access {requested}");
        let code = code_by_page(&fixture, user, &scope, &ACCEPTED);
        let redeemed = fixture.redeem(&code, &[("code_verifier", ""), ("scope", calls)]);
        let body = redeemed.json();
        assert_eq!(
            text(&claims(text(&body, "access_token")), "scp"),
            "Teams.ManageCalls"
        );
        let refresh = fixture.token(
            "organizations",
            &encode(
                &[
                    ("grant_type", "refresh_token"),
                    ("client_id", published::CLIENT_ID),
                    ("refresh_token", text(&body, "refresh_token")),
                    ("scope", ORDERS_SCOPE),
                ],
                &[],
            ),
        );
        match outcome {
            Some(number) => {
                assert_eq!(refresh.aadsts(), number);
                assert_eq!(refresh.json()["suberror"], "consent_required");
            }
            None => {
                let token = claims(text(&refresh.json(), "access_token"));
                assert_eq!(text(&token, "aud"), "api://orders");
            }
        }
    }
}

#[test]
fn the_users_of_a_pre_authorized_application_need_no_consent() {
    let seed = SEED.replace(
        r#""Orders.Read"]"#,
        r#""Orders.Read"], preAuthorized = ["Desktop"]"#,
    );
    let fixture = Fixture::with(Options {
        seed: Seed::parse(&seed).expect("a seed"),
        ..Options::default()
    });
    for user in ["consent@contoso.example", "admin-consent@contoso.example"] {
        let token = claims(&fixture.entra_token(user, ORDERS_SCOPE));
        assert_eq!(text(&token, "aud"), "api://orders");
        let graph = [("scope", "User.Read"), ("login_hint", user)];
        let page = fixture.authorize("organizations", &graph);
        assert_eq!(page.status, 200, "{user} has to consent to Graph");
    }
    let unknown = seed.replace("[\"Desktop\"]", "[\"Desktop\", \"Nobody\"]");
    let error = Seed::parse(&unknown).expect_err("an unknown application");
    assert!(
        error
            .to_string()
            .contains("applications[1].api.preAuthorized[1]"),
        "{error}"
    );
}

#[test]
fn a_user_who_has_to_consent_has_to_consent_to_the_api_too() {
    let fixture = with_apis();
    let user = "consent@contoso.example";
    let caller = entra_token_by_page(&fixture, user, &ACCEPTED);
    let response = on_behalf_of(&fixture, &caller, &[]);
    assert_eq!(
        (response.error(), response.aadsts()),
        ("invalid_grant".to_owned(), 65_001)
    );
    assert_eq!(response.json()["suberror"], "consent_required");
}

#[test]
fn consents_survive_a_restart_of_the_emulator() {
    let first = with_apis();
    let user = "consent@contoso.example";
    let scope = format!("offline_access {ORDERS_SCOPE}");
    let code = code_by_page(&first, user, &scope, &ACCEPTED);
    let redeemed = first.redeem(&code, &[("code_verifier", ""), ("scope", ORDERS_SCOPE)]);
    let token = text(&redeemed.json(), "refresh_token").to_owned();
    drop(first);

    let second = with_apis();
    let refresh = |scope: &str| {
        second.token(
            "organizations",
            &encode(
                &[
                    ("grant_type", "refresh_token"),
                    ("client_id", published::CLIENT_ID),
                    ("refresh_token", &token),
                    ("scope", scope),
                ],
                &[],
            ),
        )
    };
    let refreshed = refresh(ORDERS_SCOPE);
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    let other = "https://auth.msft.communication.azure.com/Teams.ManageCalls";
    assert_eq!(
        refresh(other).aadsts(),
        65_001,
        "no consent was given to it"
    );
}

#[test]
fn a_snapshot_from_before_consents_named_apis_is_read() {
    let emulator = with_apis();
    let mut snapshot: Value = serde_json::from_str(&emulator.emulator.snapshot()).expect("JSON");
    assert_eq!(snapshot["version"], 2);
    let user = emulator.emulator.users();
    let user = user
        .iter()
        .find(|user| user.username == "consent@contoso.example");
    let object_id = user.expect("a user").object_id;
    snapshot["version"] = 1.into();
    snapshot["consents"] = json!([[object_id, published::CLIENT_ID]]);
    let restored = with_apis();
    let text_of = |snapshot: &Value| snapshot.to_string();
    restored
        .emulator
        .restore(&text_of(&snapshot))
        .expect("an earlier form");
    // The consent was one to every API.
    for scope in [ORDERS_SCOPE, "User.Read"] {
        let token = restored.entra_token("consent@contoso.example", scope);
        assert!(!claims(&token).is_null());
    }
    let again: Value = serde_json::from_str(&restored.emulator.snapshot()).expect("JSON");
    assert_eq!(again["version"], 2);
    snapshot["version"] = 3.into();
    let error = restored.emulator.restore(&text_of(&snapshot));
    let error = error.expect_err("a later form").to_string();
    assert!(error.contains("version 3, and not 2"), "{error}");
}
