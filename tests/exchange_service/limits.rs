//! The limits of users and of the resource, and outages of other systems.

use std::time::Duration;

use acspass::emulator::{Emulator, Fault, FaultKind, Options, RateLimits, Route};
use acspass::time::{Clock as _, SystemClock};
use serde_json::json;

use crate::harness::{Response, Service, acs_token, own_token, own_token_of, with_claims};

fn emulator() -> Emulator {
    Emulator::start(Options::default()).expect("an emulator")
}

/// Returns distinct tokens of one user for ACS.
fn subjects(emulator: &Emulator, count: usize) -> Vec<String> {
    let claims = (0..count).map(|number| json!({"uti": format!("token-{number}")}));
    claims.map(|claims| with_claims(emulator, claims)).collect()
}

/// Returns the seconds of `Retry-After`.
#[track_caller]
fn pause(response: &Response) -> u64 {
    let pause = response.header("retry-after").expect("a pause");
    pause.parse().expect("a number")
}

#[test]
fn a_user_is_limited_and_another_one_is_not() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[("ACSPASS_EXCHANGE_USER_RATE", "12,3")]);
    let bearer = own_token(&emulator);
    let subjects = subjects(&emulator, 4);
    for subject in &subjects[..3] {
        assert_eq!(service.exchange(&bearer, subject).status, 200);
    }
    let limited = service.exchange(&bearer, &subjects[3]);
    assert_eq!(limited.status, 429, "{}", limited.body);
    assert_eq!(service.audit(&limited)["reason"], "user_limit");
    let pause = pause(&limited);
    assert!((1..=5).contains(&pause), "{pause}");
    assert_eq!(
        service.exchange(&bearer, &subjects[0]).status,
        200,
        "from memory"
    );
    let ben = Some("ben@contoso.example");
    let acs =
        json!({"aud": "https://auth.msft.communication.azure.com", "scp": "Teams.ManageCalls"});
    let subject = own_token_of(&emulator, ben, acs);
    let other = service.exchange(&own_token_of(&emulator, ben, json!({})), &subject);
    assert_eq!(other.status, 200, "{}", other.body);
}

#[test]
fn the_resource_never_gets_more_requests_than_the_budget() {
    let emulator = emulator();
    emulator.set_rate_limits(Some(RateLimits {
        exchange: 4,
        ..RateLimits::default()
    }));
    let settings = [
        ("ACSPASS_EXCHANGE_BUDGET", "8"),
        ("ACSPASS_EXCHANGE_REPLICAS", "2"),
        ("ACSPASS_EXCHANGE_USER_RATE", "600,600"),
    ];
    let service = Service::start(&emulator, &settings);
    let ready = service.get("/readyz").json();
    assert_eq!(ready["checks"]["budget"]["source"], "fixed");
    assert_eq!(ready["checks"]["budget"]["share"], 4);
    let bearer = own_token(&emulator);
    let mut accepted = 0;
    for subject in subjects(&emulator, 9) {
        let response = service.exchange(&bearer, &subject);
        match response.status {
            200 => accepted += 1,
            429 => {
                assert_eq!(service.audit(&response)["reason"], "budget");
                let pause = pause(&response);
                assert!((1..=38).contains(&pause), "a window and a quarter: {pause}");
            }
            _ => panic!("{}", response.body),
        }
    }
    assert_eq!((accepted, emulator.count("exchange")), (4, 4));
    assert_eq!(
        service.figure("acspass_exchange_budget_remaining"),
        Some(0.0)
    );
}

#[test]
fn what_the_budget_refuses_is_no_request_of_the_user() {
    let emulator = emulator();
    let settings = [
        ("ACSPASS_EXCHANGE_BUDGET", "1"),
        ("ACSPASS_EXCHANGE_USER_RATE", "1,2"),
    ];
    let service = Service::start(&emulator, &settings);
    let bearer = own_token(&emulator);
    let subjects = subjects(&emulator, 6);
    assert_eq!(service.exchange(&bearer, &subjects[0]).status, 200);
    for subject in &subjects[1..] {
        let refused = service.exchange(&bearer, subject);
        assert_eq!(refused.status, 429, "{}", refused.body);
        assert_eq!(service.audit(&refused)["reason"], "budget");
    }
    assert_eq!(emulator.count("exchange"), 1);
}

#[test]
fn failures_of_the_resource_are_named_and_cost_one_request_each() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[("ACSPASS_EXCHANGE_USER_RATE", "600,600")]);
    let bearer = own_token(&emulator);
    let missing = FaultKind::MissingField("expiresOn".to_owned());
    let answer = |status, retry_after: Option<&str>| FaultKind::Status {
        status,
        retry_after: retry_after.map(str::to_owned),
        content_type: "application/json".to_owned(),
        body: r#"{"error":{"code":"Busy","message":"slow"}}"#.to_owned(),
    };
    let date = SystemClock.now().plus(Duration::from_secs(3600));
    let date = date.to_http_date();
    let failures = [
        (FaultKind::Drop, 503, "resource_unavailable", 2..=2),
        (
            FaultKind::DropAfterHandling,
            503,
            "resource_unavailable",
            2..=2,
        ),
        (missing, 503, "resource_unavailable", 2..=2),
        (answer(429, Some("7")), 429, "resource_limit", 7..=7),
        (answer(429, Some(&date)), 429, "resource_limit", 3500..=3600),
        (answer(429, None), 429, "resource_limit", 30..=30),
        (
            answer(503, Some("20")),
            503,
            "resource_unavailable",
            20..=20,
        ),
        (answer(404, None), 503, "resource_unexpected", 2..=2),
        (
            FaultKind::Status {
                status: 500,
                retry_after: None,
                content_type: "text/html".to_owned(),
                body: "<html>".to_owned(),
            },
            503,
            "resource_unavailable",
            2..=2,
        ),
    ];
    for (number, subject) in subjects(&emulator, failures.len()).iter().enumerate() {
        let (what, status, reason, expected) = failures[number].clone();
        emulator.add_fault(Fault {
            route: Route::Exchange,
            times: Some(1),
            what,
        });
        let response = service.exchange(&bearer, subject);
        assert_eq!(response.status, status, "{reason}: {}", response.body);
        assert_eq!(service.audit(&response)["reason"], reason);
        let pause = pause(&response);
        assert!(expected.contains(&pause), "{reason}: {pause}");
        let again = service.exchange(&bearer, subject);
        assert_eq!(again.status, 200, "a retry resolves it: {}", again.body);
    }
    let requests = emulator.requests();
    let count = requests
        .iter()
        .filter(|request| request.path.contains("teamsUser"))
        .count();
    assert_eq!(count, failures.len() * 2, "one request for each response");
}

#[test]
fn keys_that_are_unavailable_are_the_reason_until_they_are_fetched() {
    let emulator = emulator();
    for _ in 0..2 {
        emulator.add_fault(Fault {
            route: Route::Keys,
            times: None,
            what: FaultKind::Status {
                status: 503,
                retry_after: None,
                content_type: "text/plain".to_owned(),
                body: String::new(),
            },
        });
    }
    let service = Service::start_unready(&emulator, &[]);
    let (bearer, subject) = (own_token(&emulator), acs_token(&emulator));
    let response = service.exchange(&bearer, &subject);
    assert_eq!(response.status, 503, "{}", response.body);
    assert_eq!(service.audit(&response)["reason"], "keys_unavailable");
    assert_eq!(service.get("/livez").status, 200);
    assert_eq!(service.get("/startupz").status, 503);
    let ready = service.get("/readyz");
    assert_eq!(
        (ready.status, ready.json()["checks"]["signingKeys"].clone()),
        (503, json!("unavailable"))
    );
    emulator.clear_faults();
    crate::harness::until("the keys are fetched", || {
        std::thread::sleep(Duration::from_millis(200));
        Some(()).filter(|()| service.exchange(&bearer, &subject).status == 200)
    });
    assert_eq!(service.get("/readyz").status, 200);
}

#[test]
fn known_keys_are_used_during_an_outage_of_the_authority() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let subject = acs_token(&emulator);
    emulator.add_fault(Fault {
        route: Route::Keys,
        times: None,
        what: FaultKind::Drop,
    });
    assert_eq!(
        service.exchange(&own_token(&emulator), &subject).status,
        200
    );
    emulator.rotate_keys(false);
    let response = service.exchange(&own_token(&emulator), &subject);
    assert_eq!(
        (response.status, service.audit(&response)["reason"].clone()),
        (503, json!("keys_unavailable"))
    );
    assert_eq!(service.get("/readyz").status, 200, "old keys are in use");
}

#[test]
fn a_new_process_without_a_database_waits_for_its_share() {
    let emulator = emulator();
    let real_wait = [("ACSPASS_EXCHANGE_TEST_FIRST_WAIT", "")];
    let service = Service::start_unready(&emulator, &real_wait);
    crate::harness::until("the keys are fetched", || {
        let checks = service.get("/readyz").json()["checks"].clone();
        Some(()).filter(|()| checks["signingKeys"] == "ok")
    });
    let ready = service.get("/readyz");
    assert_eq!(
        ready.status, 503,
        "an earlier process may have used the share"
    );
    assert_eq!(ready.json()["checks"]["budget"]["source"], "none");
    let response = service.exchange(&own_token(&emulator), &acs_token(&emulator));
    assert_eq!((response.status, emulator.count("exchange")), (429, 0));
}

#[test]
fn a_pause_before_the_first_share_is_the_time_until_it() {
    let emulator = emulator();
    let wait = [("ACSPASS_EXCHANGE_TEST_FIRST_WAIT", "20s")];
    let service = Service::start_unready(&emulator, &wait);
    crate::harness::until("the keys are fetched", || {
        let checks = service.get("/readyz").json()["checks"].clone();
        Some(()).filter(|()| checks["signingKeys"] == "ok")
    });
    let response = service.exchange(&own_token(&emulator), &acs_token(&emulator));
    assert_eq!(response.status, 429, "{}", response.body);
    let pause = pause(&response);
    assert!((1..=25).contains(&pause), "20 s and a quarter: {pause}");
}
