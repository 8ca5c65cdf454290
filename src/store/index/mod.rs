//! The index: the list of sessions and the expiry of their tokens, without secrets.
//!
//! `status` reads it, and it names the active account before a store is opened. It describes the
//! last save; only the store knows whether an item still exists.

mod change;
mod contents;
mod entry;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod line;
mod search;
#[cfg(test)]
mod search_tests;
mod view;

pub(super) use entry::StoreAndLogin;
pub use entry::{IndexEntry, IndexPage, IndexedCommunicationToken, IndexedEntraToken};
pub(super) use search::{IndexStorage, Query};
pub use view::Index;
