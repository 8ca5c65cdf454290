//! The published signing keys, of which Entra signs with one. A rotation selects the next one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::emulator::sign::Signer;
use crate::error::Result;

/// The keys in the order of the rotations. The first one signs at the start, and it always signs
/// Communication tokens, which are not Entra's.
const KEYS: [&str; 4] = [
    include_str!("../../assets/emulator/worthless-test-key.pem"),
    include_str!("../../assets/emulator/worthless-test-key-2.pem"),
    include_str!("../../assets/emulator/worthless-test-key-3.pem"),
    include_str!("../../assets/emulator/worthless-test-key-4.pem"),
];

/// The keys.
pub(crate) struct KeyRing {
    signers: [Signer; KEYS.len()],
    published: Mutex<Published>,
}

/// The keys that Entra publishes, by their places in the rotation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Published {
    /// The key that signs new tokens.
    current: usize,
    /// The key before it, whose tokens are still valid.
    previous: Option<usize>,
}

impl KeyRing {
    pub(crate) fn new() -> Result<KeyRing> {
        let [first, second, third, fourth] = KEYS.map(Signer::from_pem);
        Ok(KeyRing {
            signers: [first?, second?, third?, fourth?],
            published: Mutex::default(),
        })
    }

    /// Signs new tokens with the next key. The old key stays published, unless it is retired. Returns
    /// the id of the new key.
    pub(crate) fn rotate(&self, retire_old: bool) -> String {
        let mut published = self.published();
        let current = (published.current + 1) % KEYS.len();
        let previous = (!retire_old).then_some(published.current);
        *published = Published { current, previous };
        self.signers[current].key_id()
    }

    /// Returns the public keys as JWKs, the current one first.
    pub(crate) fn jwks(&self) -> Vec<Value> {
        self.signers_of_entra().map(Signer::jwk).collect()
    }

    /// Returns the ids of the published keys, the current one first.
    pub(crate) fn key_ids(&self) -> Vec<String> {
        self.signers_of_entra().map(Signer::key_id).collect()
    }

    /// Returns the state of the rotation.
    pub(crate) fn state(&self) -> Published {
        *self.published()
    }

    /// Returns whether the state names keys of the ring.
    pub(crate) fn is_state(&self, state: Published) -> bool {
        let mut places = std::iter::once(state.current).chain(state.previous);
        places.all(|place| place < self.signers.len())
    }

    /// Sets the state of the rotation. A state that names no key changes nothing.
    pub(crate) fn set_state(&self, state: Published) {
        if self.is_state(state) {
            *self.published() = state;
        }
    }

    /// Signs a token of version 2, such as an id_token.
    pub(crate) fn v2_token(&self, claims: &impl Serialize) -> String {
        self.current().v2_token(claims)
    }

    /// Signs a token of version 1.
    pub(crate) fn v1_token(&self, claims: &impl Serialize) -> String {
        self.current().v1_token(claims)
    }

    /// Returns the claims of an Entra token that a published key signed.
    pub(crate) fn read<T: DeserializeOwned>(&self, token: &str) -> Option<T> {
        self.signers_of_entra()
            .find_map(|signer| signer.read(token))
    }

    /// Signs a Communication token.
    pub(crate) fn communication_token(&self, claims: &impl Serialize) -> String {
        self.signers[0].communication_token(claims)
    }

    /// Returns the claims of a Communication token.
    pub(crate) fn read_communication_token<T: DeserializeOwned>(&self, token: &str) -> Option<T> {
        self.signers[0].read(token)
    }

    /// Authenticates a value, so that only an emulator can have made the text.
    pub(crate) fn seal(&self, value: &impl Serialize) -> String {
        self.signers[0].seal(value)
    }

    /// Returns the value of a text from [`KeyRing::seal`].
    pub(crate) fn unseal<T: DeserializeOwned>(&self, text: &str) -> Option<T> {
        self.signers[0].unseal(text)
    }

    fn current(&self) -> &Signer {
        &self.signers[self.published().current]
    }

    fn signers_of_entra(&self) -> impl Iterator<Item = &Signer> {
        let Published { current, previous } = self.state();
        let places = std::iter::once(current).chain(previous);
        places.map(|place| &self.signers[place])
    }

    fn published(&self) -> MutexGuard<'_, Published> {
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_valid_until_its_key_is_no_longer_published() {
        let ring = KeyRing::new().expect("the published keys");
        let sign = || ring.v1_token(&json!({"oid": "x"}));
        let is_valid = |token: &str| ring.read::<Value>(token).is_some();
        let first = sign();
        let old = ring.key_ids();
        let new = ring.rotate(false);
        assert_eq!(ring.key_ids(), [new, old[0].clone()]);
        let second = sign();
        assert!(is_valid(&first) && is_valid(&second));
        ring.rotate(false);
        assert!(!is_valid(&first) && is_valid(&second));
        ring.rotate(true);
        assert!(!is_valid(&second));
        assert_eq!(ring.key_ids().len(), 1);
    }

    #[test]
    fn rotations_use_each_key_and_begin_again() {
        let ring = KeyRing::new().expect("the published keys");
        let ids: BTreeSet<String> = KEYS.iter().map(|_| ring.rotate(false)).collect();
        assert_eq!(ids.len(), KEYS.len());
        assert_eq!(ring.state().current, 0);
    }

    #[test]
    fn a_rotation_changes_neither_communication_tokens_nor_sealed_texts() {
        let ring = KeyRing::new().expect("the published keys");
        let token = ring.communication_token(&json!({"scp": 1792}));
        let sealed = ring.seal(&"mine");
        ring.rotate(true);
        assert_eq!(
            ring.read_communication_token(&token),
            Some(json!({"scp": 1792}))
        );
        assert_eq!(ring.unseal::<String>(&sealed).as_deref(), Some("mine"));
    }

    #[test]
    fn a_state_that_names_no_key_changes_nothing() {
        let ring = KeyRing::new().expect("the published keys");
        ring.rotate(false);
        let state = ring.state();
        for (current, previous) in [(4, None), (0, Some(4))] {
            let wrong = Published { current, previous };
            assert!(!ring.is_state(wrong));
            ring.set_state(wrong);
        }
        assert_eq!(ring.state(), state);
        ring.set_state(Published::default());
        assert_eq!(ring.key_ids().len(), 1);
    }
}
