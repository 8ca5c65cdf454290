//! The rotation of Entra's keys.

use serde_json::{Value, json};

use super::{change, post};
use crate::emulator::tests::harness::{Fixture, TEAMS};

fn published(fixture: &Fixture, path: &str) -> Vec<Value> {
    let keys = fixture.get(path).json()["keys"].clone();
    let keys = keys.as_array().expect("keys").clone();
    keys.iter().map(|key| key["kid"].clone()).collect()
}

#[test]
fn a_rotation_publishes_the_next_key_beside_the_old_one() {
    let fixture = Fixture::new();
    let token = fixture.entra_token("ada@contoso.example", TEAMS);
    let exchange = |token: &str| {
        let ada = fixture.emulator.object_id();
        let client = fixture.emulator.client_id();
        let body = json!({"token": token, "appId": client, "userId": ada});
        fixture.exchange(&body.to_string(), |_| {}).status
    };
    let old = published(&fixture, "/common/discovery/v2.0/keys");
    assert_eq!(old.len(), 1);
    let rotated = post(&fixture, "/keys/rotate").json()["keyIds"].clone();
    for path in ["/common/discovery/v2.0/keys", "/common/discovery/keys"] {
        assert_eq!(Value::from(published(&fixture, path)), rotated);
    }
    assert_eq!(rotated[1], old[0]);
    assert_eq!(exchange(&token), 200);
    let new = fixture.entra_token("ada@contoso.example", TEAMS);
    assert_eq!(exchange(&new), 200);
    let retired = change(
        &fixture,
        "POST",
        "/keys/rotate",
        &json!({"retireOld": true}),
    );
    assert_eq!(retired.json()["keyIds"].as_array().expect("ids").len(), 1);
    assert_eq!((exchange(&token), exchange(&new)), (401, 401));
    assert_eq!(fixture.emulator.rotate_keys(false).len(), 2);
    assert_eq!(published(&fixture, "/common/discovery/v2.0/keys").len(), 2);
}
