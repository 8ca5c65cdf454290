//! The parts of a migration that touch one store.

use super::store::SessionStore;
use crate::account::SessionKey;
use crate::error::Result;
use crate::store::record::Record;

impl SessionStore {
    /// Returns whether the store has an item of this session, readable or not.
    pub(in crate::store) fn has_item(&self, key: &SessionKey) -> Result<bool> {
        Ok(self.store.load(&key.item_name())?.is_some())
    }

    /// Returns the items with secrets of the configuration.
    pub(in crate::store) fn secret_items(&self) -> Result<Vec<String>> {
        let mut items = self.store.items()?;
        items.retain(|item| item.starts_with("secret "));
        Ok(items)
    }

    /// Lists a session of the store `original` that was copied to this one. `false` if the original is
    /// no longer listed.
    pub(in crate::store) fn list_copy(
        &self,
        record: &Record,
        original: &SessionStore,
        activates: bool,
    ) -> Result<bool> {
        let original = original.store_and_login();
        self.index
            .list_copy(record, &self.store_and_login(), &original, activates)
    }

    /// Removes the index entry of a session.
    pub(in crate::store) fn unlist(&self, key: &SessionKey) -> Result<()> {
        self.index.remove(key, &self.store_and_login()).map(drop)
    }
}
