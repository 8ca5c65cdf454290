//! Handles items that are missing or unreadable: they lose their index entry.
//!
//! A missing item loses its index entry. An unreadable one, or one that a newer version wrote, is
//! quarantined (renamed, with all its bytes) and loses its entry too. So `status`, which never
//! opens the store, does not report an account that no command can use. A failing
//! store does not show that its items are missing, so a failure changes nothing.
//!
//! Each write to a session's item happens under that session's lock. So an item that is read under
//! the lock is not one that another process is saving.

use super::items::{UNREADABLE, read};
use super::store::SessionStore;
use crate::account::SessionKey;
use crate::error::{Error, Kind, Result};
use crate::secret::SecretBytes;
use crate::store::holder::Activity;
use crate::store::lock::{Attempt, Guard, LockName};
use crate::store::record::Record;
use crate::time::{Clock, SystemClock};

impl SessionStore {
    /// Reads an item again that was missing or unreadable, under the session's lock. If it still is,
    /// the account is signed out. `guard` is the caller's lock.
    ///
    /// # Errors
    /// [`Kind::Store`] if the store fails.
    pub(super) fn confirm_loss(
        &self,
        key: &SessionKey,
        guard: Option<&Guard>,
    ) -> Result<Option<Record>> {
        let _lock = match guard {
            Some(guard) if guard.covers(key) => None,
            _ => match self.try_lock(&LockName::Session(key.clone()), Activity::Renewing) {
                Ok(Attempt::Got(lock)) => Some(lock),
                // The lock holder replaces the item, or detects the same loss.
                Ok(Attempt::Held(_)) => return Ok(None),
                Err(error) => {
                    tracing::warn!("{error}: the index still lists a session that is lost");
                    return Ok(None);
                }
            },
        };
        let Some(item) = self.store.load(&key.item())? else {
            self.remove_lost(key, "is no longer in");
            return Ok(None);
        };
        if let Some(record) = read(key, &item) {
            return Ok(Some(record));
        }
        match self.quarantine(key, &item) {
            Ok(name) => self.warn_of_quarantine(&name),
            Err(error) => tracing::warn!("{error}: it stays where it is"),
        }
        self.remove_lost(key, "cannot be read from");
        Ok(None)
    }

    /// Quarantines the session's item if it cannot be read, before it is replaced. The caller has the
    /// session's lock.
    ///
    /// # Errors
    /// [`Kind::Store`] if the store fails, or cannot rename the item. The item is then unchanged.
    pub(super) fn quarantine_unreadable(&self, key: &SessionKey) -> Result<()> {
        match self.store.load(&key.item())? {
            Some(item) if read(key, &item).is_none() => {
                let name = self.quarantine(key, &item)?;
                self.warn_of_quarantine(&name);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Gives the item another name, and returns that name.
    fn quarantine(&self, key: &SessionKey, bytes: &SecretBytes) -> Result<String> {
        let item = key.item();
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
            Ok(name)
        };
        renamed().map_err(|cause: Error| {
            Error::new(
                Kind::Store,
                format!(
                    "the stored session cannot be read, and the {} does not keep it under another \
                     name ({cause})",
                    self.store.name()
                ),
                format!(
                    "{}; to give it up, {}",
                    cause.hint(),
                    self.store.removal_by_hand(&item)
                ),
            )
            .caused_by(cause)
        })
    }

    fn warn_of_quarantine(&self, name: &str) {
        tracing::warn!(
            "the stored session could not be read: it is kept in the {} as `{name}`, and the \
             account counts as signed out",
            self.store.name()
        );
    }

    /// Removes the index entry of a session that the store does not return. The caller has the
    /// session's lock.
    fn remove_lost(&self, key: &SessionKey, finding: &str) {
        match self.index_file.remove(key, &self.scope()) {
            Ok(Some(entry)) => tracing::warn!(
                "the session of {} {finding} the {}: the account counts as signed out",
                entry.account.username,
                self.store.name()
            ),
            Ok(None) => {}
            Err(error) => tracing::warn!("{error}: the index still lists a session that is lost"),
        }
    }
}
