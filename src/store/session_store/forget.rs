//! Signing out: one session, or every session in the index or the store.

use super::reconcile::UNREADABLE;
use super::store::SessionStore;
use crate::account::SessionKey;
use crate::error::{Error, Kind, Result};
use crate::text::as_sentence;

/// The result of removing a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Whether the store had an item.
    pub removed: bool,
    /// Whether the index listed the session.
    pub was_listed: bool,
    /// The other store of an unfinished migration, which may have a copy of the item.
    pub copy_in: Option<String>,
}

/// The number of sessions that [`SessionStore::forget_everything`] removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ForgottenSessions {
    /// Sessions with an item that was removed from the store, listed or not.
    pub sessions: usize,
    /// Sessions that were listed, and whose items the store no longer had.
    pub only_listed: usize,
    /// Quarantined items that were removed.
    pub quarantined: usize,
}

impl SessionStore {
    /// Removes a session from the index, even if the store fails, and then from the store. No other
    /// account becomes active in its place. During a migration the copy in the other store loses its
    /// entry too.
    ///
    /// # Errors
    /// [`Kind::Store`] if the item cannot be removed, with the manual steps.
    pub fn forget(&self, key: &SessionKey) -> Result<Removal> {
        let unlisted = self.index.remove_with_copy(key, &self.store_and_login());
        let removed = self.remove(&key.item_name());
        let (was_listed, copy_in) = unlisted?;
        removed.map(|removed| Removal {
            removed,
            was_listed,
            copy_in,
        })
    }

    /// Removes the copy of a session in this store, after [`SessionStore::forget`] of the other store of
    /// a migration.
    ///
    /// # Errors
    /// As [`SessionStore::forget`].
    pub fn forget_copy(&self, key: &SessionKey) -> Result<()> {
        let unlisted = self.index.remove(key, &self.store_and_login());
        let removed = self.remove(&key.item_name());
        unlisted?;
        removed.map(drop)
    }

    /// Removes all sessions: listed ones, unlisted ones in the store, and quarantined ones. The
    /// secrets of the configuration stay. `matches_host` selects sessions by their authority host.
    ///
    /// # Errors
    /// [`Kind::Store`] if items cannot be listed or removed, with the manual steps. The other items
    /// are then removed, and the index lists none of them.
    pub fn forget_everything(
        &self,
        matches_host: impl Fn(&str) -> bool,
    ) -> Result<ForgottenSessions> {
        let login = self.store_and_login();
        let listed = self.index.remove_all(|entry| {
            entry.store == self.store.name() && matches_host(&entry.application.authority_host)
        });
        let (reachable, mut of_other_logins): (Vec<_>, Vec<_>) = listed
            .iter()
            .flatten()
            .partition(|entry| login.includes(entry));
        let mut items: Vec<String> = reachable
            .iter()
            .map(|entry| entry.key().item_name())
            .collect();
        let found = self.store.items();
        items.extend(found.iter().flatten().cloned());
        items.retain(|item| host_in(item).is_some_and(&matches_host));
        items.sort();
        items.dedup();

        let mut forgotten = ForgottenSessions::default();
        let mut failed = Ok(());
        for item in &items {
            match self.remove(item) {
                Ok(true) if item.starts_with(UNREADABLE) => forgotten.quarantined += 1,
                Ok(true) => forgotten.sessions += 1,
                Ok(false) => forgotten.only_listed += 1,
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        let has_ended = |login: &String| self.store.has_ended(login);
        of_other_logins.retain(|entry| !entry.login.as_ref().is_some_and(has_ended));
        let alive = of_other_logins.len();
        failed?;
        found?;
        listed?;
        let sessions = match alive {
            0 => return Ok(forgotten),
            1 => "1 session is".to_owned(),
            count => format!("{count} sessions are"),
        };
        Err(Error::new(
            Kind::Store,
            format!("{sessions} in the keyring of another login session"),
            "Run `acspass logout --all` in that login session, or end it: its keyring ends with it.",
        ))
    }

    /// Removes an item; `false` if there was none. The error has the manual steps.
    pub(in crate::store) fn remove(&self, item: &str) -> Result<bool> {
        self.store.delete(item).map_err(|cause| {
            let store = self.store.name();
            let message = format!("could not remove the item `{item}` from the store {store}");
            self.needs_removal_by_hand(cause, message, "To remove it yourself", item)
        })
    }

    /// Returns the error for an item that only the user can remove. `purpose` precedes the steps.
    pub(super) fn needs_removal_by_hand(
        &self,
        cause: Error,
        message: String,
        purpose: &str,
        item: &str,
    ) -> Error {
        let steps = self.store.removal_by_hand(item);
        let hint = format!("{} {purpose}, {steps}.", as_sentence(cause.hint()));
        Error::new(Kind::Store, message, hint).caused_by(cause)
    }
}

/// Returns the authority host in the name of a session's item, quarantined or not; `None` for other
/// names.
fn host_in(item: &str) -> Option<&str> {
    let name = match item.strip_prefix(UNREADABLE) {
        Some(quarantined) => quarantined.trim_start().split_once(' ')?.1,
        None => item,
    };
    let (_, application) = name.strip_prefix("session ")?.split_once(" at ")?;
    application.split(' ').next()
}
