//! What the service refuses, and hosts that may not get a token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::fake::{FakeService, refusal, response, token};
use super::{SCOPE, claims, home, sign_in};
use crate::harness::TestBrowser;

#[test]
fn each_refusal_has_its_exit_code_and_next_step() {
    let now = "Retry-After: 0\r\n";
    for (answer, code, words) in [
        (refusal(400, "", "invalid_request"), 5, "on-behalf-of"),
        (refusal(400, "", "invalid_grant"), 5, "Teams.ManageCalls"),
        (
            refusal(401, "", "invalid_token"),
            5,
            "exchange-service-scope",
        ),
        (
            refusal(403, "", "insufficient_scope"),
            5,
            "has no scope of the exchange service",
        ),
        (
            refusal(403, "", "unauthorized_client"),
            5,
            "ACSPASS_EXCHANGE_CLIENTS",
        ),
        (refusal(403, "", "access_denied"), 5, "refuses this user"),
        (
            refusal(429, now, "temporarily_unavailable"),
            6,
            "accepts no more requests",
        ),
        (
            refusal(503, now, "temporarily_unavailable"),
            6,
            "is unavailable",
        ),
        (
            response(404, "", "{}"),
            6,
            "HTTP status 404 in another format",
        ),
        (
            response(200, "", "{}"),
            6,
            "a response that is not a token response",
        ),
    ] {
        let told = answer.clone();
        let service = FakeService::start(move |_| told.clone());
        let (home, _emulator) = home(&service.url, "");
        sign_in(&home, &["login"]);
        let run = home.run(&["get"]);
        run.assert_error(code, &[words]);
        let tries = if code == 6 && answer.contains(now) {
            4
        } else {
            1
        };
        assert_eq!(service.arrived().len(), tries, "{answer}");
        if answer.contains("The reason.") {
            run.assert_says(&["the service says: The reason."]);
            let json = home.run(&["get", "-o", "json"]).json_error();
            assert_eq!(json["correlationId"], "r-1", "{json}");
        }
    }
}

#[test]
fn a_cached_token_outlasts_an_outage_of_the_service() {
    let service = FakeService::start(|number| match number {
        1 => token(number),
        _ => refusal(503, "Retry-After: 0\r\n", "temporarily_unavailable"),
    });
    let (home, _emulator) = home(&service.url, "");
    sign_in(&home, &["login"]);
    let first = home.run(&["get"]).token();
    let run = home.run(&["get", "--min-validity", "2h"]);
    assert_eq!(run.token(), first);
    run.assert_says(&["is unavailable", "using the cached token"]);
}

#[test]
fn a_challenge_renews_both_tokens_with_its_claims() {
    let claims_text = r#"{"access_token":{"nbf":{"essential":true,"value":"1"}}}"#;
    let header = format!(
        "WWW-Authenticate: Bearer error=\"insufficient_claims\", claims=\"{}\"\r\n",
        STANDARD.encode(claims_text)
    );
    let service = FakeService::start(move |number| match number {
        1 => refusal(401, &header, "insufficient_claims"),
        _ => token(number),
    });
    let (home, emulator) = home(&service.url, "");
    sign_in(&home, &["login"]);
    home.run(&["get"]).token();
    let [first, second] = &service.arrived()[..] else {
        panic!("two requests: {:?}", service.arrived());
    };
    assert_ne!(first.bearer, second.bearer);
    assert_ne!(first.form["subject_token"], second.form["subject_token"]);
    assert_eq!(claims(&second.bearer)["oid"], claims(&first.bearer)["oid"]);
    assert_eq!(emulator.count("refresh_token"), 3);
}

#[test]
fn no_token_is_sent_to_a_host_that_the_profile_does_not_allow() {
    for (service, settings, code, words) in [
        (
            "https://exchange.contoso.example",
            "",
            2,
            "config set allow-endpoint exchange.contoso.example",
        ),
        (
            "http://exchange.contoso.example",
            "",
            2,
            "uses http, which is allowed for loopback hosts only",
        ),
        (
            "https://contoso.communication.azure.com",
            "",
            2,
            "does not allow the exchange service",
        ),
    ] {
        let (home, emulator) = home(service, settings);
        let run = home
            .call(&["get", "--interactive"])
            .by(&TestBrowser::never())
            .run();
        run.assert_error(code, &[words]);
        assert_eq!(emulator.count("authorization_code"), 0);
    }
}

#[test]
fn missing_settings_of_the_service_are_named() {
    let (home, _emulator) = home("https://exchange.contoso.example", "");
    for (text, words) in [
        ("", "the settings of the exchange service are missing"),
        (
            "exchange-service = \"https://exchange.contoso.example\"\n",
            "no scope of the exchange service is configured",
        ),
    ] {
        home.configure(&format!(
            "[profile.default]\nexchange = \"service\"\n{text}"
        ));
        home.run(&["get"]).assert_error(2, &[words]);
    }
    home.configure("");
    for (key, value) in [
        ("exchange-service", "exchange"),
        (
            "exchange-service-scope",
            "https://graph.microsoft.com/User.Read",
        ),
        ("on-behalf-of", "perhaps"),
    ] {
        home.run(&["config", "set", key, value]).assert_code(2);
    }
    home.run(&["config", "set", "exchange-service-scope", SCOPE])
        .assert_code(0);
}
