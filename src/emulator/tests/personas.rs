//! The users with a requirement: each page and each refusal.

use super::harness::{Answer, Fixture, TEAMS, claims, encode, published};
use crate::emulator::UserAgent;

const CHALLENGE_POINTER: &str = "/access_token/capolids/values/0";

fn hint(user: &str) -> [(&str, &str); 1] {
    [("login_hint", user)]
}

/// Submits a page of a sign-in: the same request as a form, and the clicked button.
fn click(fixture: &Fixture, user: &str, clicked: &[(&str, &str)]) -> Answer {
    let good = [
        ("client_id", published::CLIENT_ID),
        ("response_type", "code"),
        ("redirect_uri", super::harness::REDIRECT),
        ("scope", TEAMS),
        ("emulator_user", user),
    ];
    let form = encode(&[&good[..], clicked].concat(), &[]);
    fixture.send(
        "POST",
        "/organizations/oauth2/v2.0/authorize",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        &form,
    )
}

fn refresh_token(fixture: &Fixture, changes: &[(&str, &str)]) -> String {
    let tokens = fixture.redeem(&fixture.code(changes), &[]).json();
    tokens["refresh_token"].as_str().expect("one").to_owned()
}

#[test]
fn each_persona_that_cannot_sign_in_gets_an_error_page_and_no_redirect() {
    let fixture = Fixture::new();
    for (user, number) in [
        ("blocked@contoso.example", 53003),
        ("unassigned@contoso.example", 50105),
        ("disabled@contoso.example", 50057),
        ("locked@contoso.example", 50053),
        ("password-expired@contoso.example", 50055),
        ("nobody@contoso.example", 50034),
    ] {
        let response = fixture.authorize("organizations", &hint(user));
        assert_eq!(response.status, 400, "{user}");
        assert_eq!(response.header("location"), None, "{user}");
        assert!(
            response.body.contains(&format!("AADSTS{number}: ")),
            "{user}"
        );
        for detail in ["Request Id", "Correlation Id", "Timestamp"] {
            assert!(response.body.contains(detail), "{user}");
        }
    }
    let stranger = hint("stranger@fabrikam.example");
    let abroad = fixture.authorize("contoso.example", &stranger);
    assert!(abroad.body.contains("AADSTS50020: "), "{}", abroad.body);
    assert_eq!(fixture.authorize("fabrikam.example", &stranger).status, 302);
}

#[test]
fn consent_is_requested_once_and_a_refusal_goes_to_the_client() {
    let fixture = Fixture::new();
    let user = "consent@contoso.example";
    let page = fixture.authorize("organizations", &hint(user));
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<h1>Permissions requested</h1>"));
    assert!(page.body.contains("Teams.ManageCalls"));
    let declined = click(&fixture, user, &[("emulator_consent", "decline")]);
    assert_eq!(
        declined.redirected_with("error").as_deref(),
        Some("access_denied")
    );
    assert_eq!(declined.redirected_with("error_subcode"), None);
    let text = declined.redirected_with("error_description");
    assert!(text.is_some_and(|text| text.starts_with("AADSTS65004: ")));
    assert_eq!(fixture.authorize("organizations", &hint(user)).status, 200);
    let accepted = click(&fixture, user, &[("emulator_consent", "accept")]);
    assert!(accepted.redirected_with("code").is_some());
    assert_eq!(fixture.authorize("organizations", &hint(user)).status, 302);
    // The client can ask for it again.
    let again = [("login_hint", user), ("prompt", "consent")];
    let page = fixture.authorize("organizations", &again);
    assert_eq!(page.status, 200, "{page:?}");
    let accept = [("prompt", "consent"), ("emulator_consent", "accept")];
    assert!(
        click(&fixture, user, &accept)
            .redirected_with("code")
            .is_some()
    );
}

#[test]
fn a_link_cannot_contain_a_click() {
    let fixture = Fixture::new();
    for (user, name, value) in [
        ("consent@contoso.example", "emulator_consent", "accept"),
        ("mfa@contoso.example", "emulator_code", "123456"),
    ] {
        let response = fixture.authorize("organizations", &[("login_hint", user), (name, value)]);
        assert_eq!(response.status, 200, "{user} gets the page");
    }
}

#[test]
fn the_admin_consent_page_only_returns_to_the_client() {
    let fixture = Fixture::new();
    let user = "admin-consent@contoso.example";
    let page = fixture.authorize("organizations", &hint(user));
    assert!(page.body.contains("<h1>Need admin approval</h1>"));
    let accepted = click(&fixture, user, &[("emulator_consent", "accept")]);
    assert_eq!(accepted.status, 200, "the page again");
    let back = click(&fixture, user, &[("emulator_cancel", "1")]);
    assert_eq!(
        back.redirected_with("error_subcode").as_deref(),
        Some("cancel")
    );
    let text = back.redirected_with("error_description");
    assert!(text.is_some_and(|text| text.starts_with("AADSTS90094: ")));
}

#[test]
fn a_second_factor_is_a_code_and_a_claim_of_the_token() {
    let fixture = Fixture::new();
    let user = "mfa@contoso.example";
    let page = fixture.authorize("organizations", &hint(user));
    assert!(page.body.contains("<h1>Verify your identity</h1>"));
    for wrong in ["", "000000"] {
        let again = click(&fixture, user, &[("emulator_code", wrong)]);
        assert_eq!(again.status, 400);
        assert!(again.body.contains("role=\"alert\""));
    }
    let right = click(&fixture, user, &[("emulator_code", " 123456 ")]);
    let code = right.redirected_with("code").expect("a code");
    let tokens = fixture.redeem(&code, &[("code_verifier", "")]).json();
    let access = tokens["access_token"].as_str().expect("a token");
    assert_eq!(claims(access)["amr"], serde_json::json!(["pwd", "mfa"]));
}

#[test]
fn renewals_of_ended_sessions_are_refused() {
    let fixture = Fixture::new();
    for (user, number, suberror) in [
        ("expired@contoso.example", 70043, Some("token_expired")),
        ("idle@contoso.example", 700_082, None),
        ("revoked@contoso.example", 50173, Some("bad_token")),
    ] {
        let token = refresh_token(&fixture, &hint(user));
        let refused = fixture.refresh(&token, &[]);
        assert_eq!((refused.status, refused.aadsts()), (400, number), "{user}");
        assert_eq!(refused.error(), "invalid_grant");
        assert_eq!(refused.json()["suberror"].as_str(), suberror, "{user}");
        assert!(refused.json().get("claims").is_none(), "{user}");
        let has_page = refused.json().get("error_uri").is_some();
        assert_eq!(has_page, number != 70043, "{user}");
    }
}

#[test]
fn a_sign_in_with_the_claims_answers_a_challenge() {
    let fixture = Fixture::new();
    for (user, error, number) in [
        ("step-up@contoso.example", "interaction_required", 50076),
        ("moved@contoso.example", "invalid_grant", 53003),
    ] {
        let token = refresh_token(&fixture, &hint(user));
        let refused = fixture.refresh(&token, &[]);
        assert_eq!(
            (refused.error().as_str(), refused.aadsts()),
            (error, number)
        );
        let body = refused.json();
        let challenge = body["claims"]
            .as_str()
            .expect("JSON in a string")
            .to_owned();
        let read: serde_json::Value = serde_json::from_str(&challenge).expect("JSON");
        assert!(read.pointer(CHALLENGE_POINTER).is_some(), "{read}");
        // Without the claims a new sign-in changes nothing.
        let again = refresh_token(&fixture, &hint(user));
        assert_eq!(fixture.refresh(&again, &[]).aadsts(), number);
        let page = fixture.authorize(
            "organizations",
            &[("login_hint", user), ("claims", &challenge)],
        );
        assert!(page.body.contains("<h1>Verify your identity</h1>"));
        let answered = click(
            &fixture,
            user,
            &[("claims", &challenge), ("emulator_code", "123456")],
        );
        let code = answered.redirected_with("code").expect("a code");
        let tokens = fixture.redeem(&code, &[("code_verifier", "")]).json();
        let proved = tokens["refresh_token"].as_str().expect("one");
        assert_eq!(fixture.refresh(proved, &[]).status, 200, "{user}");
    }
}

#[test]
fn tokens_contain_the_clients_capabilities() {
    const ABLE: &str = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;
    let fixture = Fixture::new();
    let capabilities = |response: Answer| {
        let body = response.json();
        claims(body["access_token"].as_str().expect("a token"))["xms_cc"].clone()
    };
    let able = serde_json::json!(["cp1"]);
    assert_eq!(
        capabilities(fixture.redeem(&fixture.code(&[]), &[])),
        serde_json::Value::Null
    );
    assert_eq!(
        capabilities(fixture.redeem(&fixture.code(&[("claims", ABLE)]), &[])),
        able
    );
    assert_eq!(
        capabilities(fixture.redeem(&fixture.code(&[]), &[("claims", ABLE)])),
        able
    );
    let token = refresh_token(&fixture, &[("claims", ABLE)]);
    assert_eq!(
        capabilities(fixture.refresh(&token, &[])),
        serde_json::Value::Null
    );
    assert_eq!(
        capabilities(fixture.refresh(&token, &[("claims", ABLE)])),
        able
    );
    assert_eq!(
        fixture.refresh(&token, &[("claims", "[]")]).aadsts(),
        9_002_313
    );
}

#[test]
fn the_user_agent_completes_every_page_of_a_persona() {
    let fixture = Fixture::new();
    let device = |user: &str| {
        let form = encode(
            &[("client_id", published::CLIENT_ID), ("scope", TEAMS)],
            &[],
        );
        let codes = fixture.send(
            "POST",
            "/contoso.example/oauth2/v2.0/devicecode",
            "Content-Type: application/x-www-form-urlencoded\r\n",
            &form,
        );
        let code = codes.json()["user_code"]
            .as_str()
            .expect("a code")
            .to_owned();
        UserAgent::new(Some(user.to_owned()))
            .typing(code)
            .browse(&fixture.emulator.device_page())
            .expect("the sign-in completes")
    };
    for (user, end) in [
        ("consent@contoso.example", "You have signed in"),
        ("mfa@contoso.example", "You have signed in"),
        ("step-up@contoso.example", "You have signed in"),
        ("admin-consent@contoso.example", "You declined"),
        ("blocked@contoso.example", "AADSTS53003"),
    ] {
        let page = device(user);
        assert!(page.html.contains(end), "{user}: {}", page.html);
    }
}

#[test]
fn every_persona_is_on_the_sign_in_page_and_the_front_page() {
    let fixture = Fixture::new();
    let page = fixture
        .authorize("contoso.example", &[("login_hint", "")])
        .body;
    let front = fixture.get("/").body;
    let personas = fixture.emulator.personas();
    assert_eq!(personas.len(), 15);
    for (user, note) in personas {
        assert!(front.contains(user) && front.contains(note), "{user}");
        assert_eq!(
            page.contains(user),
            user.ends_with("contoso.example"),
            "{user}"
        );
    }
    assert!(page.find("ada@contoso.example") < page.find("<summary>"));
}
