//! Items that are missing or unreadable: what a command finds out about the store reaches the index.
//!
//! A missing item loses its index entry. An unreadable one, or one that a newer version wrote, is
//! quarantined (renamed, with every byte kept) and loses its entry too. So `status`, which never
//! opens the store, does not report an account that no command can use. A store that fails says
//! nothing about its items, so a failure changes nothing.
//!
//! Every write to a session's item happens under that session's lock. So an item that is read
//! again under the lock cannot be one that another process is just saving.

use super::SessionStore;
use crate::account::SessionKey;
use crate::error::{Error, Kind, Result};
use crate::secret::SecretBytes;
use crate::store::holder::Activity;
use crate::store::lock::{Attempt, Guard, LockName};
use crate::store::record::Record;
use crate::time::{Clock, SystemClock};

/// The prefix of a quarantined item's name. The Unix time and the item's own name follow.
const UNREADABLE: &str = "unreadable";

impl SessionStore {
    /// Reads an item again that looked missing or unreadable, under the session's lock. If it still
    /// is, the account counts as signed out from now on. `guard` is the lock that the caller holds.
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
                // The lock holder replaces the item, or finds the same.
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

    /// Quarantines the session's item if it cannot be read, before another one takes its place. The
    /// caller holds the session's lock.
    ///
    /// # Errors
    /// [`Kind::Store`] if the store fails, or cannot keep the item under another name. The item is
    /// then where it was.
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
            // The machine's own clock: this is about an item of this machine, not about a token.
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

    /// Removes the index entry of a session that the store does not give. The caller holds the
    /// session's lock.
    fn remove_lost(&self, key: &SessionKey, finding: &str) {
        match self.ledger.strike(key, &self.scope()) {
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

/// Returns the session in these bytes; `None` if it is not whole, from a newer version, or not the
/// one that its name says.
pub(super) fn read(key: &SessionKey, item: &SecretBytes) -> Option<Record> {
    let record = Record::from_item(item).ok()?;
    (record.key() == *key).then_some(record)
}

/// Whether this is the name of a quarantined item.
pub(super) fn is_quarantined(item: &str) -> bool {
    item.starts_with(UNREADABLE)
}

/// Returns the authority host in the name of a session's item, quarantined or not; `None` for
/// other names.
pub(super) fn host_in(item: &str) -> Option<&str> {
    let name = match item.strip_prefix(UNREADABLE) {
        Some(quarantined) => quarantined.trim_start().split_once(' ')?.1,
        None => item,
    };
    let (_, scope) = name.strip_prefix("session ")?.split_once(" at ")?;
    scope.split(' ').next()
}
