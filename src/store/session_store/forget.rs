//! Signing out: one session, or every session in the index or the store.

use super::reconcile::UNREADABLE;
use super::store::SessionStore;
use crate::account::SessionKey;
use crate::error::{Error, Kind, Result};
use crate::text::as_sentence;

/// The step that removes items which are no longer listed.
const LOGOUT: &str = "Run `acspass logout --all` in a login session that has this store.";

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
    /// Whether no such store is available here, so that it was not searched for unlisted sessions.
    pub is_unsearched: bool,
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
        let removed = self.remove_session(key);
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
        let removed = self.remove_session(key);
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
        let found = self.store.items_if_available();
        items.extend(found.iter().flatten().flatten().cloned());
        items.retain(|item| host_in(item).is_some_and(&matches_host));
        items.sort();
        items.dedup();

        let mut forgotten = ForgottenSessions {
            is_unsearched: matches!(found, Ok(None)),
            ..ForgottenSessions::default()
        };
        let mut failures = Vec::new();
        for item in &items {
            match self.store.delete(item) {
                Ok(true) if item.starts_with(UNREADABLE) => forgotten.quarantined += 1,
                Ok(true) => forgotten.sessions += 1,
                Ok(false) => forgotten.only_listed += 1,
                Err(cause) => failures.push((item, cause)),
            }
        }
        let is_chosen = |item: &str| host_in(item).is_some_and(&matches_host);
        let set_aside = self.store.remove_set_aside(&is_chosen);
        forgotten.quarantined += *set_aside.as_ref().unwrap_or(&0);
        let has_ended = |login: &String| self.store.has_ended(login);
        of_other_logins.retain(|entry| !entry.login.as_ref().is_some_and(has_ended));
        let alive = of_other_logins.len();
        if let Some((_, cause)) = failures.first() {
            let items: Vec<&str> = failures.iter().map(|(item, _)| item.as_str()).collect();
            return Err(self.not_removed(&items, cause.clone(), LOGOUT));
        }
        found?;
        set_aside?;
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

    /// Removes the item of a session that is no longer listed.
    fn remove_session(&self, key: &SessionKey) -> Result<bool> {
        let item = key.item_name();
        let removed = self.store.delete(&item);
        removed.map_err(|cause| self.not_removed(&[&item], cause, LOGOUT))
    }

    /// Removes an item; `false` if there was none. The error has the manual steps.
    pub(in crate::store) fn remove(&self, item: &str) -> Result<bool> {
        let step = "Run the command again in a login session that has this store.";
        let removed = self.store.delete(item);
        removed.map_err(|cause| self.not_removed(&[item], cause, step))
    }

    /// Returns the error for items that could not be removed, all for this cause. The hint begins with
    /// `step` if the store is missing here.
    fn not_removed(&self, items: &[&str], cause: Error, step: &str) -> Error {
        let store = self.store.name();
        let (what, purpose) = match items {
            [item] => (format!("the item `{item}`"), "To remove it yourself"),
            items => (format!("{} items", items.len()), "To remove them yourself"),
        };
        let message = format!("could not remove {what} from the store {store}");
        // The items stay where they are if another store is selected.
        let step = match without_other_store(cause.hint()) {
            "" => step,
            own => own,
        };
        let cause = cause.clone().with_hint(step);
        self.needs_removal_by_hand(cause, message, purpose, items)
    }

    /// Returns the error for items that only the user can remove. `purpose` precedes the steps.
    pub(super) fn needs_removal_by_hand(
        &self,
        cause: Error,
        message: String,
        purpose: &str,
        items: &[&str],
    ) -> Error {
        let steps = items.iter().map(|item| self.store.removal_by_hand(item));
        let steps = steps.collect::<Vec<_>>().join(", then ");
        let hint = format!("{} {purpose}, {steps}.", as_sentence(cause.hint()));
        Error::new(Kind::Store, message, hint).caused_by(cause)
    }
}

/// Returns the hint of a store's failure without the step that selects another store.
pub(crate) fn without_other_store(hint: &str) -> &str {
    const STEPS: [&str; 2] = [
        "Or run `acspass config set store ",
        "Run `acspass config set store ",
    ];
    let at = STEPS.into_iter().find_map(|step| hint.find(step));
    at.map_or(hint, |at| hint[..at].trim_end())
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
