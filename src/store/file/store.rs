//! The store in sealed files.

use std::fmt;
use std::fs::File;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::format::{Sealed, seal};
use super::key::{Keys, Origin, Purpose};
use super::subject::Subject;
use crate::error::{Error, Result};
use crate::files::{Folder, none_if_missing};
use crate::secret::{Passphrase, SecretBytes};
use crate::store::state_folder;
use crate::store::token_store::TokenStore;
use crate::text::hex;

/// The longest sealed file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Stores items in sealed files. Reads the key file, or requests the passphrase, once, when the
/// first item is opened or sealed.
pub struct FileStore {
    folder: Folder,
    keys: Keys,
}

impl FileStore {
    /// Creates a store below this state folder, with the key from a file of at least 32 bytes that
    /// only its owner may read. See [`create_key_file`](super::key::create_key_file).
    pub fn with_key_file(state_folder: impl Into<Folder>, key_file: PathBuf) -> Self {
        let state_folder = state_folder.into();
        let origin = Origin::File(key_file, state_folder.trusted_uids.clone());
        FileStore::new(&state_folder, origin)
    }

    /// Creates a store below this state folder, with a key that Argon2id derives from a passphrase.
    /// `ask` requests it from the user for the given purpose, up to `tries` times if it is wrong.
    pub fn with_passphrase(
        state_folder: impl Into<Folder>,
        tries: u32,
        ask: impl Fn(Purpose) -> Result<Passphrase> + Send + Sync + 'static,
    ) -> Self {
        let origin = Origin::Passphrase(Box::new(ask), tries);
        FileStore::new(&state_folder.into(), origin)
    }

    fn new(state_folder: &Folder, origin: Origin) -> Self {
        FileStore {
            folder: state_folder.subfolder("sealed"),
            keys: Keys::new(origin, Subject::Store),
        }
    }

    pub(super) fn path(&self, item: &str) -> PathBuf {
        self.folder.file_path(file_name(item))
    }

    /// Locks the folder against other writers, which use the same temporary file.
    fn lock(&self) -> Result<File> {
        state_folder::lock_file(&self.folder, "lock")
    }

    fn names(&self) -> Result<Vec<String>> {
        self.folder
            .names()
            .map_err(|cause| state_folder::error_at("list the folder", &self.folder.path(), cause))
    }

    /// Removes a file; `false` if there was none.
    fn remove(&self, file: &str) -> Result<bool> {
        let _lock = self.lock()?;
        let removed = self.folder.remove(file);
        removed.map_err(state_folder::error_mapper(
            "remove the encrypted file",
            &self.folder,
            file,
        ))
    }

    /// Removes a file that was set aside, unless it has the name of an item that is not chosen.
    fn remove_chosen(&self, file: &str, is_chosen: &dyn Fn(&str) -> bool) -> Result<bool> {
        let bytes = self.read(file)?.unwrap_or_default();
        match Sealed::read(&bytes).is_none_or(|sealed| is_chosen(sealed.item)) {
            true => self.remove(file),
            false => Ok(false),
        }
    }

    /// Returns the names of the sealed files.
    fn files(&self) -> Result<Vec<String>> {
        let mut files = self.names()?;
        files.retain(|name| name.ends_with(".sealed"));
        files.sort();
        Ok(files)
    }

    fn read(&self, file: &str) -> Result<Option<Vec<u8>>> {
        let bytes = none_if_missing(self.folder.read(file, MAX_FILE_BYTES));
        bytes.map_err(state_folder::error_mapper(
            "read the encrypted file",
            &self.folder,
            file,
        ))
    }

    /// Quarantines a file that cannot be read, unless another process has replaced it.
    fn quarantine(&self, file: &str, readable: impl Fn(&[u8]) -> bool) -> Result<()> {
        let _lock = self.lock()?;
        if self.read(file)?.is_some_and(|bytes| !readable(&bytes)) {
            let what = "set aside the unreadable file";
            let aside = state_folder::quarantine(what, &self.folder, file)?;
            tracing::warn!(
                "could not read a session file, so its account is signed out: the file was renamed to `{}`",
                aside.display()
            );
        }
        Ok(())
    }
}

impl TokenStore for FileStore {
    fn name(&self) -> &'static str {
        "file"
    }

    fn load(&self, item: &str) -> Result<Option<SecretBytes>> {
        let file = file_name(item);
        // A second try, since another process may have replaced the file.
        for _ in 0..2 {
            let Some(bytes) = self.read(&file)? else {
                return Ok(None);
            };
            let open = |bytes: &[u8]| -> Result<Option<SecretBytes>> {
                match Sealed::read(bytes) {
                    Some(sealed) if sealed.item == item => {
                        Ok(sealed.open(&self.keys.key(sealed.kdf)?))
                    }
                    _ => Ok(None),
                }
            };
            if let Some(value) = open(&bytes)? {
                return Ok(Some(value));
            }
            self.quarantine(&file, |now| open(now).is_ok_and(|opened| opened.is_some()))?;
        }
        Ok(None)
    }

    fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
        if item.contains('\n') {
            return Err(Error::internal("an item's name is one line"));
        }
        let file = file_name(item);
        // The key must open the existing files: a mistyped passphrase must not seal a session that
        // the right passphrase does not open.
        let mut key = None;
        for file in std::iter::once(file.clone()).chain(self.files()?) {
            let bytes = self.read(&file)?.unwrap_or_default();
            if let Some(Sealed { kdf, .. }) = Sealed::read(&bytes) {
                key = Some((kdf.to_owned(), self.keys.key(kdf)?));
                break;
            }
        }
        let (kdf, key) = match key {
            Some(key) => key,
            None => self.keys.fresh()?,
        };
        let bytes = seal(item, &kdf, &key, value)?;
        let _lock = self.lock()?;
        let replaced = self.folder.replace(&file, &bytes);
        replaced.map_err(state_folder::error_mapper(
            "replace the encrypted file",
            &self.folder,
            &file,
        ))
    }

    fn delete(&self, item: &str) -> Result<bool> {
        if !self.folder.path().exists() {
            return Ok(false);
        }
        self.remove(&file_name(item))
    }

    fn items(&self) -> Result<Vec<String>> {
        let mut items = Vec::new();
        for file in self.files()? {
            let Some(bytes) = self.read(&file)? else {
                continue;
            };
            match Sealed::read(&bytes) {
                Some(sealed) => items.push(sealed.item.to_owned()),
                None => self.quarantine(&file, |now| Sealed::read(now).is_some())?,
            }
        }
        items.sort();
        Ok(items)
    }

    fn remove_set_aside(&self, is_chosen: &dyn Fn(&str) -> bool) -> Result<usize> {
        let mut files = self.names()?;
        files.retain(|name| name.contains(".sealed.unreadable-"));
        let (mut removed, mut failed) = (0, Ok(()));
        for file in files {
            match self.remove_chosen(&file, is_chosen) {
                Ok(is_removed) => removed += usize::from(is_removed),
                Err(error) => {
                    let path = self.folder.file_path(&file);
                    let step = format!(
                        "To remove it yourself, remove the file `{}`.",
                        path.display()
                    );
                    failed = failed.and(Err(error.with_hint(step)));
                }
            }
        }
        failed.map(|()| removed)
    }

    fn is_persistent(&self) -> bool {
        true
    }

    fn removal_by_hand(&self, item: &str) -> String {
        format!("remove the file `{}`", self.path(item).display())
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore")
            .field("folder", &self.folder.path())
            .finish_non_exhaustive()
    }
}

/// Returns the name of an item's file.
fn file_name(item: &str) -> String {
    let digest = Sha256::digest(item);
    format!("{}.sealed", hex(&digest[..16]))
}
