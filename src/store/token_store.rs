//! The interface of a store for secret items, and the store in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::secret::SecretBytes;

/// A store of secret items. A call blocks its thread, for up to 5 s with a keyring that does not
/// answer, and longer while a user types a passphrase. A failure is of [`crate::error::Kind::Store`],
/// or [`crate::error::Kind::Interrupted`] if the user ends a prompt for a passphrase.
pub trait TokenStore: Send + Sync {
    /// Returns the store's name, as in the setting `store`.
    fn name(&self) -> &'static str;

    /// Returns the item's bytes; `None` if there is no such item.
    fn load(&self, item: &str) -> Result<Option<SecretBytes>>;

    /// Creates the item, or replaces it as a whole.
    fn save(&self, item: &str, value: &SecretBytes) -> Result<()>;

    /// Removes the item; `false` if there was none.
    fn delete(&self, item: &str) -> Result<bool>;

    /// Returns the names of all items, sorted, including locked ones.
    fn items(&self) -> Result<Vec<String>>;

    /// Removes what was set aside because it could not be read, outside of the items. `is_chosen` selects by
    /// the item's name; what has no readable name is removed too. Returns the number.
    fn remove_set_aside(&self, _is_chosen: &dyn Fn(&str) -> bool) -> Result<usize> {
        Ok(0)
    }

    /// Returns the names of all items; `None` if no such store is available here, for example no keyring.
    fn items_if_available(&self) -> Result<Option<Vec<String>>> {
        self.items().map(Some)
    }

    /// Returns whether items outlive the process.
    fn is_persistent(&self) -> bool;

    /// Returns the instruction for the user to remove an item if [`TokenStore::delete`] fails. It
    /// follows "to remove it by hand, ".
    fn removal_by_hand(&self, item: &str) -> String;

    /// Returns whether [`TokenStore::save`] failed for lack of space.
    fn lacks_room(&self, _failure: &Error) -> bool {
        false
    }

    /// Returns the login to which the items belong. Reads no item, and does not block.
    fn login_session(&self) -> LoginSession {
        LoginSession::Shared
    }

    /// Returns whether that login's items are certainly gone. `login` is from [`LoginSession::Own`] of any
    /// process.
    fn has_ended(&self, _login: &str) -> bool {
        false
    }
}

/// The login of the user to which a store's items belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginSession {
    /// All logins share the items.
    Shared,
    /// Only this login has the items; the text identifies the login.
    Own(String),
    /// The login of the items has ended: no item can be read or written.
    Ended,
    /// The login cannot be identified.
    Unknown,
}

/// Stores items in this process only. No call fails.
#[derive(Debug, Default)]
pub struct MemoryStore {
    items: Mutex<HashMap<String, SecretBytes>>,
}

impl MemoryStore {
    /// Creates an empty store.
    pub fn new() -> Self {
        MemoryStore::default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, SecretBytes>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenStore for MemoryStore {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn load(&self, item: &str) -> Result<Option<SecretBytes>> {
        Ok(self.lock().get(item).cloned())
    }

    fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
        self.lock().insert(item.to_owned(), value.clone());
        Ok(())
    }

    fn delete(&self, item: &str) -> Result<bool> {
        Ok(self.lock().remove(item).is_some())
    }

    fn items(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = self.lock().keys().cloned().collect();
        names.sort();
        Ok(names)
    }

    fn is_persistent(&self) -> bool {
        false
    }

    fn removal_by_hand(&self, _item: &str) -> String {
        "it ends with this process".to_owned()
    }
}
