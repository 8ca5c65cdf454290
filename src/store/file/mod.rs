//! Sealed files: for machines without a keyring, chosen on purpose.
//!
//! One file an item in a folder of their own, each whole in itself: it says in the clear what it
//! is, how its key is made and what its item is called, and holds the rest under an authenticated
//! cipher that covers all of it. So there is no header to lose, listing and forgetting need no
//! key, and one item is one file to read. What cannot be read is set aside under a name that says
//! so; what our key does not open is left as it is.

mod key;
mod seal;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use self::key::{Purpose, create_key_file};

use self::key::Keys;
use self::seal::{Sealed, seal};
use super::{TokenStore, folder};
use crate::error::{Error, Kind, Result};
use crate::secret::{Passphrase, SecretBytes};

/// Keeps items in sealed files. Neither the key file is read nor the passphrase asked for before
/// an item must be opened or sealed; then it happens once.
pub struct FileStore {
    folder: PathBuf,
    keys: Keys,
}

impl FileStore {
    /// A store below this state folder, under a key that a file holds: 32 bytes or more that
    /// nobody else may read. See [`create_key_file`].
    pub fn with_key_file(state_folder: &Path, key_file: PathBuf) -> Self {
        FileStore::new(state_folder, Keys::of_file(key_file))
    }

    /// A store below this state folder, under a key that is made of a passphrase by Argon2id.
    /// `ask` gets it from the user, and is told whether it is a new one.
    pub fn with_passphrase(
        state_folder: &Path,
        ask: impl Fn(Purpose) -> Result<Passphrase> + Send + Sync + 'static,
    ) -> Self {
        FileStore::new(state_folder, Keys::of_passphrase(Box::new(ask)))
    }

    fn new(state_folder: &Path, keys: Keys) -> Self {
        FileStore {
            folder: state_folder.join("sealed"),
            keys,
        }
    }

    fn path(&self, item: &str) -> PathBuf {
        let digest = Sha256::digest(item);
        let hex: String = digest[..16].iter().map(|b| format!("{b:02x}")).collect();
        self.folder.join(format!("{hex}.sealed"))
    }

    /// Writers take turns: they share a file's draft, and look at what is there first.
    fn turn(&self) -> Result<fs::File> {
        folder::exclusive(&self.folder, "lock")
    }

    fn paths(&self) -> Result<Vec<PathBuf>> {
        let failure = |cause| folder::failure("list the folder", &self.folder, cause);
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(failure(cause)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(failure)?.path();
            if path.extension().is_some_and(|ending| ending == "sealed") {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// Takes a file that cannot be read out of the way, unless it can be by now.
    fn set_aside(&self, path: &Path, readable: impl Fn(&[u8]) -> bool) -> Result<()> {
        let _turn = self.turn()?;
        if read(path)?.is_none_or(|bytes| readable(&bytes)) {
            return Ok(());
        }
        let aside = folder::set_aside(path)
            .map_err(|cause| folder::failure("set aside the unreadable file", path, cause))?;
        tracing::warn!(
            "a sealed file could not be read: it is kept as `{}`, and what it held counts as \
             signed out",
            aside.display()
        );
        Ok(())
    }
}

impl TokenStore for FileStore {
    fn name(&self) -> &'static str {
        "file"
    }

    fn load(&self, item: &str) -> Result<Option<SecretBytes>> {
        let path = self.path(item);
        // A file that is set aside may have been replaced by a whole one just before: so twice.
        for _ in 0..2 {
            let Some(bytes) = read(&path)? else {
                return Ok(None);
            };
            let open = |bytes: &[u8]| -> Result<Option<SecretBytes>> {
                let Some(sealed) = Sealed::read(bytes).filter(|sealed| sealed.item == item) else {
                    return Ok(None);
                };
                let key = self.keys.key(sealed.making)?;
                Ok(sealed.open(&key))
            };
            if let Some(value) = open(&bytes)? {
                return Ok(Some(value));
            }
            self.set_aside(&path, |now| open(now).is_ok_and(|opened| opened.is_some()))?;
        }
        Ok(None)
    }

    fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
        if item.contains('\n') {
            return Err(Error::internal("an item's name is one line"));
        }
        let path = self.path(item);
        // What is there already must open with our key: who mistypes the passphrase must not
        // replace a session by one that the right passphrase does not open.
        let mut making = None;
        for path in std::iter::once(path.clone()).chain(self.paths()?) {
            let bytes = read(&path)?.unwrap_or_default();
            making = Sealed::read(&bytes).map(|sealed| sealed.making.to_owned());
            if making.is_some() {
                break;
            }
        }
        let (making, key) = match making {
            Some(making) => {
                let key = self.keys.key(&making)?;
                (making, key)
            }
            None => self.keys.fresh()?,
        };
        let bytes = seal(item, &making, &key, value)?;
        let _turn = self.turn()?;
        folder::replace(&path, &bytes)
            .map_err(|cause| folder::failure("replace the sealed file", &path, cause))
    }

    fn delete(&self, item: &str) -> Result<bool> {
        let path = self.path(item);
        if !self.folder.exists() {
            return Ok(false);
        }
        let _turn = self.turn()?;
        folder::remove(&path)
            .map_err(|cause| folder::failure("remove the sealed file", &path, cause))
    }

    fn items(&self) -> Result<Vec<String>> {
        let mut items = Vec::new();
        for path in self.paths()? {
            let Some(bytes) = read(&path)? else { continue };
            match Sealed::read(&bytes) {
                Some(sealed) => items.push(sealed.item.to_owned()),
                None => self.set_aside(&path, |now| Sealed::read(now).is_some())?,
            }
        }
        items.sort();
        Ok(items)
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
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(folder::failure("read the sealed file", path, cause)),
    }
}

/// The key at hand is not the one that a file was sealed with. Nothing is touched.
fn wrong_key(message: &str, step: &str) -> Error {
    Error::new(
        Kind::Store,
        message,
        format!("{step}; to begin anew without what is sealed, run `acspass logout --all`"),
    )
}
