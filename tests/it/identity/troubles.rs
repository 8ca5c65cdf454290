//! When the resource is busy, breaks off or has had enough: what is tried again, and what is said.

use std::sync::Arc;
use std::time::Duration;

use acspass::Kind;
use acspass::acs::TokenScope;
use acspass::emulator::{Fault, FaultKind, RateLimits, Route};

use super::{block_on, client, client_waiting, emulator, fault};
use crate::harness::Deadline;
use crate::harness::Home;

/// Our own wait; whoever waits so long hangs.
const FOR_EVER: Duration = Duration::from_secs(3600);

#[test]
fn after_429_the_services_own_wait_counts_and_not_ours() {
    let emulator = emulator();
    emulator.add_fault(fault(429, Some("0"), Some(3)));
    let client = client_waiting(&emulator, FOR_EVER);
    block_on(client.create_user()).unwrap();
    assert_eq!(emulator.count("fault"), 3);
    assert_eq!(emulator.count("create_identity"), 1);
}

#[test]
fn a_rate_limit_is_waited_out_by_the_command() {
    let (home, emulator) = Home::with_emulator();
    emulator.set_rate_limits(Some(RateLimits {
        window: Duration::from_secs(1),
        create: 1,
        ..RateLimits::default()
    }));
    let run = home.run(&["user", "create", "--count", "2"]);
    run.assert_code(0);
    assert_eq!(run.stdout.lines().count(), 2);
    let statuses: Vec<u16> = emulator
        .requests()
        .iter()
        .map(|entry| entry.status)
        .collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 2);
}

#[test]
fn what_stays_busy_is_unreachable_after_four_tries() {
    let emulator = emulator();
    for status in [429, 500, 503] {
        emulator.clear_faults();
        emulator.add_fault(fault(status, None, None));
        let before = emulator.count("fault");
        let id = super::user(&emulator.foreign_identity());
        let error = block_on(client(&emulator).revoke_tokens(&id)).unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.message().contains(&status.to_string()));
        assert_eq!(error.code(), Some("Busy"), "the service's own code is kept");
        assert_eq!(emulator.count("fault") - before, 4);
        assert!(!error.hint().contains("unknown id"), "nothing was created");
    }
}

#[test]
fn a_refusal_is_not_tried_again() {
    let emulator = emulator();
    emulator.add_fault(fault(403, Some("0"), None));
    let error = block_on(client(&emulator).create_user()).unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert_eq!(emulator.count("fault"), 1);
    assert!(!error.hint().contains("unknown id"), "{}", error.hint());
}

#[test]
fn a_create_that_fails_after_retries_says_that_an_identity_may_be_left_over() {
    let emulator = emulator();
    emulator.add_fault(fault(503, None, None));
    let client = client(&emulator);
    let plain = block_on(client.create_user()).unwrap_err();
    let token = block_on(client.create_user_with_token(&[TokenScope::Chat], None)).unwrap_err();
    for error in [plain, token] {
        assert_eq!(error.kind(), Kind::Unreachable);
        let hint = error.hint();
        assert!(
            hint.contains("an identity with an unknown id may exist"),
            "{hint}"
        );
    }
}

#[test]
fn create_that_was_sent_twice_warns_of_an_unknown_identity() {
    let (home, emulator) = Home::with_emulator();
    emulator.add_fault(Fault {
        route: Route::Identities,
        times: Some(1),
        what: FaultKind::DropAfterHandling,
    });
    let run = home.call(&["user", "create"]).plainly().run();
    run.assert_code(0)
        .assert_says(&["warning: ", "after 2 tries", "unknown id may exist"]);
    let number = format!("8:acs:{}_00000002-", emulator.resource_id());
    assert!(
        run.stdout.starts_with(&number),
        "the first one is an orphan"
    );

    let run = home.call(&["user", "create"]).plainly().run();
    run.assert_code(0).assert_does_not_say("unknown id");
}

#[test]
fn a_call_that_is_dropped_is_given_up_and_the_client_goes_on() {
    let emulator = emulator();
    emulator.add_fault(Fault {
        route: Route::Identities,
        times: Some(1),
        what: FaultKind::Hang,
    });
    let client = Arc::new(client(&emulator));
    block_on(async {
        let task = {
            let client = client.clone();
            tokio::spawn(async move { client.create_user().await })
        };
        let deadline = Deadline::start();
        while emulator.requests().is_empty() {
            deadline.pass("the request arrives");
            tokio::task::yield_now().await;
        }
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        client.create_user().await.unwrap();
    });
    assert_eq!(emulator.count("create_identity"), 1);
}

#[test]
fn an_answer_that_is_not_the_services_own_is_unreachable() {
    let (home, emulator) = Home::with_emulator();
    let other_format = "in another format than the service's";
    for (status, content_type, body, words) in [
        (
            200,
            "text/html",
            "<html>sign in to this network</html>",
            "returned a web page (200)",
        ),
        (201, "application/json", "{\"identity\":{}}", other_format),
        (
            201,
            "application/json",
            "{\"identity\":{\"id\":\"4:+123\"}}",
            "returned",
        ),
        (
            404,
            "text/html",
            "<html>no such page</html>",
            "returned a web page (404)",
        ),
    ] {
        emulator.clear_faults();
        emulator.add_fault(Fault {
            route: Route::Identities,
            times: None,
            what: FaultKind::Status {
                status,
                retry_after: None,
                content_type: content_type.to_owned(),
                body: body.to_owned(),
            },
        });
        home.run(&["user", "create"]).assert_error(6, &[words]);
    }
}
