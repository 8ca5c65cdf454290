//! Makes the index match the store: restores entries that a damaged index lost, and removes entries
//! whose items are gone.
//!
//! Each store can list its items by name: the keyrings by the attribute `service=acspass` (a name
//! pattern on Windows), the kernel's keyring by its links, sealed files by the names in their clear
//! text. If listing fails, the note of the loss stays in the index and a later command tries again.
//! An account that cannot be restored needs a new sign-in.

use super::store::SessionStore;
use crate::account::Tenancy;
use crate::error::Result;
use crate::store::index::{Index, IndexEntry};
use crate::store::record::Record;

/// The changes of [`SessionStore::reconcile`] to the index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Accounts that are listed again, because the store has their sessions.
    pub restored: usize,
    /// Accounts that are no longer listed, because the store does not have their sessions.
    pub lost: usize,
}

impl SessionStore {
    /// Lists the sessions of this tenancy that a damaged index lost and the store still has, and
    /// activates one if only that one can be the active one. Returns the number of changed entries.
    /// Makes no call to the store if the index is not damaged.
    ///
    /// # Errors
    /// [`crate::error::Kind::Store`] if the store fails; a later call tries again.
    pub fn restore(&self, tenancy: &Tenancy) -> Result<usize> {
        let index = self.index()?;
        if !index.is_incomplete(tenancy) {
            return Ok(0);
        }
        let records = self.unlisted(tenancy, &index)?;
        let is_activated = self.index_file.restore(tenancy, &records, &self.scope())?;
        // Loading removes the entry of a session that was signed out meanwhile.
        let mut restored = 0;
        for record in &records {
            restored += usize::from(self.load(&record.key())?.is_some());
        }
        if restored > 0 {
            tracing::info!("{restored} sessions were found in the store and are listed again");
        }
        Ok(restored.max(usize::from(is_activated)))
    }

    /// Does the same as [`SessionStore::restore`], with a warning if that fails. Returns whether an
    /// entry changed.
    pub fn restore_or_warn(&self, tenancy: &Tenancy) -> bool {
        match self.restore(tenancy) {
            Ok(restored) => restored > 0,
            Err(error) => {
                tracing::warn!("{error}: accounts that a damaged list lost are not looked up");
                false
            }
        }
    }

    /// Restores the entries of this tenancy that a damaged index lost, and removes entries whose items
    /// are gone or cannot be read. It lists all items, and reads only the active session and those
    /// that seem missing.
    ///
    /// # Errors
    /// [`crate::error::Kind::Store`] if the store fails; no entry is removed then.
    pub fn reconcile(&self, tenancy: &Tenancy) -> Result<Reconciled> {
        let restored = self.restore(tenancy)?;
        let index = self.index_of(tenancy)?;
        let items = self.store.items()?;
        let doubtful = index
            .entries()
            .filter(|entry| entry.active || !items.contains(&entry.key().item()));
        let mut lost = 0;
        for key in doubtful.map(IndexEntry::key) {
            self.load(&key)?;
            lost += usize::from(self.index_of(tenancy)?.entry(&key).is_none());
        }
        Ok(Reconciled { restored, lost })
    }

    /// Returns the readable sessions of this tenancy in the store that the index does not list.
    fn unlisted(&self, tenancy: &Tenancy, index: &Index) -> Result<Vec<Record>> {
        let Tenancy {
            authority_host,
            tenant,
            client_id,
        } = tenancy;
        let scope = format!(" at {authority_host} {tenant} {client_id}");
        let listed: Vec<String> = index.entries().map(|entry| entry.key().item()).collect();
        let mut items = self.store.items()?;
        items.retain(|item| {
            item.starts_with("session ") && item.ends_with(&scope) && !listed.contains(item)
        });
        let mut records = Vec::new();
        for item in items {
            let Some(bytes) = self.store.load(&item)? else {
                continue;
            };
            // An unreadable item stays: the next sign-in quarantines it.
            match Record::from_item(&bytes) {
                Ok(record) if record.key().item() == item => records.push(record),
                _ => tracing::debug!("the item `{item}` is not a session that can be listed"),
            }
        }
        Ok(records)
    }
}
