//! Reset and snapshots.

use serde_json::{Value, json};

use super::{change, error, post, show};
use crate::emulator::Options;
use crate::emulator::tests::harness::Fixture;

fn refresh_token(fixture: &Fixture) -> String {
    let tokens = fixture.redeem(&fixture.code(&[]), &[]).json();
    tokens["refresh_token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

fn communication_token(fixture: &Fixture, id: &str) -> String {
    let token = fixture.issue(id, &json!({"scopes": ["chat"]})).json();
    token["token"].as_str().expect("a token").to_owned()
}

#[test]
fn a_reset_returns_to_the_start() {
    let fixture = Fixture::new();
    let start = show(&fixture, "/snapshot").json();
    let refresh = refresh_token(&fixture);
    let token = communication_token(&fixture, &fixture.identity());
    change(&fixture, "PUT", "/clock", &json!({"advanceSeconds": 60}));
    post(&fixture, "/keys/rotate");
    assert_ne!(show(&fixture, "/snapshot").json(), start);
    assert_eq!(post(&fixture, "/reset").status, 204);
    let mut expected = start.clone();
    expected["sessions"]["allRevoked"] = json!(true);
    assert_eq!(show(&fixture, "/snapshot").json(), expected);
    assert!(fixture.emulator.requests().is_empty());
    assert!(!fixture.emulator.is_token_valid(&token));
    assert_eq!(fixture.refresh(&refresh, &[]).status, 400);
    fixture.identity();
    fixture.emulator.reset();
    assert_eq!(show(&fixture, "/snapshot").json(), expected);
}

#[test]
fn another_emulator_continues_from_a_snapshot() {
    let first = Fixture::new();
    let id = first.identity();
    let (old, new) = (communication_token(&first, &id), refresh_token(&first));
    let path = format!("/identities/{id}/:revokeAccessTokens");
    assert_eq!(first.signed("POST", &path, "").status, 204);
    let valid = communication_token(&first, &id);
    let snapshot = show(&first, "/snapshot").json();

    let second = Fixture::new();
    let restored = change(&second, "PUT", "/snapshot", &snapshot);
    assert_eq!((restored.status, restored.body.as_str()), (204, ""));
    assert_eq!(show(&second, "/snapshot").json(), snapshot);
    assert!(second.emulator.is_token_valid(&valid));
    assert!(!second.emulator.is_token_valid(&old));
    assert_eq!(second.refresh(&new, &[]).status, 200);
    let third = Fixture::new();
    third
        .emulator
        .restore(&first.emulator.snapshot())
        .expect("a snapshot");
    assert!(third.emulator.is_token_valid(&valid));
}

#[test]
fn a_wrong_snapshot_changes_nothing() {
    let fixture = Fixture::new();
    fixture.identity();
    let right = show(&fixture, "/snapshot").json();
    let changed = |path: &str, value: Value| {
        let mut wrong = right.clone();
        *wrong.pointer_mut(path).expect("a member") = value;
        change(&fixture, "PUT", "/snapshot", &wrong)
    };
    for (path, value, status, place) in [
        ("/version", json!(1), 400, "$.version: "),
        ("/version", json!(3), 400, "$.version: "),
        ("/sessions", json!({}), 400, "$.sessions: "),
        (
            "/world/users/0/username",
            json!("x"),
            409,
            "$.world.users[0].username: ",
        ),
        (
            "/world/resources/0/keys",
            json!({"primary": 7}),
            409,
            "$.world.resources[0].keys.primary: ",
        ),
        ("/resources", json!([]), 409, "$.resources: "),
        (
            "/resources/0/identities/created/0/name",
            json!("x"),
            409,
            "$.resources[0].identities.created[0].name: ",
        ),
    ] {
        let refused = changed(path, value);
        let message = error(&refused).1;
        assert_eq!(refused.status, status, "{path}: {message}");
        assert!(message.starts_with(place), "{path}: {message}");
        assert_eq!(show(&fixture, "/snapshot").json(), right, "{path}");
    }
    for wrong in ["", "{}", "[]", r#"{"version": 2}"#, r#"{"version": 1}"#] {
        let refused = fixture.emulator.restore(wrong).expect_err(wrong);
        assert_eq!(refused.kind(), crate::Kind::Usage);
    }
}

#[test]
fn a_restored_clock_and_token_life_are_those_of_the_snapshot() {
    let first = Fixture::with(Options {
        token_life: std::time::Duration::from_secs(540),
        ..Options::default()
    });
    change(
        &first,
        "PUT",
        "/clock",
        &json!({"advanceSeconds": 60, "frozen": true}),
    );
    let snapshot = show(&first, "/snapshot").json();
    let second = Fixture::new();
    change(&second, "PUT", "/snapshot", &snapshot);
    assert_eq!(
        show(&second, "/clock").json(),
        show(&first, "/clock").json()
    );
    let tokens = second.redeem(&second.code(&[]), &[]).json();
    assert_eq!(tokens["expires_in"], 540);
}
