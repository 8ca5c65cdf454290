//! The entries of the index that a process can use: those of its store and, if the store has separate
//! items for each login, of its login.

use crate::store::token_store::{Login, TokenStore};

/// A store, and the login of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoginScope {
    /// The store's name, as in the setting `store`.
    pub(super) store: &'static str,
    login: Login,
}

impl LoginScope {
    /// Returns the scope of this store. Reads no item.
    pub(crate) fn of(store: &dyn TokenStore) -> Self {
        LoginScope {
            store: store.name(),
            login: store.login(),
        }
    }

    /// Returns whether this process can read the items of that store and login. Earlier versions
    /// recorded no login, so every login may try to read their items.
    pub(super) fn covers(&self, store: &str, login: Option<&str>) -> bool {
        store == self.store
            && match (&self.login, login) {
                (Login::Shared | Login::Unknown, _) => true,
                (Login::Own(_), None) => true,
                (Login::Own(own), Some(login)) => own == login,
                (Login::Ended, _) => false,
            }
    }

    /// Returns whether the scope has every entry of the store.
    pub(super) fn is_shared(&self) -> bool {
        self.login == Login::Shared
    }

    /// Returns the login for a new entry.
    pub(super) fn login(&self) -> Option<&str> {
        match &self.login {
            Login::Own(own) => Some(own),
            Login::Shared | Login::Unknown | Login::Ended => None,
        }
    }
}
