//! The selection of faults: by header, by caller, by probability.

use super::super::harness::{Fixture, REDIRECT, TEAMS, claims, encode, published};
use super::requests::Caller;
use crate::Kind;
use crate::emulator::{FaultSelection, Options, Route, Seed};

fn header(fixture: &Fixture, route: Route, value: &str) -> u16 {
    let line = format!("X-Acspass-Fault: {value}\r\n");
    Caller::with_header(fixture, route, &line)
        .send()
        .answer
        .status
}

#[test]
fn a_fault_of_the_header_affects_its_request_only() {
    let fixture = Fixture::new();
    assert_eq!(header(&fixture, Route::Metadata, "throttled"), 429);
    assert_eq!(
        Caller::new(&fixture, Route::Metadata).send().answer.status,
        200
    );
    let both = "gzip, date-ahead;seconds=3600";
    let caller = Caller::with_header(
        &fixture,
        Route::Keys,
        &format!("X-Acspass-Fault: {both}\r\n"),
    );
    let answer = caller.send().answer;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert_ne!(
        answer.header("date"),
        Caller::new(&fixture, Route::Keys)
            .send()
            .answer
            .header("date")
    );
    assert!(fixture.emulator.faults().is_empty());
}

#[test]
fn a_fault_of_an_authorize_form_is_redirected() {
    let fixture = Fixture::new();
    let form = encode(
        &[
            ("client_id", published::CLIENT_ID),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("scope", TEAMS),
            ("state", "a state"),
        ],
        &[],
    );
    let headers =
        "Content-Type: application/x-www-form-urlencoded\r\nX-Acspass-Fault: mfa-required\r\n";
    let target = "/organizations/oauth2/v2.0/authorize";
    let answer = fixture.send("POST", target, headers, &form);
    let error = answer.redirected_with("error");
    assert_eq!(
        (answer.status, error.as_deref()),
        (303, Some("interaction_required"))
    );
    assert_eq!(answer.redirected_with("state").as_deref(), Some("a state"));
}

#[test]
fn a_fault_of_the_header_for_another_route_has_no_effect() {
    let fixture = Fixture::new();
    let value = "throttled;route=token";
    assert_eq!(header(&fixture, Route::Metadata, value), 200);
    assert_eq!(header(&fixture, Route::Token, value), 429);
}

#[test]
fn a_header_that_is_not_valid_is_refused_and_nothing_is_executed() {
    let fixture = Fixture::new();
    for (value, words) in [
        ("throtled", "throttled-until"),
        ("gzip, throtled", "throttled-until"),
        ("scope-list", "has the routes token"),
        ("gzip;route=tokens", "managed-identity"),
        ("gzip;seconds=1", "has no parameter"),
        ("latency;milliseconds=soon", "whole number"),
        ("\u{e4}", "ASCII"),
    ] {
        let line = format!("X-Acspass-Fault: {value}\r\n");
        let answer = Caller::with_header(&fixture, Route::Identities, &line)
            .send()
            .answer;
        assert_eq!(answer.status, 400, "{value}");
        assert_eq!(answer.json()["error"]["code"], "InvalidFault", "{value}");
        assert!(answer.body.contains(words), "{value}: {}", answer.body);
    }
    let line = "X-Acspass-Fault: denied\r\n";
    let page = fixture.send("GET", "/", line, "");
    assert_eq!(page.status, 400, "a page has no faults");
    assert_eq!(fixture.emulator.count("create_identity"), 0);
}

#[test]
fn a_fault_of_one_user_affects_that_users_requests_only() {
    let fixture = Fixture::new();
    let (ada, ben) = ("ada@contoso.example", "ben@contoso.example");
    let select = |name: &str, route| {
        let selected = fixture.emulator.select_fault(FaultSelection {
            user: Some(ben.to_owned()),
            route: Some(route),
            probability: Some(1.0),
            ..FaultSelection::named(name)
        });
        selected.expect("valid")
    };
    let refreshed = |user: &str| {
        let redeemed = fixture.redeem(&fixture.code(&[("login_hint", user)]), &[]);
        let token = redeemed.json()["refresh_token"].as_str().map(str::to_owned);
        fixture.refresh(&token.expect("a token"), &[]).status
    };
    let revoked = select("mfa-required", Route::Authorize);
    let sent = |user| fixture.authorize("common", &[("login_hint", user)]);
    assert!(sent(ben).redirected_with("error").is_some());
    assert!(sent(ada).redirected_with("code").is_some());
    assert!(fixture.emulator.remove_fault(revoked));

    let at_token = fixture.code(&[("login_hint", ben)]);
    let of_ben = fixture.entra_token(ben, TEAMS);
    select("session-revoked", Route::Token);
    assert_eq!(fixture.redeem(&at_token, &[]).status, 400, "by the code");
    assert_eq!(refreshed(ada), 200);
    fixture.emulator.clear_faults();
    let token = fixture
        .redeem(&fixture.code(&[("login_hint", ben)]), &[])
        .json();
    let token = token["refresh_token"].as_str().expect("a token").to_owned();
    select("session-revoked", Route::Token);
    assert_eq!(
        fixture.refresh(&token, &[]).aadsts(),
        50173,
        "by the refresh token"
    );

    select("licence-missing", Route::Exchange);
    let exchange = |token: &str, user: &str| {
        let body = serde_json::json!({
            "token": token,
            "appId": fixture.emulator.client_id(),
            "userId": user,
        });
        fixture.exchange(&body.to_string(), |_| {}).status
    };
    let second = "ac5ba55e-05e4-4000-8000-000000000002";
    assert_eq!(exchange(&of_ben, second), 403, "by the Entra token");
    let of_ada = fixture.entra_token(ada, TEAMS);
    assert_eq!(exchange(&of_ada, fixture.emulator.object_id()), 200);
}

#[test]
fn a_fault_of_one_client_affects_that_clients_requests_only() {
    let fixture = Fixture::new();
    for (client, status) in [("another", 200), (fixture.emulator.client_id(), 503)] {
        fixture.emulator.clear_faults();
        let selected = fixture.emulator.select_fault(FaultSelection {
            client_id: Some(client.to_owned()),
            ..FaultSelection::named("service-unavailable")
        });
        selected.expect("valid");
        let answer = Caller::new(&fixture, Route::Device).send().answer;
        assert_eq!(answer.status, status, "{client}");
    }
}

#[test]
fn the_same_seed_and_requests_have_the_same_faults() {
    let faults = |seed| {
        let fixture = Fixture::with(Options {
            fault_seed: seed,
            ..Options::default()
        });
        let selected = fixture.emulator.select_fault(FaultSelection {
            probability: Some(0.5),
            ..FaultSelection::named("throttled")
        });
        selected.expect("valid");
        let caller = Caller::new(&fixture, Route::Keys);
        let seen: Vec<u16> = (0..40).map(|_| caller.send().answer.status).collect();
        (fixture.emulator.fault_seed(), seen)
    };
    let (seed, first) = faults(None);
    assert!(first.contains(&200) && first.contains(&429), "{first:?}");
    assert_eq!(faults(Some(seed)), (seed, first.clone()));
    assert_ne!(faults(Some(seed ^ 1)).1, first);
}

#[test]
fn a_wrong_selection_is_a_usage_error() {
    let fixture = Fixture::new();
    let error = fixture.emulator.select_fault(FaultSelection::named("x"));
    assert_eq!(error.expect_err("unknown").kind(), Kind::Usage);
    assert!(fixture.emulator.faults().is_empty());
}

#[test]
fn the_faults_of_a_seeds_user_affect_each_request_of_that_user_only() {
    let seed = "[[users]]\nusername = \"ada@contoso.example\"\n\n[[users]]\n\
                username = \"late@contoso.example\"\n\
                faults = [\"expires-in-text\", \"licence-missing\"]\n";
    let fixture = Fixture::with(Options {
        seed: Seed::parse(seed).expect("a valid seed"),
        ..Options::default()
    });
    let sign_in = |user| {
        let redeemed = fixture.redeem(&fixture.code(&[("login_hint", user)]), &[]);
        let tokens = redeemed.json();
        let token = tokens["access_token"].as_str().expect("a token");
        let body = serde_json::json!({
            "token": token,
            "appId": fixture.emulator.client_id(),
            "userId": claims(token)["oid"],
        });
        let exchanged = fixture.exchange(&body.to_string(), |_| {});
        (tokens["expires_in"].is_string(), exchanged.status)
    };
    for _ in 0..2 {
        assert_eq!(sign_in("late@contoso.example"), (true, 403));
        assert_eq!(sign_in("ada@contoso.example"), (false, 200));
    }
    assert!(fixture.emulator.faults().is_empty(), "none is stored");
}
