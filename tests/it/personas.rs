//! The emulator's test users for error cases: the command's messages for each.

use crate::harness::{Home, Run, TestBrowser};

fn login(home: &Home, user: &str, browser: &std::sync::Arc<TestBrowser>) -> Run {
    home.call(&["login", "--account", user]).by(browser).run()
}

#[test]
fn consent_or_second_factor_completes_the_sign_in() {
    let (home, _emulator) = Home::with_emulator();
    for user in ["consent@contoso.example", "mfa@contoso.example"] {
        let run = login(&home, user, &TestBrowser::walking());
        run.assert_code(0)
            .assert_says(&[&format!("Signed in as {user}.")]);
    }
}

#[test]
fn a_consent_that_is_declined_is_named() {
    let (home, _emulator) = Home::with_emulator();
    let run = login(&home, "consent@contoso.example", &TestBrowser::cancelling());
    run.assert_error(
        3,
        &[
            "AADSTS65004",
            "the consent was declined",
            "accept",
            "trace id ",
        ],
    );
}

#[test]
fn missing_consent_of_an_admin_names_the_message_to_send() {
    let (home, _emulator) = Home::with_emulator();
    let user = "admin-consent@contoso.example";
    let run = login(&home, user, &TestBrowser::walking());
    run.assert_error(
        3,
        &["AADSTS90094", "only an admin can grant", "acspass setup"],
    );
}

#[test]
fn sign_in_that_ends_on_an_error_page_times_out_with_the_usual_causes() {
    let (home, _emulator) = Home::with_emulator();
    let browser = TestBrowser::walking();
    let words = ["login", "--account=blocked@contoso.example", "--timeout=1s"];
    let run = home.call(&words).by(&browser).run();
    run.assert_error(
        3,
        &[
            "sign-in timed out",
            "client id or the tenant is wrong (AADSTS700016)",
            "not assigned to the application (AADSTS50105) or is disabled (AADSTS50057)",
            "Conditional Access policy blocks",
        ],
    );
    assert!(run.pages[0].html.contains("AADSTS53003: "));
}

#[test]
fn a_session_that_has_ended_needs_a_sign_in_and_says_why() {
    let (home, _emulator) = Home::with_keyring();
    for (user, code) in [
        ("expired@contoso.example", "AADSTS70043"),
        ("idle@contoso.example", "AADSTS700082"),
        ("revoked@contoso.example", "AADSTS50173"),
        ("moved@contoso.example", "AADSTS53003"),
    ] {
        let browser = TestBrowser::walking();
        let words = ["login", "--account", user];
        home.call(&words).by(&browser).spawn().end().assert_code(0);
        home.real(&["get"]).token();
        let refused = home.real(&["get", "--force-refresh", "--no-interactive"]);
        refused.assert_error(4, &[code, "caused by: Entra says: "]);
    }
}
