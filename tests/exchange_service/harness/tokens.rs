//! Tokens of the emulator's authority.

use acspass::emulator::{Emulator, ForgedToken};
use serde_json::{Map, Value, json};

/// The audience of the service under test.
pub(crate) const AUDIENCE: &str = "api://acspass-exchange";

/// Returns a token for ACS with these claims; null removes one.
#[track_caller]
pub(crate) fn with_claims(emulator: &Emulator, claims: Value) -> String {
    let Value::Object(claims) = claims else {
        panic!("claims are an object");
    };
    let wanted = ForgedToken {
        claims,
        ..ForgedToken::default()
    };
    emulator.forge_token(wanted).expect("a token")
}

/// Returns the first user's token for ACS.
pub(crate) fn acs_token(emulator: &Emulator) -> String {
    with_claims(emulator, json!({}))
}

/// Returns the first user's token for the service.
pub(crate) fn own_token(emulator: &Emulator) -> String {
    own_token_of(emulator, None, json!({}))
}

/// Returns the token of a user for the service, with these changes.
#[track_caller]
pub(crate) fn own_token_of(emulator: &Emulator, user: Option<&str>, changes: Value) -> String {
    let mut claims: Map<String, Value> = Map::new();
    claims.insert("aud".to_owned(), AUDIENCE.into());
    claims.insert("scp".to_owned(), "access_as_user".into());
    if let Value::Object(changes) = changes {
        claims.extend(changes);
    }
    let wanted = ForgedToken {
        user: user.map(str::to_owned),
        claims,
        ..ForgedToken::default()
    };
    emulator.forge_token(wanted).expect("a token")
}
