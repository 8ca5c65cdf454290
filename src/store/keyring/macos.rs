//! macOS: the login keychain, one item a session, since the keychain sets no limit that matters.

use std::collections::HashMap;

use super::entry;
use super::failure::Fate;

/// The user's keychain.
#[derive(Default)]
pub(super) struct Platform;

impl Platform {
    pub(super) fn load(&mut self, item: &str) -> Result<Vec<u8>, Fate> {
        entry::load(item)
    }

    pub(super) fn save(&mut self, item: &str, value: &[u8]) -> Result<(), Fate> {
        entry::save(item, value)
    }

    pub(super) fn delete(&mut self, item: &str) -> Result<(), Fate> {
        entry::delete(item)
    }

    pub(super) fn items(&mut self) -> Result<Vec<String>, Fate> {
        entry::items(&HashMap::from([("service", super::SERVICE)]))
    }

    pub(super) fn removal_by_hand(service: &str, item: &str) -> String {
        let quoted = shell_words::quote(item);
        format!("run `security delete-generic-password -s {service} -a {quoted}`")
    }
}
