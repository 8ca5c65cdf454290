//! Stores sessions between runs.
//!
//! A [`TokenStore`] reads and writes whole items, which are bytes under a name. The index lists the
//! sessions without their secrets. A lock lets one process at a time renew a session.
//! [`SessionStore`] combines the three.

mod file;
mod index;
mod keyring;
#[cfg(target_os = "linux")]
mod keyutils;
mod lock;
mod migrate;
mod migration_note;
mod record;
mod session_store;
pub(crate) mod state_folder;
// The kernel's keyring and Windows limit the size of an item.
#[cfg(any(windows, target_os = "linux", test))]
mod split;
#[cfg(test)]
mod tests;
mod token_store;

#[cfg(fuzzing)]
pub(crate) use file::fuzzing::sealed_file as sealed_file_for_fuzzing;
#[cfg(fuzzing)]
pub(crate) use index::fuzzing::index as index_for_fuzzing;

pub use file::{ExportKey, FileStore, Purpose, create_key_file};
pub(crate) use file::{new_export_key_file, new_key_file};
pub use index::{Index, IndexEntry, IndexPage, IndexedCommunicationToken, IndexedEntraToken};
pub use keyring::KeyringStore;
#[cfg(not(any(target_os = "macos", windows)))]
pub(crate) use keyring::session_bus;
#[cfg(target_os = "linux")]
pub use keyutils::KeyutilsStore;
pub use lock::{Activity, Guard, Holder, LockAttempt, LockTarget};
pub use migrate::Migration;
pub use migration_note::UnfinishedMigration;
pub use record::{
    CachedCommunicationToken, CachedEntraToken, Record, RefreshTokenIssue, ShortLifetimeNote,
};
pub(crate) use session_store::without_other_store;
pub use session_store::{ForgottenSessions, Reconciled, Removal, SessionStore};
pub use token_store::{LoginSession, MemoryStore, TokenStore};
