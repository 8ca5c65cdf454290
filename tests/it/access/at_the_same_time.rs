//! Two changes of one assignment at the same time: a change that another one replaced is made again.

use acspass::emulator::{Emulator, Fault, FaultKind, Route};
use serde_json::{Value, json};

use super::{APP, ONE, owner, values};
use crate::harness::{Home, Run};

const OTHER: &str = "cccccccc-0000-4000-8000-000000000002";

/// Answers one request for an assignment as the service does after another program's change.
fn answers(emulator: &Emulator, status: u16, body: &Value, times: u32) {
    emulator.add_fault(Fault {
        route: Route::Assignments,
        times: Some(times),
        what: FaultKind::Status {
            status,
            retry_after: None,
            content_type: "application/json".to_owned(),
            body: body.to_string(),
        },
    });
}

/// The assignment that another program wrote.
fn other(emulator: &Emulator) -> Value {
    json!({
        "objectId": ONE, "tenantId": emulator.tenant_id(), "principalType": "user",
        "clientIds": [OTHER],
    })
}

fn absent() -> Value {
    json!({"error": {"code": "NotFound", "message": "no assignment"}})
}

fn grant(home: &Home, more: &[&str]) -> Run {
    home.run(
        &[
            &["access", "grant", ONE, "--client-id", APP, "-o", "json"],
            more,
        ]
        .concat(),
    )
}

fn listed(home: &Home) -> Vec<Value> {
    values(&home.run(&["access", "list", ONE, "-o", "json"]).json())
}

#[test]
fn grant_that_another_one_replaced_is_written_again_with_both_applications() {
    let (home, emulator) = owner("entra");
    // The answers of a service in which the other program writes directly after this one.
    answers(&emulator, 404, &absent(), 1);
    answers(&emulator, 201, &other(&emulator), 1);
    answers(&emulator, 200, &other(&emulator), 1);
    let run = grant(&home, &[]);
    let granted = run.assert_code(0).json()["granted"][0].clone();
    assert_eq!(granted["change"], "created");
    assert_eq!(granted["clientIds"], json!([OTHER, APP]));
    assert_eq!(listed(&home)[0]["clientIds"], json!([OTHER, APP]));
}

#[test]
fn grant_that_is_replaced_each_time_is_an_error() {
    let (home, emulator) = owner("entra");
    answers(&emulator, 200, &other(&emulator), 1000);
    let run = grant(&home, &[]);
    run.assert_code(5);
    run.assert_says(&[
        "does not have the change that was written",
        "Run the command again.",
    ]);
    let puts = emulator.requests();
    let puts = puts
        .iter()
        .filter(|request| request.method == "PUT")
        .count();
    assert_eq!(puts, 3);
}

#[test]
fn revocation_that_another_change_undid_is_repeated() {
    let (home, emulator) = owner("entra");
    for client_ids in [&[][..], &["--client-id", OTHER]] {
        // Another program, which had read the assignment before, writes it again.
        let words = ["access", "grant", ONE, "--client-id", OTHER];
        home.run(&words).assert_code(0);
        answers(&emulator, 200, &other(&emulator), 1);
        answers(&emulator, 204, &Value::Null, 1);
        answers(&emulator, 200, &other(&emulator), 1);
        let words = [&["access", "revoke", ONE, "-o", "json"], client_ids].concat();
        let run = home.run(&words);
        let revoked = run.assert_code(0).json()["revoked"][0].clone();
        assert_eq!(revoked["change"], "deleted");
        assert_eq!(listed(&home), Vec::<Value>::new(), "{client_ids:?}");
    }
    for _ in 0..3 {
        answers(&emulator, 200, &other(&emulator), 1);
        answers(&emulator, 204, &Value::Null, 1);
    }
    answers(&emulator, 200, &other(&emulator), 1);
    home.run(&["access", "revoke", ONE])
        .assert_error(5, &["does not have the change that was written"]);
}
