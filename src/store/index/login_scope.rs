//! Which entries of the index a process can use: those of its store, and of its login if the store
//! keeps each login's items apart.

use super::IndexEntry;
use crate::store::{Login, TokenStore};

/// A store, as this process reaches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct LoginScope {
    /// The store's name, as in the setting `store`.
    pub(super) store: &'static str,
    login: Login,
}

impl LoginScope {
    /// The place of this store. Reads no item.
    pub(in crate::store) fn of(store: &dyn TokenStore) -> Self {
        LoginScope {
            store: store.name(),
            login: store.login(),
        }
    }

    /// Whether this process can read the item of that entry. An entry of an earlier version names no
    /// login, so every login may try.
    pub(in crate::store) fn holds(&self, entry: &IndexEntry) -> bool {
        entry.store == self.store
            && match (&self.login, &entry.login) {
                (Login::Shared | Login::Unknown, _) => true,
                (Login::Own(_), None) => true,
                (Login::Own(own), Some(login)) => own == login,
                (Login::Ended, _) => false,
            }
    }

    /// Whether every entry of the store is this place's.
    pub(super) fn is_shared(&self) -> bool {
        self.login == Login::Shared
    }

    /// What an entry that is listed here says about its login.
    pub(super) fn login(&self) -> Option<&str> {
        match &self.login {
            Login::Own(own) => Some(own),
            Login::Shared | Login::Unknown | Login::Ended => None,
        }
    }
}
