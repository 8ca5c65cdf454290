//! Where secrets are kept between runs.
//!
//! A store takes and gives whole items, bytes under a name, and knows nothing of what is in them.
//! Beside it lie the index, which lists sessions without a secret, and the lock that makes one
//! process at a time the one that renews. [`SessionStore`] joins the three: nothing above this room
//! touches a store, the index or a lock by itself.

mod file;
pub(crate) mod folder;
mod holder;
mod index;
mod keyring;
#[cfg(target_os = "linux")]
mod keyutils;
mod lock;
mod memory;
mod record;
// macOS keeps items of any size, and so do files.
mod session_store;
#[cfg(any(windows, target_os = "linux", test))]
mod split;
#[cfg(test)]
mod tests;

pub use file::{FileStore, Purpose, create_key_file};
pub use holder::{Activity, Holder};
pub use index::{Index, IndexEntry, IndexPage, IndexedCommunicationToken, IndexedEntraToken};
pub use keyring::KeyringStore;
#[cfg(all(
    unix,
    not(any(target_os = "macos", target_os = "ios", target_os = "android"))
))]
pub(crate) use keyring::session_bus;
#[cfg(target_os = "linux")]
pub use keyutils::KeyutilsStore;
pub use lock::{Attempt, Guard, LockName};
pub use memory::MemoryStore;
pub use record::{CachedCommunicationToken, CachedEntraToken, Record, ShortTokens};
pub use session_store::{ForgottenSessions, Reconciled, Removal, SessionStore};

use crate::error::{Error, Result};
use crate::secret::SecretBytes;

/// A place that keeps secret items. Each call ends within five seconds, whatever the other side
/// does; every failure is [`crate::error::Kind::Store`] and says what is wrong and what to do.
pub trait TokenStore: Send + Sync {
    /// The store's name, as in the setting `store`.
    fn name(&self) -> &'static str;

    /// The item's bytes, or `None` where there is no such item.
    fn load(&self, item: &str) -> Result<Option<SecretBytes>>;

    /// Creates the item or replaces it whole.
    fn save(&self, item: &str, value: &SecretBytes) -> Result<()>;

    /// Removes the item; `false` where there was none.
    fn delete(&self, item: &str) -> Result<bool>;

    /// The names of all items, sorted; of those that are locked as well.
    fn items(&self) -> Result<Vec<String>>;

    /// Whether items outlive the process.
    fn is_persistent(&self) -> bool;

    /// How a person removes an item that [`TokenStore::delete`] could not: an order to follow
    /// "to remove it by hand, ".
    fn removal_by_hand(&self, item: &str) -> String;

    /// Whether [`TokenStore::save`] failed because there is no room for an item of that size.
    fn lacks_room(&self, failure: &Error) -> bool {
        let _ = failure;
        false
    }

    /// Which login's items this store holds. Reads no item, and never blocks.
    fn login(&self) -> Login {
        Login::Shared
    }

    /// Whether that login's items are certainly gone. `login` is from [`Login::Own`] in any process.
    fn has_ended(&self, login: &str) -> bool {
        let _ = login;
        false
    }
}

/// Which login of the user a store's items belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// All logins share the items.
    Shared,
    /// The items are this login's alone; the text identifies the login.
    Own(String),
    /// The items are this login's alone, and it has ended: nothing can be read or kept.
    Ended,
    /// The login cannot be identified. Nothing is concluded from that.
    Unknown,
}
