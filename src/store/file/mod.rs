//! Sealed files, for machines without a keyring.
//!
//! Each item is one file in a folder for them. The file has its format, the derivation of its key
//! and the item's name in clear text, and the rest under an authenticated cipher that covers all of
//! it. So listing and deletion need no key, and no shared header can be lost. A file that cannot be
//! read is quarantined. A file that the key does not open is left unchanged.
//!
//! An export of a session has the same form, in a file that the user names.

mod export;
mod format;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod key;
mod store;
mod subject;
#[cfg(test)]
mod tests;

pub use export::ExportKey;
pub use key::{Purpose, create_key_file};
pub use store::FileStore;
pub(crate) use subject::{new_export_key_file, new_key_file};
