//! Makes the index match the store.
//!
//! A damaged index loses entries whose items the store still has: they are restored. Each store can list
//! its items by name: the keyrings by the attribute `service=acspass` (a name pattern on Windows), the
//! kernel's keyring by its links, sealed files by the names in their clear text. If listing fails, the
//! note of the loss stays in the index and a later command tries again. An account that cannot be
//! restored needs a new sign-in.
//!
//! A missing item loses its index entry. An unreadable one, or one that a newer version wrote, is
//! quarantined (renamed, with all its bytes) and loses its entry too. So `status`, which never opens the
//! store, does not report an account that no command can use. A failing store does not show that its
//! items are missing, so a failure changes nothing.
//!
//! Each save of a session's item happens under that session's lock. So an item that is read under the
//! lock is not one that another process is saving. A logout deletes the item without the lock: it does
//! not wait for a renewal.

use super::store::{SessionStore, decode_record};
use crate::account::{EntraApplication, SessionKey};
use crate::error::{Error, Result};
use crate::secret::SecretBytes;
use crate::store::index::{Index, IndexEntry};
use crate::store::lock::{Activity, Guard, LockAttempt, LockTarget};
use crate::store::record::Record;
use crate::time::{Clock, SystemClock};

/// The prefix of a quarantined item's name. The Unix time and the item's previous name follow.
pub(super) const UNREADABLE: &str = "unreadable";

/// The changes of [`SessionStore::reconcile`] to the index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Accounts that are listed again, because the store has their sessions.
    pub restored: usize,
    /// Accounts that are no longer listed, because the store does not have their sessions.
    pub lost: usize,
}

impl SessionStore {
    /// Lists the sessions of this application that a damaged index lost and the store still has, and
    /// activates one if only that one can be the active one. Returns the number of changed entries.
    /// Makes no call to the store if the index is not damaged.
    ///
    /// # Errors
    /// [`crate::error::Kind::Store`] if the store fails; a later call tries again.
    pub fn restore(&self, application: &EntraApplication) -> Result<usize> {
        let index = self.index()?;
        if !index.is_incomplete(application) {
            return Ok(0);
        }
        let records = self.unlisted(application, &index)?;
        let is_activated = self
            .index
            .restore(application, &records, &self.store_and_login())?;
        // Loading removes the entry of a session that was signed out meanwhile.
        let mut restored = 0;
        for record in &records {
            restored += usize::from(self.load(&record.key())?.is_some());
        }
        if restored > 0 {
            tracing::info!("Restored {restored} accounts from the store to the list.");
        }
        Ok(restored.max(usize::from(is_activated)))
    }

    /// Does the same as [`SessionStore::restore`], with a warning if that fails. Returns whether an
    /// entry changed.
    pub fn restore_or_warn(&self, application: &EntraApplication) -> bool {
        let restored = self.restore(application).inspect_err(|error| {
            tracing::warn!("{error}: could not restore accounts that the damaged list has lost");
        });
        restored.is_ok_and(|restored| restored > 0)
    }

    /// Restores the entries of this application that a damaged index lost, and removes entries whose items
    /// are gone or cannot be read. It lists all items, and reads only the active session and those
    /// that seem missing.
    ///
    /// # Errors
    /// [`crate::error::Kind::Store`] if the store fails; no entry is removed then.
    pub fn reconcile(&self, application: &EntraApplication) -> Result<Reconciled> {
        let restored = self.restore(application)?;
        let index = self.list_all(application)?;
        let items = self.store.items()?;
        let doubtful = index
            .entries()
            .filter(|entry| entry.active || !items.contains(&entry.key().item_name()));
        let mut lost = 0;
        for key in doubtful.map(IndexEntry::key) {
            self.load(&key)?;
            lost += usize::from(self.list_all(application)?.entry(&key).is_none());
        }
        Ok(Reconciled { restored, lost })
    }

    /// Returns the readable sessions of this application in the store that the index does not list.
    fn unlisted(&self, application: &EntraApplication, index: &Index) -> Result<Vec<Record>> {
        let EntraApplication {
            authority_host,
            tenant,
            client_id,
        } = application;
        let scope = format!(" at {authority_host} {tenant} {client_id}");
        let listed: Vec<String> = index
            .entries()
            .map(|entry| entry.key().item_name())
            .collect();
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
            match Record::from_bytes(&bytes) {
                Ok(record) if record.key().item_name() == item => records.push(record),
                _ => tracing::debug!("The item `{item}` is not a readable session."),
            }
        }
        Ok(records)
    }

    /// Reads an item again that was missing or unreadable, under the session's lock. If it still is,
    /// the account is signed out. `guard` is the caller's lock.
    ///
    /// # Errors
    /// [`crate::error::Kind::Store`] if the store fails.
    pub(super) fn reload_or_sign_out(
        &self,
        key: &SessionKey,
        guard: Option<&Guard>,
    ) -> Result<Option<Record>> {
        let _lock = match guard {
            Some(guard) if guard.covers(key) => None,
            _ => match self.try_lock(&LockTarget::Session(key.clone()), Activity::Renewing) {
                Ok(LockAttempt::Acquired(lock)) => Some(lock),
                // The lock holder replaces the item, or detects the same loss.
                Ok(LockAttempt::Held(_)) => return Ok(None),
                Err(error) => {
                    tracing::warn!("{error}: the list still has an account whose session is lost");
                    return Ok(None);
                }
            },
        };
        let Some(item) = self.store.load(&key.item_name())? else {
            self.remove_lost(key, "is missing from");
            return Ok(None);
        };
        if let Some(record) = decode_record(key, &item) {
            return Ok(Some(record));
        }
        if let Err(error) = self.quarantine(key, &item) {
            tracing::warn!("{error}: the item is not renamed");
        }
        self.remove_lost(key, "cannot be read from");
        Ok(None)
    }

    /// Quarantines the session's item if it cannot be read, before it is replaced. The caller has the
    /// session's lock.
    ///
    /// # Errors
    /// [`crate::error::Kind::Store`] if the store fails, or cannot rename the item. The item is then unchanged.
    pub(super) fn quarantine_unreadable(&self, key: &SessionKey) -> Result<()> {
        match self.store.load(&key.item_name())? {
            Some(item) if decode_record(key, &item).is_none() => self.quarantine(key, &item),
            _ => Ok(()),
        }
    }

    /// Gives the item another name, with a warning.
    fn quarantine(&self, key: &SessionKey, bytes: &SecretBytes) -> Result<()> {
        let item = key.item_name();
        let renamed = || {
            // This machine's clock: the time of an item, not of a token.
            let mut at = SystemClock.now().unix_seconds();
            let mut name = format!("{UNREADABLE} {at} {item}");
            while self.store.load(&name)?.is_some() {
                at += 1;
                name = format!("{UNREADABLE} {at} {item}");
            }
            self.store.save(&name, bytes)?;
            self.store.delete(&item)?;
            let store = self.store.name();
            tracing::warn!(
                "could not read the stored session, so the account is signed out: the item was renamed to `{name}` in the store {store}"
            );
            Ok(())
        };
        renamed().map_err(|cause: Error| {
            let store = self.store.name();
            let message = format!(
                "could not read the stored session, or rename it in the store {store} ({cause})"
            );
            self.needs_removal_by_hand(cause, message, "To delete the session", &[&item])
        })
    }

    /// Removes the index entry of a session that the store does not return. The caller has the
    /// session's lock.
    fn remove_lost(&self, key: &SessionKey, finding: &str) {
        match self.index.remove(key, &self.store_and_login()) {
            Ok(Some(entry)) => tracing::warn!(
                "the session of {} {finding} the store {}, so the account is signed out",
                entry.account.username,
                self.store.name()
            ),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!("{error}: the list still has an account whose session is lost");
            }
        }
    }
}
