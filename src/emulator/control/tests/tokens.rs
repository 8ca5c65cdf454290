//! Forged tokens.

use serde_json::{Value, json};

use super::{change, error};
use crate::emulator::tests::harness::{Fixture, claims};
use crate::emulator::{ForgedToken, SignatureFault, TokenKind};

fn forged(fixture: &Fixture, body: &Value) -> String {
    let answer = change(fixture, "POST", "/tokens", body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["token"].as_str().expect("a token").to_owned()
}

/// Returns the status of an exchange with this Entra token of the first user.
fn exchange(fixture: &Fixture, token: &str) -> u16 {
    let emulator = &fixture.emulator;
    let (app, user) = (emulator.client_id(), emulator.object_id());
    let body = json!({"token": token, "appId": app, "userId": user});
    fixture.exchange(&body.to_string(), |_| {}).status
}

#[test]
fn a_forged_entra_token_is_accepted_unless_it_has_a_fault() {
    let fixture = Fixture::new();
    let entra = json!({"kind": "entraAccessToken"});
    let token = forged(&fixture, &entra);
    assert_eq!(exchange(&fixture, &token), 200);
    let own = claims(&token);
    assert_eq!(
        (&own["emulator"], &own["emulatorForged"]),
        (&json!(true), &json!(true))
    );
    for fault in [
        json!({"expired": true}),
        json!({"wrongAudience": true}),
        json!({"signature": "bad"}),
        json!({"signature": "otherKey"}),
        json!({"claims": {"oid": "00000000-0000-4000-8000-000000000000"}}),
        json!({"claims": {"scp": null}}),
        json!({"user": "ben@contoso.example"}),
    ] {
        let mut body = entra.clone();
        body.as_object_mut()
            .expect("an object")
            .extend(fault.as_object().expect("one").clone());
        let status = exchange(&fixture, &forged(&fixture, &body));
        assert!(matches!(status, 400 | 401 | 403), "{fault}: {status}");
    }
}

#[test]
fn a_forged_communication_token_is_valid_unless_it_has_a_fault() {
    let fixture = Fixture::new();
    let id = fixture.identity().replace("%3A", ":");
    let kind = json!("communicationToken");
    let is_valid = |body: Value| fixture.emulator.is_token_valid(&forged(&fixture, &body));
    assert!(is_valid(json!({"kind": kind})));
    assert!(is_valid(
        json!({"kind": kind, "identity": id, "scopes": ["chat"]})
    ));
    for wrong in [
        json!({"kind": kind, "expired": true}),
        json!({"kind": kind, "wrongAudience": true}),
        json!({"kind": kind, "signature": "bad"}),
        json!({"kind": kind, "signature": "otherKey"}),
        json!({"kind": kind, "claims": {"emulatorSerial": 0}}),
    ] {
        assert!(!is_valid(wrong.clone()), "{wrong}");
    }
    for (body, status) in [
        (json!({"kind": kind, "identity": "8:acs:x_y"}), 404),
        (json!({"kind": "idToken", "user": "zoe"}), 404),
        (json!({"kind": "idToken", "scopes": ["nothing"]}), 409),
        (json!({"kind": "other"}), 400),
        (json!({}), 400),
    ] {
        let refused = change(&fixture, "POST", "/tokens", &body);
        assert_eq!(
            (refused.status, error(&refused).1.is_empty()),
            (status, false),
            "{body}"
        );
    }
}

#[test]
fn marks_cannot_be_removed_and_the_method_forges_the_same() {
    let fixture = Fixture::new();
    let body = json!({"kind": "idToken", "claims": {"emulator": null, "emulatorForged": false, "nonce": "n"}});
    let own = claims(&forged(&fixture, &body));
    assert_eq!(
        (&own["emulator"], &own["emulatorForged"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        (&own["nonce"], &own["aud"]),
        (&json!("n"), &json!(fixture.emulator.client_id()))
    );
    let wanted = ForgedToken {
        kind: TokenKind::CommunicationToken,
        signature: SignatureFault::Bad,
        ..ForgedToken::default()
    };
    let token = fixture.emulator.forge_token(wanted).expect("a token");
    assert!(!fixture.emulator.is_token_valid(&token));
    assert!(fixture.emulator.secrets().contains(&token));
}
