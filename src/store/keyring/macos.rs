//! macOS: the login keychain. It has no relevant limit, so a session is one item.

use std::collections::HashMap;

use super::entry;
use super::failure::KeyringFailure;
use super::names::SERVICE;

/// The user's keychain.
#[derive(Default)]
pub(super) struct Platform;

impl Platform {
    pub(super) fn load(&mut self, item: &str) -> Result<Vec<u8>, KeyringFailure> {
        entry::load(item)
    }

    pub(super) fn save(&mut self, item: &str, value: &[u8]) -> Result<(), KeyringFailure> {
        entry::save(item, value)
    }

    pub(super) fn delete(&mut self, item: &str) -> Result<(), KeyringFailure> {
        entry::delete(item)
    }

    pub(super) fn items(&mut self) -> Result<Vec<String>, KeyringFailure> {
        entry::items(&HashMap::from([("service", SERVICE)]))
    }

    pub(super) fn removal_by_hand(service: &str, item: &str) -> String {
        let quoted = shell_words::quote(item);
        format!("run `security delete-generic-password -s {service} -a {quoted}`")
    }
}
