//! The note of an unfinished migration between two stores.

use serde::{Deserialize, Serialize};

use super::state_folder;
use crate::error::{Error, Result};
use crate::files::{Folder, none_if_missing};

/// The note, in the state folder.
const NOTE: &str = "migration.json";
/// The longest note, in bytes.
const MAX_NOTE_BYTES: u64 = 1024;

/// A migration that has begun and not ended, perhaps in a process that was killed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnfinishedMigration {
    /// The name of the old store.
    pub from: String,
    /// The name of the new store.
    pub to: String,
}

impl UnfinishedMigration {
    /// Reads the note; `None` if there is no unfinished migration.
    ///
    /// # Errors
    /// [`Kind::Store`](crate::Kind::Store) if the state folder cannot be read.
    pub fn read(folder: &Folder) -> Result<Option<Self>> {
        let bytes = none_if_missing(folder.read(NOTE, MAX_NOTE_BYTES));
        let bytes = bytes.map_err(state_folder::error_mapper("read", folder, NOTE))?;
        // The note is replaced as a whole: a damaged one says nothing.
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Writes the note.
    ///
    /// # Errors
    /// [`Kind::Store`](crate::Kind::Store) if it cannot be written.
    pub(super) fn write(&self, folder: &Folder) -> Result<()> {
        let bytes = serde_json::to_vec(self)
            .map_err(|_| Error::internal("a note could not be written as JSON"))?;
        let written = folder.replace_by_private(NOTE, &bytes);
        written.map_err(state_folder::error_mapper("write", folder, NOTE))
    }

    /// Returns the other store of the migration; `None` if `store` has no part in it.
    pub fn counterpart(&self, store: &str) -> Option<&str> {
        match store {
            _ if store == self.from => Some(&self.to),
            _ if store == self.to => Some(&self.from),
            _ => None,
        }
    }

    /// Removes the note, after all sessions were removed.
    ///
    /// # Errors
    /// [`Kind::Store`](crate::Kind::Store) if it cannot be removed.
    pub fn forget(folder: &Folder) -> Result<()> {
        let removed = folder.remove(NOTE);
        removed
            .map(drop)
            .map_err(state_folder::error_mapper("remove", folder, NOTE))
    }
}
