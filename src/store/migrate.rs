//! Moves sessions and configuration secrets from one store to another.
//!
//! A session is first copied, and read back. From then on both stores have it, and the index lists it in
//! both: the configured store finds it, before and after its setting changes. Later it is deleted from
//! the old store. A note in the state folder names both stores until the end, so that an interrupted
//! migration continues, and a logout meanwhile removes both copies.
//!
//! The caller has the session's lock for each step: a process that renews has finished, and saves
//! nothing to the old store between the comparison and the deletion. A copy never replaces a newer
//! refresh token.

use std::fs::File;

use super::index::IndexEntry;
use super::lock::Guard;
use super::migration_note::UnfinishedMigration;
use super::record::Record;
use super::session_store::SessionStore;
use super::state_folder;
use crate::error::{Error, Kind, Result};
use crate::files::Folder;

/// A migration in progress.
pub struct Migration<'s> {
    from: &'s SessionStore,
    to: &'s SessionStore,
    folder: Folder,
    _lock: File,
}

impl<'s> Migration<'s> {
    /// Starts or continues the migration between two stores with this state folder. Checks first that
    /// the new store can save an item, and that the old one can be read.
    ///
    /// # Errors
    /// [`Kind::Store`] if a store or the state folder fails, or another migration runs;
    /// [`Kind::Usage`] if another one is unfinished.
    pub fn begin(from: &'s SessionStore, to: &'s SessionStore, folder: &Folder) -> Result<Self> {
        to.probe()?;
        // Without the old store, a note would only stand in the way of another migration.
        from.secret_items()?;
        let lock = state_folder::lock_file(folder, "migration.lock")?;
        let note = UnfinishedMigration {
            from: from.store_name().to_owned(),
            to: to.store_name().to_owned(),
        };
        let before = UnfinishedMigration::read(folder)?;
        if let Some(before) = before.filter(|before| *before != note) {
            return Err(Error::usage(
                format!(
                    "a migration from the store `{}` to `{}` is unfinished",
                    before.from, before.to
                ),
                format!("Run `acspass store migrate {}` first.", before.to),
            ));
        }
        note.write(folder)?;
        Ok(Migration {
            from,
            to,
            folder: folder.clone(),
            _lock: lock,
        })
    }

    /// Returns the old store.
    pub fn old_store(&self) -> &'s SessionStore {
        self.from
    }

    /// Returns the sessions that the index lists in the old store.
    ///
    /// # Errors
    /// [`Kind::Store`] if the index cannot be read.
    pub fn sessions(&self) -> Result<Vec<IndexEntry>> {
        Ok(self.from.index()?.entries().cloned().collect())
    }

    /// Returns the items of the old store with secrets of the configuration.
    ///
    /// # Errors
    /// [`Kind::Store`] if the old store fails.
    pub fn secrets(&self) -> Result<Vec<String>> {
        self.from.secret_items()
    }

    /// Copies a session and reads the copy back. `false` if the user signed out meanwhile, or if the old
    /// store has lost the session.
    ///
    /// Of two sessions, the one with the newer refresh token stays. If both are of the same age, that is
    /// the one in the store that is in use: the new one if `is_switched`.
    ///
    /// # Errors
    /// [`Kind::Store`] if a store fails, or does not return the copy.
    pub fn copy_session(
        &self,
        entry: &IndexEntry,
        guard: &Guard,
        is_switched: bool,
    ) -> Result<bool> {
        let key = entry.key();
        let there = self.to.load_under(&key, guard)?;
        if there.is_some() && !self.from.has_item(&key)? {
            // The migration was interrupted between the last two steps.
            self.from.unlist(&key)?;
            return Ok(true);
        }
        let Some(record) = self.from.load_under(&key, guard)? else {
            return Ok(false);
        };
        let record = match there {
            Some(there) if stays(&there, &record, is_switched) => there,
            _ => self.to.write(&record)?,
        };
        if self.to.load_under(&key, guard)?.as_ref() != Some(&record) {
            return Err(not_returned(self.to));
        }
        let activates = entry.active && !is_switched;
        let is_listed = self.to.list_copy(&record, self.from, activates)?;
        if !is_listed {
            self.to.remove(&key.item_name())?;
        }
        Ok(is_listed)
    }

    /// Moves a session after the new store has become the one in use: copies it again if the old store
    /// has a newer one, and deletes the old one. `false` as [`Migration::copy_session`].
    ///
    /// # Errors
    /// As [`Migration::copy_session`]; [`Kind::Store`] if the old item cannot be deleted.
    pub fn move_session(&self, entry: &IndexEntry, guard: &Guard) -> Result<bool> {
        let is_copied = self.copy_session(entry, guard, true)?;
        if is_copied {
            let key = entry.key();
            self.from.remove(&key.item_name())?;
            self.from.unlist(&key)?;
        }
        Ok(is_copied)
    }

    /// Copies a secret of the configuration and reads the copy back. If the new store has one and
    /// `is_switched`, that one stays.
    ///
    /// # Errors
    /// As [`Migration::copy_session`].
    pub fn copy_secret(&self, item: &str, is_switched: bool) -> Result<()> {
        let (from, to) = (&self.from.store, &self.to.store);
        let Some(secret) = from.load(item)? else {
            return Ok(());
        };
        let there = to.load(item)?;
        if there.is_some() && is_switched || there.as_ref() == Some(&secret) {
            return Ok(());
        }
        to.save(item, &secret)?;
        match to.load(item)? == Some(secret) {
            true => Ok(()),
            false => Err(not_returned(self.to)),
        }
    }

    /// Moves a secret, as [`Migration::move_session`] does.
    ///
    /// # Errors
    /// As [`Migration::move_session`].
    pub fn move_secret(&self, item: &str) -> Result<()> {
        self.copy_secret(item, true)?;
        self.from.remove(item).map(drop)
    }

    /// Ends the migration, if all sessions were moved.
    ///
    /// # Errors
    /// [`Kind::Store`] if the note cannot be removed.
    pub fn end(self) -> Result<()> {
        UnfinishedMigration::forget(&self.folder)
    }
}

/// Whether the session in the new store stays.
fn stays(there: &Record, here: &Record, is_switched: bool) -> bool {
    let [there, here] = [there, here].map(|record| record.refresh_token_issue);
    match is_switched {
        true => there >= here,
        false => there > here,
    }
}

fn not_returned(store: &SessionStore) -> Error {
    Error::new(
        Kind::Store,
        format!(
            "the store `{}` does not return an item that was just saved",
            store.store_name()
        ),
        "Check the store with its own program, then run the command again.",
    )
}
