//! The key of an export: one item in the form of a sealed file, outside a store.

use std::fmt;
use std::path::PathBuf;

use super::format::{MAGIC, MAGIC_WORDS, Sealed, seal};
use super::key::{Keys, Origin, Purpose};
use super::subject::Subject;
use crate::error::{Error, Result};
use crate::secret::{Passphrase, SecretBytes};

/// The name in the clear text of an export. It names no account, and no item of a store has it.
const ITEM: &str = "session export 1";

/// Seals an export, or opens one. Reads the key file, or requests the passphrase, at the first use.
pub struct ExportKey {
    keys: Keys,
}

impl ExportKey {
    /// Creates a key from a file of at least 32 bytes that only its owner may read. If this process is
    /// root, the file may belong to one of these users.
    pub fn with_key_file(key_file: PathBuf, trusted_uids: Vec<u32>) -> Self {
        ExportKey::new(Origin::File(key_file, trusted_uids))
    }

    /// Creates a key that Argon2id derives from a passphrase. `ask` requests it from the user for the
    /// given purpose, up to `tries` times if it is wrong.
    pub fn with_passphrase(
        tries: u32,
        ask: impl Fn(Purpose) -> Result<Passphrase> + Send + Sync + 'static,
    ) -> Self {
        ExportKey::new(Origin::Passphrase(Box::new(ask), tries))
    }

    fn new(origin: Origin) -> Self {
        ExportKey {
            keys: Keys::new(origin, Subject::Export),
        }
    }

    /// Seals the bytes with a new key.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the key file cannot be used; the error of the prompt.
    pub(crate) fn seal(&self, value: &SecretBytes) -> Result<Vec<u8>> {
        let (kdf, key) = self.keys.fresh()?;
        seal(ITEM, &kdf, &key, value)
    }

    /// Opens an export.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if it is not an export, damaged, or sealed with another key;
    /// the error of the prompt.
    pub(crate) fn open(&self, bytes: &[u8]) -> Result<SecretBytes> {
        let sealed = parse(bytes)?;
        sealed.open(&self.keys.key(sealed.kdf)?).ok_or_else(damaged)
    }

    /// Checks that these bytes have the form of an export, before a key is requested.
    ///
    /// # Errors
    /// As [`ExportKey::open`].
    pub(crate) fn check_form(bytes: &[u8]) -> Result<()> {
        parse(bytes).map(drop)
    }
}

fn parse(bytes: &[u8]) -> Result<Sealed<'_>> {
    match Sealed::read(bytes) {
        Some(sealed) if sealed.item == ITEM => Ok(sealed),
        Some(sealed) if sealed.item.starts_with("session export ") => Err(other_version()),
        Some(_) => Err(not_an_export()),
        None if bytes.is_empty() => Err(not_an_export()),
        None if bytes.starts_with(MAGIC.as_bytes()) => Err(damaged()),
        None if MAGIC.as_bytes().starts_with(bytes) => Err(damaged()),
        None if bytes.starts_with(MAGIC_WORDS.as_bytes()) => Err(other_version()),
        None => Err(not_an_export()),
    }
}

fn not_an_export() -> Error {
    Error::usage(
        "the file is not an export of a session",
        "Name a file that `acspass session export` wrote.",
    )
}

fn damaged() -> Error {
    Error::usage(
        "the export is damaged or incomplete",
        "Copy the file again, or export the session again.",
    )
}

fn other_version() -> Error {
    Error::usage(
        "the export is from another version of acspass",
        "Use the same version on both machines, or export the session again.",
    )
}

impl fmt::Debug for ExportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportKey").finish_non_exhaustive()
    }
}
