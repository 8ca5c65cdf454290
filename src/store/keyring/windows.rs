//! Windows: the Credential Manager, which limits an item to 2560 bytes.
//!
//! Items stay on this machine (persistence `Local`): the crate's default would let them roam with
//! the user's profile to every machine of a domain.

use std::collections::HashMap;

use super::entry;
use super::failure::KeyringFailure;
use super::names::SERVICE;

/// The largest credential in bytes: `CRED_MAX_CREDENTIAL_BLOB_SIZE`.
pub(super) const LIMIT: usize = 2560;

/// The user's Credential Manager.
#[derive(Default)]
pub(super) struct Platform;

impl Platform {
    pub(super) fn load(&mut self, item: &str) -> Result<Vec<u8>, KeyringFailure> {
        entry::load(item)
    }

    pub(super) fn save(&mut self, item: &str, value: &[u8]) -> Result<(), KeyringFailure> {
        entry::save_with(item, value, &HashMap::from([("persistence", "local")]))
    }

    pub(super) fn delete(&mut self, item: &str) -> Result<(), KeyringFailure> {
        entry::delete(item)
    }

    pub(super) fn items(&mut self) -> Result<Vec<String>, KeyringFailure> {
        // The names are `<user>.<service>`, and a search takes only a pattern.
        let pattern = format!(r"\.{}$", SERVICE);
        entry::items(&HashMap::from([("pattern", pattern.as_str())]))
    }

    pub(super) fn removal_by_hand(service: &str, item: &str) -> String {
        format!("remove `{item}` of {service} in the Credential Manager")
    }
}
