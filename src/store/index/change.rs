//! Changes of the index. A change reads, changes and replaces the file under a lock, so that
//! concurrent saves of different sessions are not lost.

use std::fs::File;
use std::sync::PoisonError;

use super::contents::{self, Contents};
use super::entry::{IndexEntry, StoreAndLogin};
use super::search::{IndexStorage, NAME, bytes};
use crate::account::{EntraApplication, SessionKey};
use crate::error::{Error, Result};
use crate::files::Folder;
use crate::store::migration_note::UnfinishedMigration;
use crate::store::record::Record;
use crate::store::state_folder;

/// The most entries of one session in logins that may still run on other machines, which share a
/// home folder with this one.
const MAX_LOGINS: usize = 32;

impl IndexStorage {
    /// Adds or replaces the entry of a record. A new session becomes active if its application has no
    /// active one. Removes entries of the same store in logins that `have_ended`.
    pub(crate) fn upsert(
        &self,
        record: &Record,
        location: &StoreAndLogin,
        have_ended: impl Fn(&str) -> bool,
    ) -> Result<()> {
        self.change(|Contents { entries, .. }| {
            let is_elsewhere =
                |entry: &IndexEntry| entry.store == location.store && !location.includes(entry);
            entries.retain(|entry| {
                !(is_elsewhere(entry) && entry.login.as_deref().is_some_and(&have_ended))
            });
            if !replace(entries, record, location) {
                let mut entry = IndexEntry::of(record, location);
                let others = of_application(entries, &record.application, location);
                entry.active = !others.iter().any(|other| other.active);
                entries.push(entry);
            }
            let key = record.key();
            let of_other_logins = |entry: &IndexEntry| is_elsewhere(entry) && entry.is(&key);
            let others = entries.iter().filter(|entry| of_other_logins(entry));
            let surplus = others.count().saturating_sub(MAX_LOGINS);
            let others = entries.extract_if(.., |entry| of_other_logins(entry));
            others.take(surplus).for_each(drop);
        })
    }

    /// Replaces the entry of a listed session; `false` if it is no longer listed.
    pub(crate) fn update(&self, record: &Record, location: &StoreAndLogin) -> Result<bool> {
        self.change(|Contents { entries, .. }| replace(entries, record, location))
    }

    /// Lists a copy of a session of another store, and makes it active if `activates`. Returns `false`
    /// and lists nothing if the original is no longer listed.
    pub(crate) fn list_copy(
        &self,
        record: &Record,
        location: &StoreAndLogin,
        original: &StoreAndLogin,
        activates: bool,
    ) -> Result<bool> {
        self.change(|Contents { entries, .. }| {
            let key = record.key();
            if !entries.iter().any(|entry| original.owns(entry, &key)) {
                return false;
            }
            if !replace(entries, record, location) {
                entries.push(IndexEntry::of(record, location));
            }
            if activates {
                for entry in of_application(entries, &key.application, location) {
                    entry.active = entry.is(&key);
                }
            }
            true
        })
    }

    /// Lists sessions of one application that a damaged index lost, and notes that the application is
    /// restored. Activates a session if only one can be the active one, and returns whether it did.
    pub(crate) fn restore(
        &self,
        application: &EntraApplication,
        records: &[Record],
        location: &StoreAndLogin,
    ) -> Result<bool> {
        self.change(|Contents { entries, lost }| {
            let Some(lost) = lost else { return false };
            let mut added = Vec::new();
            for record in records {
                let key = record.key();
                if !entries.iter().any(|entry| location.owns(entry, &key)) {
                    entries.push(IndexEntry::of(record, location));
                    added.push(key);
                }
            }
            let mut of_application = of_application(entries, application, location);
            let lacks_active = !of_application.iter().any(|entry| entry.active);
            if lost.active && lacks_active {
                if of_application.len() > 1 {
                    of_application.retain(|entry| added.iter().any(|key| entry.is(key)));
                }
                if let [only] = &mut of_application[..] {
                    only.active = true;
                }
            }
            let is_activated = lacks_active && of_application.iter().any(|entry| entry.active);
            lost.set_restored(application, location);
            is_activated
        })
    }

    /// Makes this the active session of its application; `false` if it is not listed.
    pub(crate) fn activate(&self, key: &SessionKey, location: &StoreAndLogin) -> Result<bool> {
        self.change(|Contents { entries, .. }| {
            let of_application = of_application(entries, &key.application, location);
            let is_listed = of_application.iter().any(|entry| entry.is(key));
            if is_listed {
                for entry in of_application {
                    entry.active = entry.is(key);
                }
            }
            is_listed
        })
    }

    /// Removes a session's entry and returns it; `None` if the session was not listed.
    pub(crate) fn remove(
        &self,
        key: &SessionKey,
        location: &StoreAndLogin,
    ) -> Result<Option<IndexEntry>> {
        Ok(self.remove_all(|entry| location.owns(entry, key))?.pop())
    }

    /// Removes a session's entry, and in the same change the entry of its copy in the other store of an
    /// unfinished migration. A migration lists no copy of a session that is not listed, so none of them
    /// can be listed again. Returns whether the session was listed, and the other store.
    pub(crate) fn remove_with_copy(
        &self,
        key: &SessionKey,
        location: &StoreAndLogin,
    ) -> Result<(bool, Option<String>)> {
        // Read under the lock of the index: a migration that begins later finds no entry.
        let copy_in = || match self {
            IndexStorage::File(folder) => {
                let note = UnfinishedMigration::read(folder)?;
                let other = note.as_ref().and_then(|it| it.counterpart(location.store));
                Ok(other.map(str::to_owned))
            }
            IndexStorage::Memory(_) => Ok(None),
        };
        let (was_listed, copy_in) = self.change(|Contents { entries, .. }| {
            let copy_in = copy_in();
            let is_own = |entry: &IndexEntry| location.owns(entry, key);
            let was_listed = entries.iter().any(is_own);
            let other = copy_in.as_ref().ok().and_then(Option::as_deref);
            let is_copy = |entry: &IndexEntry| Some(entry.store.as_str()) == other && entry.is(key);
            entries.retain(|entry| !is_own(entry) && !is_copy(entry));
            (was_listed, copy_in)
        })?;
        Ok((was_listed, copy_in?))
    }

    /// Removes these entries, of any store and login, and returns them.
    pub(crate) fn remove_all(
        &self,
        which: impl Fn(&IndexEntry) -> bool,
    ) -> Result<Vec<IndexEntry>> {
        self.change(|Contents { entries, .. }| {
            entries.extract_if(.., |entry| which(entry)).collect()
        })
    }

    /// Checks that a change can be written.
    pub(crate) fn probe(&self) -> Result<()> {
        let IndexStorage::File(folder) = self else {
            return Ok(());
        };
        let _lock = lock(folder)?;
        let probe = "index.json.probe";
        folder
            .replace(probe, b"{}")
            .and_then(|()| folder.remove(probe))
            .map(drop)
            .map_err(|cause| {
                state_folder::error_at("write to the state folder", &folder.path(), cause)
            })
    }

    /// Changes the contents, and returns the result of `change`. A damaged file is quarantined first.
    fn change<T>(&self, change: impl FnOnce(&mut Contents) -> T) -> Result<T> {
        self.change_or_repair(true, change)
    }

    /// Returns the contents. Replaces a damaged file by its readable entries, and writes no other:
    /// a reader does not bring another version's file into this version's form.
    pub(super) fn repair(&self) -> Result<Contents> {
        self.change_or_repair(false, |contents| contents.clone())
    }

    fn change_or_repair<T>(
        &self,
        mut writes: bool,
        change: impl FnOnce(&mut Contents) -> T,
    ) -> Result<T> {
        let folder = match self {
            IndexStorage::File(folder) => folder,
            IndexStorage::Memory(contents) => {
                let mut contents = contents.lock().unwrap_or_else(PoisonError::into_inner);
                return Ok(change(&mut contents));
            }
        };
        let _lock = lock(folder)?;
        let mut before = bytes(folder)?;
        let mut contents = match contents::read(before.as_deref()) {
            Ok(contents) => contents,
            Err(salvaged) => {
                quarantine(folder, &salvaged)?;
                (before, writes) = (None, true);
                salvaged
            }
        };
        let outcome = change(&mut contents);
        let after = contents::write(&contents)
            .map_err(|_| Error::internal("the index could not be written as JSON"))?;
        if writes && before.is_none_or(|before| before != after.as_bytes()) {
            let replaced = folder.replace(NAME, after.as_bytes());
            replaced.map_err(state_folder::error_mapper(
                "replace the index",
                folder,
                NAME,
            ))?;
        }
        Ok(outcome)
    }
}

fn lock(folder: &Folder) -> Result<File> {
    state_folder::lock_file(folder, "index.lock")
}

/// Renames a damaged index. The caller has the lock.
fn quarantine(folder: &Folder, salvaged: &Contents) -> Result<()> {
    let kept = state_folder::quarantine("quarantine the damaged index", folder, NAME)?;
    let (kept, readable) = (kept.display(), salvaged.entries.len());
    match salvaged.lost {
        Some(_) => tracing::warn!(
            "the list of accounts was damaged and was renamed to `{kept}`: {readable} accounts are \
             restored; `acspass doctor` looks for others in the store"
        ),
        None => {
            tracing::warn!("the list of accounts had a duplicate and was renamed to `{kept}`")
        }
    }
    Ok(())
}

/// Replaces the entry of a session; `false` if it is not listed.
fn replace(entries: &mut Vec<IndexEntry>, record: &Record, location: &StoreAndLogin) -> bool {
    let key = record.key();
    let is_ours = |entry: &IndexEntry| location.owns(entry, &key);
    let Some(at) = entries.iter().position(is_ours) else {
        return false;
    };
    let mut entry = IndexEntry::of(record, location);
    entry.active = entries[at].active;
    entry.login = entry.login.or(entries[at].login.take());
    entries[at] = entry;
    // There may be an entry of an earlier version and one of this login.
    let repetitions = entries.extract_if(at + 1.., |other| is_ours(other));
    repetitions.for_each(drop);
    true
}

/// Returns the entries of this application that this login can use.
fn of_application<'e>(
    entries: &'e mut [IndexEntry],
    application: &EntraApplication,
    location: &StoreAndLogin,
) -> Vec<&'e mut IndexEntry> {
    entries
        .iter_mut()
        .filter(|entry| location.includes(entry) && entry.application == *application)
        .collect()
}
