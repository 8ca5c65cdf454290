//! Changes of users, resources and access keys.

use serde_json::{Value, json};

use super::{change, error, show};
use crate::emulator::tests::harness::{Fixture, TEAMS};
use crate::emulator::{KeyName, ResourceChange, UserChange};

/// Returns the first resource as the control API shows it, and its name.
fn first_resource(fixture: &Fixture) -> (Value, String) {
    let resource = show(fixture, "/info").json()["resources"][0].clone();
    let name = resource["name"].as_str().expect("a name").to_owned();
    (resource, name)
}

#[test]
fn a_user_whose_account_ends_gets_no_more_tokens() {
    for (condition, error, number) in [
        ("disabled", "invalid_grant", 50057),
        ("unassigned", "invalid_grant", 50105),
        ("unknown-account", "invalid_grant", 50034),
        ("blocked", "invalid_grant", 53003),
    ] {
        let (fixture, token, code) = changed_after_sign_in(condition);
        for refused in [fixture.refresh(&token, &[]), fixture.redeem(&code, &[])] {
            let got = (refused.status, refused.error(), refused.aadsts());
            assert_eq!(got, (400, error.to_owned(), number), "{condition}");
        }
    }
    let (fixture, token, code) = changed_after_sign_in("mfa");
    let refused = fixture.refresh(&token, &[]);
    let got = (refused.error(), refused.aadsts());
    assert_eq!(got, ("interaction_required".to_owned(), 50076));
    assert_eq!(fixture.redeem(&code, &[]).status, 200);
    // These stop new sign-ins only.
    for condition in ["locked", "password-expired"] {
        let (fixture, token, _) = changed_after_sign_in(condition);
        assert_eq!(fixture.refresh(&token, &[]).status, 200, "{condition}");
    }
}

/// Changes a user with this condition after a sign-in. Returns its refresh token, and a code.
fn changed_after_sign_in(condition: &str) -> (Fixture, String, String) {
    let fixture = Fixture::new();
    let tokens = fixture.redeem(&fixture.code(&[]), &[]).json();
    let token = tokens["refresh_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let code = fixture.code(&[]);
    let body = json!({"simulate": condition});
    let changed = change(&fixture, "PATCH", "/users/ada%40contoso.example", &body);
    assert_eq!(changed.status, 200, "{changed:?}");
    (fixture, token, code)
}

#[test]
fn a_changed_user_simulates_a_condition_until_it_is_removed() {
    let fixture = Fixture::new();
    let user = |body| change(&fixture, "PATCH", "/users/ADA%40contoso.example", &body);
    let disabled = user(json!({"simulate": "disabled"}));
    assert_eq!(
        (disabled.status, &disabled.json()["simulate"]),
        (200, &json!("disabled"))
    );
    let page = fixture.authorize("organizations", &[]);
    assert!(page.body.contains("AADSTS50057"), "{}", page.body);
    let changed = user(json!({"simulate": null, "name": "Ada L.", "teamsLicence": false})).json();
    assert_eq!(
        (&changed["name"], &changed["teamsLicence"]),
        (&json!("Ada L."), &json!(false))
    );
    assert!(changed.get("simulate").is_none());
    assert_eq!(show(&fixture, "/info").json()["users"][0], changed);
    fixture.code(&[]);
    for (body, path) in [
        (json!({"simulate": "x"}), "$.simulate"),
        (json!({"name": ""}), "$.name"),
    ] {
        let refused = user(body);
        assert_eq!(refused.status, 400);
        assert!(error(&refused).1.starts_with(path), "{}", refused.body);
    }
    let stranger = user(json!({"simulate": "other-tenant"}));
    assert_eq!(stranger.status, 409);
    assert!(
        error(&stranger).1.contains("another tenant"),
        "{}",
        stranger.body
    );
    let unknown = change(
        &fixture,
        "PATCH",
        "/users/zoe",
        &json!({"teamsLicence": true}),
    );
    assert_eq!(unknown.status, 404);
    let simulate = Some(Some("disabled".to_owned()));
    let with = UserChange {
        simulate,
        ..UserChange::default()
    };
    fixture
        .emulator
        .change_user("ada@contoso.example", with)
        .expect("a user");
    assert_eq!(
        show(&fixture, "/info").json()["users"][0]["simulate"],
        "disabled"
    );
    assert!(
        fixture
            .emulator
            .change_user("zoe", UserChange::default())
            .is_err()
    );
}

#[test]
fn a_changed_resource_refuses_keys_versions_and_too_many_requests() {
    let fixture = Fixture::new();
    let (_, name) = first_resource(&fixture);
    let path = format!("/resources/{name}");
    let resource = |body| change(&fixture, "PATCH", &path, &body);
    let create = || fixture.signed("POST", "/identities", "").status;
    assert_eq!(create(), 201);
    assert_eq!(
        resource(json!({"disableLocalAuth": true})).json()["disableLocalAuth"],
        true
    );
    assert_eq!(create(), 401);
    let token = fixture.entra_token("ada@contoso.example", TEAMS);
    assert!(!token.is_empty(), "Entra is not affected");
    assert_eq!(
        resource(json!({"disableLocalAuth": false, "limits": {"create": 1}})).status,
        200
    );
    assert_eq!((create(), create()), (201, 429));
    assert_eq!(
        resource(json!({"limits": null, "apiVersions": ["2022-10-01"]})).status,
        200
    );
    assert_eq!(create(), 400);
    assert_eq!(
        resource(json!({"apiVersions": null, "revocationDelaySeconds": 5})).status,
        200
    );
    assert_eq!(create(), 201);
    for (body, path) in [
        (json!({"apiVersions": ["1"]}), "$.apiVersions[0]"),
        (json!({"apiVersions": []}), "$.apiVersions"),
        (json!({"limits": {"create": -1}}), "$.limits.create"),
    ] {
        let refused = resource(body);
        assert_eq!(refused.status, 400);
        assert!(error(&refused).1.starts_with(path), "{}", refused.body);
    }
    let off = ResourceChange {
        disable_local_auth: Some(true),
        ..ResourceChange::default()
    };
    fixture
        .emulator
        .change_resource(&name, off)
        .expect("a resource");
    assert_eq!(create(), 401);
}

#[test]
fn a_regenerated_key_replaces_the_old_one() {
    let fixture = Fixture::new();
    let (old, name) = first_resource(&fixture);
    let path = format!("/resources/{name}/keys/regenerate");
    let create = || fixture.signed("POST", "/identities", "").status;
    let new = change(&fixture, "POST", &path, &json!({"key": "secondary"})).json();
    assert_ne!(
        new["httpSecondaryConnectionString"],
        old["httpSecondaryConnectionString"]
    );
    assert_eq!(new["httpConnectionString"], old["httpConnectionString"]);
    assert_eq!(create(), 201, "the tests sign with the primary key");
    let new = change(&fixture, "POST", &path, &json!({"key": "primary"})).json();
    assert_eq!(create(), 401);
    assert_eq!(
        new["httpConnectionString"],
        fixture.emulator.http_connection_string()
    );
    fixture
        .emulator
        .regenerate_key(&name, KeyName::Primary)
        .expect("a resource");
    assert_ne!(
        new["httpConnectionString"],
        fixture.emulator.http_connection_string()
    );
    let wrong = change(
        &fixture,
        "POST",
        "/resources/x/keys/regenerate",
        &json!({"key": "primary"}),
    );
    assert_eq!(wrong.status, 404);
    let wrong = change(&fixture, "POST", &path, &json!({"key": "third"}));
    assert_eq!(
        (wrong.status, error(&wrong).1.as_str()),
        (400, "$.key: must be one of \"primary\", \"secondary\"")
    );
}
