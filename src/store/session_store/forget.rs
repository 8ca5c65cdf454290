//! Signing out: one session, or every session that the index or the store knows.

use super::SessionStore;
use super::findings::{host_in, is_quarantined};
use crate::account::SessionKey;
use crate::error::{Error, Kind, Result};

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removal {
    /// Whether there was an item in the store.
    pub removed: bool,
}

/// How many sessions [`SessionStore::forget_everything`] forgot, by what was there of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ForgottenSessions {
    /// Sessions whose item was in the store and is removed, listed or not.
    pub sessions: usize,
    /// Sessions that were only listed: the store no longer had their items.
    pub only_listed: usize,
    /// Quarantined items that were removed.
    pub quarantined: usize,
}

impl SessionStore {
    /// Forgets a session: the index at once, whatever state the store is in, then the store. No
    /// other account becomes active in its place.
    ///
    /// # Errors
    /// [`Kind::Store`] where the item could not be removed, with how to do that by hand.
    pub fn forget(&self, key: &SessionKey) -> Result<Removal> {
        let struck = self.ledger.strike(key, &self.scope());
        let removed = self.remove(&key.item());
        struck?;
        removed.map(|removed| Removal { removed })
    }

    /// Forgets all sessions, whatever is there: those that the index lists, those that only the
    /// store knows, and quarantined ones; not the secrets of the configuration. `whose` decides by
    /// each session's authority host. Returns what there was.
    ///
    /// # Errors
    /// [`Kind::Store`] where items could not be found or removed, with how to do that by hand; what
    /// could be forgotten is then forgotten, and the index lists none of them.
    pub fn forget_everything(&self, whose: impl Fn(&str) -> bool) -> Result<ForgottenSessions> {
        let (store, scope) = (self.store.name(), self.scope());
        let listed = self
            .ledger
            .strike_all(|entry| entry.store == store && whose(&entry.tenancy.authority_host));
        let (reachable, of_other_logins): (Vec<_>, Vec<_>) = listed
            .iter()
            .flatten()
            .partition(|entry| scope.holds(entry));
        let mut items: Vec<String> = reachable.iter().map(|entry| entry.key().item()).collect();
        let found = self.store.items();
        items.extend(found.iter().flatten().cloned());
        items.retain(|item| host_in(item).is_some_and(&whose));
        items.sort();
        items.dedup();

        let mut forgotten = ForgottenSessions::default();
        let mut failed = None;
        for item in &items {
            match self.remove(item) {
                Ok(true) if is_quarantined(item) => forgotten.quarantined += 1,
                Ok(true) => forgotten.sessions += 1,
                Ok(false) => forgotten.only_listed += 1,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let ended = |login: &String| self.store.has_ended(login);
        let alive = of_other_logins
            .iter()
            .filter(|entry| !entry.login.as_ref().is_some_and(ended));
        let alive = alive.count();
        if let Some(error) = failed {
            return Err(error);
        }
        found?;
        listed?;
        match alive {
            0 => Ok(forgotten),
            _ => Err(out_of_reach(alive)),
        }
    }

    /// Removes an item; `false` if there was none. The error says how to remove it by hand.
    pub(super) fn remove(&self, item: &str) -> Result<bool> {
        self.store.delete(item).map_err(|cause| {
            Error::new(
                Kind::Store,
                format!(
                    "the item `{item}` could not be removed from the {}",
                    self.store.name()
                ),
                format!(
                    "{}; to remove it by hand, {}",
                    cause.hint(),
                    self.store.removal_by_hand(item)
                ),
            )
            .caused_by(cause)
        })
    }
}

/// The items of another login's keyring, which only that login can remove.
fn out_of_reach(count: usize) -> Error {
    let sessions = match count {
        1 => "1 session is".to_owned(),
        count => format!("{count} sessions are"),
    };
    Error::new(
        Kind::Store,
        format!("{sessions} in the keyring of another login, which this one cannot change"),
        "run `acspass logout --all` in that login too, or end that login: its keyring ends with it",
    )
}
