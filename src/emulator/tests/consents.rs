//! Consents of users to applications, by API.

use super::apis::{ORDERS_SCOPE, SEED, entra_token_by_page, on_behalf_of, text, with_apis};
use super::harness::{Fixture, REDIRECT, claims, encode, published};
use crate::emulator::{Options, Seed};

#[test]
fn one_sign_in_can_give_consent_to_several_apis() {
    let fixture = with_apis();
    let user = "consent@contoso.example";
    let calls = "https://auth.msft.communication.azure.com/Teams.ManageCalls";
    let both = format!("openid offline_access {calls} {ORDERS_SCOPE}");
    for (requested, outcome) in [(calls, Some(65_001)), (&both, None)] {
        let response = fixture.send(
            "POST",
            "/organizations/oauth2/v2.0/authorize",
            "Content-Type: application/x-www-form-urlencoded\r\n",
            &encode(
                &[
                    ("client_id", published::CLIENT_ID),
                    ("response_type", "code"),
                    ("redirect_uri", REDIRECT),
                    ("scope", &format!("offline_access {requested}")),
                    ("emulator_user", user),
                    ("emulator_consent", "accept"),
                ],
                &[],
            ),
        );
        let code = response.redirected_with("code").expect("a code");
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
    let caller = entra_token_by_page(&fixture, user, &[("emulator_consent", "accept")]);
    let response = on_behalf_of(&fixture, &caller, &[]);
    assert_eq!(
        (response.error(), response.aadsts()),
        ("invalid_grant".to_owned(), 65_001)
    );
    assert_eq!(response.json()["suberror"], "consent_required");
}
