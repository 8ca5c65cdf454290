//! The faults of the services.

use serde_json::{Value, json};

use super::{CHANGE, change, error, show};
use crate::emulator::tests::harness::Fixture;

const METADATA: &str = "/organizations/v2.0/.well-known/openid-configuration";

fn add(fixture: &Fixture, fault: &Value) -> u64 {
    let added = change(fixture, "POST", "/faults", fault);
    assert_eq!(added.status, 200, "{}", added.body);
    added.json()["id"].as_u64().expect("an id")
}

fn delete(fixture: &Fixture, path: &str) -> u16 {
    let target = format!("/_emulator/v1{path}");
    fixture.send("DELETE", &target, CHANGE, "").status
}

#[test]
fn a_fault_is_added_listed_and_ends() {
    let fixture = Fixture::new();
    let fault =
        json!({"name": "throttled", "route": "metadata", "times": 2, "parameters": {"seconds": 9}});
    let id = add(&fixture, &fault);
    let answer = fixture.get(METADATA);
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (429, Some("9"))
    );
    let listed = show(&fixture, "/faults").json();
    let mut expected = fault;
    expected["id"] = id.into();
    expected["left"] = 1.into();
    expected["affected"] = 1.into();
    assert_eq!(listed["faults"], json!([expected]));
    assert_eq!(listed["seed"], fixture.emulator.fault_seed());
    assert!(
        listed["catalogue"]
            .as_array()
            .is_some_and(|all| all.len() > 50)
    );
    assert_eq!(fixture.get(METADATA).status, 429);
    assert_eq!(fixture.get(METADATA).status, 200);
    assert_eq!(show(&fixture, "/faults").json()["faults"], json!([]));
}

#[test]
fn one_fault_or_all_faults_are_deleted() {
    let fixture = Fixture::new();
    let hang = json!({"name": "hang"});
    let (first, second) = (add(&fixture, &hang), add(&fixture, &hang));
    assert_eq!(delete(&fixture, &format!("/faults/{first}")), 204);
    assert_eq!(delete(&fixture, &format!("/faults/{first}")), 404);
    assert_eq!(delete(&fixture, "/faults/x"), 404);
    assert_eq!(show(&fixture, "/faults").json()["faults"][0]["id"], second);
    assert_eq!(delete(&fixture, "/faults"), 204);
    assert_eq!(fixture.get(METADATA).status, 200);
    assert_eq!(add(&fixture, &hang), first, "the ids begin again");
}

#[test]
fn a_wrong_fault_is_refused_with_the_path_of_its_member() {
    let fixture = Fixture::new();
    for (body, status, path) in [
        (json!({}), 400, "$"),
        (json!({"name": "throtled"}), 400, "$.name"),
        (json!({"name": "hang", "times": 0}), 400, "$.times"),
        (
            json!({"name": "hang", "probability": 0}),
            400,
            "$.probability",
        ),
        (json!({"name": "hang", "unknown": 1}), 400, "$"),
        // Each member is valid by itself.
        (json!({"name": "denied", "route": "token"}), 409, "$.route"),
        (
            json!({"name": "hang", "times": 1, "probability": 1}),
            409,
            "$.probability",
        ),
        (
            json!({"name": "hang", "parameters": {"x": 1}}),
            409,
            "$.parameters.x",
        ),
        (
            json!({"name": "hang", "user": "adda@contoso.example"}),
            409,
            "$.user: No user has the name or id `adda@contoso.example`. There is, for example, ada@contoso.example,",
        ),
        (
            json!({"name": "hang", "resource": "none"}),
            409,
            "$.resource: No ACS resource has the name or id `none`.",
        ),
    ] {
        let refused = change(&fixture, "POST", "/faults", &body);
        let (code, message) = error(&refused);
        let expected = if status == 400 {
            "InvalidRequest"
        } else {
            "Conflict"
        };
        assert_eq!(
            (refused.status, code.as_str()),
            (status, expected),
            "{body}"
        );
        assert!(message.starts_with(path), "{body}: {message}");
    }
    assert!(fixture.emulator.faults().is_empty());
}
