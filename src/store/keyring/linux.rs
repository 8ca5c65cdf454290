//! The keyring of Linux and other systems with a Secret Service, over D-Bus.

use super::entry;
use super::failure::KeyringFailure;
use super::secret_service::SecretService;

/// The user's keyring, over an unencrypted session if the service permits it.
#[derive(Default)]
pub(super) struct Platform {
    service: SecretService,
    /// Set once the service has refused a session without encryption.
    encrypted: bool,
}

impl Platform {
    /// Returns the item's bytes. Searches again if a locked collection may have hidden the item.
    pub(super) fn load(&mut self, item: &str) -> Result<Vec<u8>, KeyringFailure> {
        match self.load_visible(item) {
            Err(KeyringFailure::NoEntry) if self.service.unlock_default_collection()? => {
                self.load_visible(item)
            }
            loaded => loaded,
        }
    }

    fn load_visible(&mut self, item: &str) -> Result<Vec<u8>, KeyringFailure> {
        if !self.encrypted {
            match self.service.load(item) {
                Err(KeyringFailure::NotPlain) => self.encrypted = true,
                loaded => return loaded,
            }
        }
        entry::load(item)
    }

    pub(super) fn save(&mut self, item: &str, value: &[u8]) -> Result<(), KeyringFailure> {
        if !self.encrypted {
            match self.service.save(item, value) {
                Err(KeyringFailure::NotPlain) => self.encrypted = true,
                saved => return saved,
            }
        }
        entry::save(item, value)
    }

    /// Deletes the item. This transfers no secret, so it needs no session.
    pub(super) fn delete(&mut self, item: &str) -> Result<(), KeyringFailure> {
        match self.service.delete(item) {
            Err(KeyringFailure::NoEntry) if self.service.unlock_default_collection()? => {
                self.service.delete(item)
            }
            deleted => deleted,
        }
    }

    pub(super) fn items(&mut self) -> Result<Vec<String>, KeyringFailure> {
        self.service.items()
    }

    pub(super) fn removal_by_hand(service: &str, item: &str) -> String {
        let quoted = shell_words::quote(item);
        format!("run `secret-tool clear service {service} username {quoted}`")
    }
}
