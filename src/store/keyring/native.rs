//! The keyring of macOS and Windows, by the `keyring` crate.
//!
//! macOS: the login keychain. It has no relevant limit, so a session is one item.
//!
//! Windows: the Credential Manager, which limits an item to 2560 bytes. Items stay on this machine
//! (persistence `Local`): the crate's default would let them roam with the user's profile to every
//! machine of a domain.

use std::collections::HashMap;

use keyring::v1::Error as KeyringError;

use super::entry::{self, PROGRAM_NAME};
use super::failure::KeyringFailure;

/// The largest credential in bytes: `CRED_MAX_CREDENTIAL_BLOB_SIZE`.
#[cfg(windows)]
pub(super) const LIMIT: usize = 2560;

/// The user's keychain or Credential Manager.
#[derive(Default)]
pub(super) struct NativeKeyring;

impl NativeKeyring {
    pub(super) fn load(&mut self, item: &str) -> Result<Option<Vec<u8>>, KeyringFailure> {
        entry::load(item)
    }

    #[cfg(target_os = "macos")]
    pub(super) fn save(&mut self, item: &str, value: &[u8]) -> Result<(), KeyringFailure> {
        entry::save(item, value)
    }

    #[cfg(windows)]
    pub(super) fn save(&mut self, item: &str, value: &[u8]) -> Result<(), KeyringFailure> {
        // Sets up the platform's store as the default store.
        entry::open(item)?;
        let modifiers = HashMap::from([("persistence", "local")]);
        let entry = keyring_core::Entry::new_with_modifiers(PROGRAM_NAME, item, &modifiers)?;
        Ok(entry.set_secret(value)?)
    }

    pub(super) fn delete(&mut self, item: &str) -> Result<bool, KeyringFailure> {
        match entry::open(item)?.delete_credential() {
            Err(KeyringError::NoEntry) => Ok(false),
            deleted => Ok(deleted.map(|()| true)?),
        }
    }

    /// Returns the names of this program's items.
    pub(super) fn items(&mut self) -> Result<Vec<String>, KeyringFailure> {
        entry::open("")?;
        #[cfg(target_os = "macos")]
        let wanted = ("service", PROGRAM_NAME);
        // The names are `<user>.<service>`, and a search takes only a pattern.
        #[cfg(windows)]
        let wanted = ("pattern", &*format!(r"\.{PROGRAM_NAME}$"));
        let found = keyring_core::Entry::search(&HashMap::from([wanted]))?;
        let names = found.iter().filter_map(|entry| entry.get_specifiers());
        let mut names: Vec<String> = names
            .filter(|(service, _)| service == PROGRAM_NAME)
            .map(|(_, user)| user)
            .collect();
        names.sort();
        Ok(names)
    }

    #[cfg(target_os = "macos")]
    pub(super) fn removal_by_hand(item: &str) -> String {
        let quoted = shell_words::quote(item);
        format!("run `security delete-generic-password -s {PROGRAM_NAME} -a {quoted}`")
    }

    #[cfg(windows)]
    pub(super) fn removal_by_hand(item: &str) -> String {
        format!("remove `{item}` of {PROGRAM_NAME} in the Credential Manager")
    }
}
