//! The folder of a service for one command: a new one in each run, removed at its end.

use std::fs::{File, TryLockError};
use std::io;

use crate::error::Result;
use crate::files::{Folder, is_unsupported};
use crate::store::state_folder;

use super::dir::LOCK;
use super::secret::random;

/// The beginning of the folders' names.
const PREFIX: &str = "acspass-exec-";
/// Random bytes in a name: short, because the path of a socket is.
const NAME_BYTES: usize = 6;

/// A folder that is not yet created. Dropping the value removes it with its files.
#[derive(Debug)]
pub struct PrivateFolder {
    folder: Folder,
    /// The shared lock of all folders in use.
    _in_use: Option<File>,
}

impl PrivateFolder {
    /// Returns a new folder in `parent`. If no other one there is in use, removes those of processes
    /// that were killed.
    ///
    /// # Errors
    /// [`Kind::Store`](crate::Kind::Store) if `parent` cannot be written.
    pub fn new(parent: &Folder) -> Result<PrivateFolder> {
        let failed = |cause| state_folder::error_at("lock", &parent.file_path(LOCK), cause);
        parent
            .create_private()
            .map_err(|cause| state_folder::error_at("create the folder", &parent.path(), cause))?;
        let lock = parent.open_or_create(LOCK).map_err(failed)?;
        let in_use = match share(&lock, || remove_all(parent)) {
            Ok(()) => Some(lock),
            // Without locks nothing is known to be left over.
            Err(cause) if is_unsupported(&cause) => None,
            Err(cause) => return Err(failed(cause)),
        };
        let name = format!("{PREFIX}{}", random::<NAME_BYTES>()?);
        let folder = Folder::new(parent.file_path(name));
        Ok(PrivateFolder {
            folder: folder.with_trusted_uids(parent.trusted_uids.clone()),
            _in_use: in_use,
        })
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        match std::fs::remove_dir_all(self.folder.path()) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                let path = self.folder.path();
                tracing::warn!("`{}` could not be removed: {cause}", path.display());
            }
            _ => {}
        }
    }
}

/// Takes a shared lock. Calls `alone` before, if no other process has one.
fn share(lock: &File, alone: impl FnOnce()) -> io::Result<()> {
    match lock.try_lock() {
        Ok(()) => {
            alone();
            lock.unlock()?;
        }
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(cause)) => return Err(cause),
    }
    // Another process holds the exclusive lock for a moment only.
    lock.lock_shared()
}

fn remove_all(parent: &Folder) {
    let names = parent.names().unwrap_or_default();
    for name in names.iter().filter(|name| name.starts_with(PREFIX)) {
        // Its guard may remove it at the same time.
        if let Err(cause) = std::fs::remove_dir_all(parent.file_path(name)) {
            tracing::debug!("Could not remove a stale folder: {cause}.");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_of_a_killed_process_is_removed_once_no_other_one_is_in_use() {
        let outer = tempfile::tempdir().expect("a folder");
        let parent = Folder::new(outer.path().join("exec"));
        let first = PrivateFolder::new(&parent).expect("a folder");
        first.folder().create_private().expect("it is created");
        let stale = parent.file_path("acspass-exec-stale");
        std::fs::create_dir(&stale).expect("a folder");
        let second = PrivateFolder::new(&parent).expect("a folder");
        assert_ne!(first.folder().path(), second.folder().path());
        assert!(first.folder().path().exists() && stale.exists());
        drop(second);
        let path = first.folder().path();
        drop(first);
        assert!(!path.exists());
        drop(PrivateFolder::new(&parent).expect("a folder"));
        assert!(!stale.exists());
        assert_eq!(parent.names().expect("a folder"), [LOCK]);
    }
}
