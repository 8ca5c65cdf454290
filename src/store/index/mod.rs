//! The index: the list of sessions and the expiry of their tokens, without secrets.
//!
//! `status` reads it, and it names the active account before a store is opened. It describes the
//! last save; only the store knows whether an item still exists.

mod contents;
mod entry;
mod file;
mod form;
mod login_scope;
mod reader;
#[cfg(test)]
mod reader_tests;
mod salvage;
mod view;
mod writer;

pub use entry::{IndexEntry, IndexPage, IndexedCommunicationToken, IndexedEntraToken};
pub(super) use file::IndexFile;
pub(super) use login_scope::LoginScope;
pub use view::Index;
