//! The storage of the index: one file in the state folder, or this process's memory.
//!
//! Reading takes no lock, because a change replaces the whole file. A change reads, changes and
//! replaces it under a lock, so that concurrent saves of different sessions are not lost.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use super::contents::Contents;
use super::entry::{IndexEntry, IndexPage};
use super::login_scope::LoginScope;
use super::reader::{self, Query};
use super::view::Index;
use super::{salvage, writer};
use crate::account::{SessionKey, Tenancy};
use crate::error::{Error, Result};
use crate::files::Folder;
use crate::store::folder;
use crate::store::record::Record;

const NAME: &str = "index.json";

/// The longest index that is read, in bytes, which is about 100,000 sessions. More is damage.
const LONGEST: u64 = 128 * 1024 * 1024;

/// The most entries of one session in logins that may still run on other machines, which share a
/// home folder with this one.
const MOST_LOGINS: usize = 32;

#[derive(Debug)]
pub(crate) enum IndexFile {
    File { folder: Folder },
    Memory(Mutex<Contents>),
}

impl IndexFile {
    pub(crate) fn new(folder: Option<&Folder>) -> Self {
        match folder {
            Some(folder) => IndexFile::File {
                folder: folder.clone(),
            },
            None => IndexFile::Memory(Mutex::default()),
        }
    }

    /// Reads the whole index for `scope`.
    pub(crate) fn read(&self, scope: &LoginScope) -> Result<Index> {
        let contents = match self {
            IndexFile::File { folder } => match bytes(folder)?.as_deref().map(salvage::read) {
                None => Contents::default(),
                Some(Ok(contents)) => contents,
                Some(Err(_)) => repair(folder)?,
            },
            IndexFile::Memory(contents) => contents
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        };
        Ok(Index::new(contents, scope))
    }

    /// Returns the active session of this tenancy, from the list of active ones. If there is none,
    /// reads the file in full: a damaged line may be the active session's.
    pub(crate) fn active(
        &self,
        tenancy: &Tenancy,
        scope: &LoginScope,
    ) -> Result<Option<IndexEntry>> {
        if let Some(page) = self.find(tenancy, scope, Query::Active)
            && let Some(entry) = page.entries.into_iter().next()
        {
            return Ok(Some(entry));
        }
        Ok(self.read(scope)?.active(tenancy).cloned())
    }

    /// Returns the sessions of this tenancy with an account that matches `name`. Parses only the account of
    /// other sessions.
    pub(crate) fn called(
        &self,
        tenancy: &Tenancy,
        name: &str,
        scope: &LoginScope,
    ) -> Result<IndexPage> {
        match self.find(tenancy, scope, Query::Called(name)) {
            Some(page) => Ok(page),
            None => self.first_by_full_read(tenancy, usize::MAX, scope),
        }
    }

    /// Returns the first sessions of this tenancy, the active one first, and the number of others.
    pub(crate) fn first(
        &self,
        tenancy: &Tenancy,
        most: usize,
        scope: &LoginScope,
    ) -> Result<IndexPage> {
        if let Some(page) = self.find(tenancy, scope, Query::First(most)) {
            return Ok(page);
        }
        self.first_by_full_read(tenancy, most, scope)
    }

    /// Does the same as [`IndexFile::first`], by reading the file in full.
    fn first_by_full_read(
        &self,
        tenancy: &Tenancy,
        most: usize,
        scope: &LoginScope,
    ) -> Result<IndexPage> {
        let index = self.read(scope)?;
        let is_incomplete = index.is_incomplete(tenancy);
        let mut entries = index.into_entries();
        entries.retain(|entry| scope.includes(entry) && entry.tenancy == *tenancy);
        entries.sort_by_key(|entry| !entry.active);
        let left = entries.len().saturating_sub(most);
        entries.truncate(most);
        Ok(IndexPage {
            entries,
            left,
            is_incomplete,
        })
    }

    /// Searches the file; `None` if it must be read in full.
    fn find(&self, tenancy: &Tenancy, scope: &LoginScope, query: Query<'_>) -> Option<IndexPage> {
        match self {
            IndexFile::File { folder } => {
                // Reading in full reports the error of a file that does not open.
                let file = folder.open(NAME).ok()?;
                reader::find(file.take(LONGEST), tenancy, scope, query)
            }
            IndexFile::Memory(_) => None,
        }
    }

    /// Adds or replaces the entry of a record. A new session becomes active if its tenancy has no
    /// active one. Removes entries of the same store in logins that `have_ended`.
    pub(crate) fn list(
        &self,
        record: &Record,
        scope: &LoginScope,
        have_ended: impl Fn(&str) -> bool,
    ) -> Result<()> {
        self.change(|Contents { entries, .. }| {
            entries.retain(|entry| {
                let elsewhere = entry.store == scope.store && !scope.includes(entry);
                !(elsewhere && entry.login.as_deref().is_some_and(&have_ended))
            });
            add(entries, record, scope);
            let key = record.key();
            let is_elsewhere = |entry: &IndexEntry| {
                entry.store == scope.store && !scope.includes(entry) && entry.is(&key)
            };
            let mut surplus = entries.iter().filter(|entry| is_elsewhere(entry)).count();
            surplus = surplus.saturating_sub(MOST_LOGINS);
            entries.retain(|entry| {
                let goes = surplus > 0 && is_elsewhere(entry);
                surplus -= usize::from(goes);
                !goes
            });
            true
        })
        .map(drop)
    }

    /// Replaces the entry of a listed session; `false` if it is no longer listed.
    pub(crate) fn update(&self, record: &Record, scope: &LoginScope) -> Result<bool> {
        self.change(|Contents { entries, .. }| {
            let is_listed = position(entries, record, scope).is_some();
            if is_listed {
                add(entries, record, scope);
            }
            is_listed
        })
    }

    /// Lists sessions of one tenancy that a damaged index lost, and notes that the tenancy is
    /// restored. Activates a session if only one can be the active one, and returns whether it did.
    pub(crate) fn restore(
        &self,
        tenancy: &Tenancy,
        records: &[Record],
        scope: &LoginScope,
    ) -> Result<bool> {
        self.change(|Contents { entries, lost }| {
            let Some(lost) = lost else { return false };
            let mut added = Vec::new();
            for record in records {
                if position(entries, record, scope).is_none() {
                    added.push(record.key());
                    entries.push(IndexEntry::of(record, scope, false));
                }
            }
            let ours = |entry: &IndexEntry| scope.includes(entry) && entry.tenancy == *tenancy;
            let of_tenancy = entries.iter_mut().filter(|entry| ours(entry));
            let mut of_tenancy: Vec<_> = of_tenancy.collect();
            let lacks_active = !of_tenancy.iter().any(|entry| entry.active);
            if lost.active && lacks_active {
                if of_tenancy.len() > 1 {
                    of_tenancy.retain(|entry| added.iter().any(|key| entry.is(key)));
                }
                if let [only] = &mut of_tenancy[..] {
                    only.active = true;
                }
            }
            let is_activated = lacks_active && of_tenancy.iter().any(|entry| entry.active);
            lost.set_restored(tenancy, scope);
            is_activated
        })
    }

    /// Makes this the active session of its tenancy; `false` if it is not listed.
    pub(crate) fn activate(&self, key: &SessionKey, scope: &LoginScope) -> Result<bool> {
        self.change(|Contents { entries, .. }| {
            let ours = |entry: &IndexEntry| scope.includes(entry) && entry.tenancy == key.tenancy;
            let listed = entries.iter().any(|entry| ours(entry) && entry.is(key));
            if listed {
                for entry in entries.iter_mut().filter(|entry| ours(entry)) {
                    entry.active = entry.is(key);
                }
            }
            listed
        })
    }

    /// Removes a session's entry and returns it; `None` if the session was not listed.
    pub(crate) fn remove(
        &self,
        key: &SessionKey,
        scope: &LoginScope,
    ) -> Result<Option<IndexEntry>> {
        let which = |entry: &IndexEntry| scope.includes(entry) && entry.is(key);
        Ok(self.remove_all(which)?.pop())
    }

    /// Removes these entries, of any store and login, and returns them.
    pub(crate) fn remove_all(
        &self,
        which: impl Fn(&IndexEntry) -> bool,
    ) -> Result<Vec<IndexEntry>> {
        let mut removed = Vec::new();
        self.change(|Contents { entries, .. }| {
            removed = entries.extract_if(.., |entry| which(entry)).collect();
            true
        })?;
        Ok(removed)
    }

    /// Checks that a change can be written.
    pub(crate) fn probe(&self) -> Result<()> {
        let IndexFile::File { folder } = self else {
            return Ok(());
        };
        let _lock = lock(folder)?;
        let probe = "index.json.probe";
        folder
            .replace(probe, b"{}")
            .and_then(|()| folder.remove(probe))
            .map(drop)
            .map_err(|cause| folder::failure("write to the state folder", &folder.path(), cause))
    }

    fn change(&self, change: impl FnOnce(&mut Contents) -> bool) -> Result<bool> {
        match self {
            IndexFile::File { folder } => change_file(folder, change),
            IndexFile::Memory(contents) => Ok(change(
                &mut contents.lock().unwrap_or_else(PoisonError::into_inner),
            )),
        }
    }
}

fn change_file(folder: &Folder, change: impl FnOnce(&mut Contents) -> bool) -> Result<bool> {
    let _lock = lock(folder)?;
    let mut before = bytes(folder)?;
    let mut contents = match before.as_deref().map(salvage::read) {
        None => Contents::default(),
        Some(Ok(contents)) => contents,
        Some(Err(salvaged)) => {
            quarantine(folder, &salvaged)?;
            before = None;
            salvaged
        }
    };
    let outcome = change(&mut contents);
    write(folder, &contents, before.as_deref())?;
    Ok(outcome)
}

/// Replaces a damaged index by its readable entries. Reads it again under the lock, since another
/// process may have replaced it already.
fn repair(folder: &Folder) -> Result<Contents> {
    let _lock = lock(folder)?;
    match bytes(folder)?.as_deref().map(salvage::read) {
        None => Ok(Contents::default()),
        Some(Ok(contents)) => Ok(contents),
        Some(Err(salvaged)) => {
            quarantine(folder, &salvaged)?;
            write(folder, &salvaged, None)?;
            Ok(salvaged)
        }
    }
}

/// Renames a damaged index. The caller has the lock.
fn quarantine(folder: &Folder, salvaged: &Contents) -> Result<()> {
    let kept = folder::quarantine(folder, NAME).map_err(|cause| {
        folder::failure("quarantine the damaged index", &folder.path_of(NAME), cause)
    })?;
    let (kept, readable) = (kept.display(), salvaged.entries.len());
    match salvaged.lost {
        Some(_) => tracing::warn!(
            "the list of sessions was damaged and is kept as `{kept}`: {readable} of its sessions \
             could be read. `acspass get` and `acspass doctor` look in the store for the others"
        ),
        None => {
            tracing::warn!("the list of sessions had one of them twice and is kept as `{kept}`")
        }
    }
    Ok(())
}

fn write(folder: &Folder, contents: &Contents, before: Option<&[u8]>) -> Result<()> {
    let after = writer::write(contents)
        .map_err(|_| Error::internal("the index could not be written as JSON"))?
        .into_bytes();
    if Some(&after[..]) == before {
        return Ok(());
    }
    folder
        .replace(NAME, &after)
        .map_err(|cause| folder::failure("replace the index", &folder.path_of(NAME), cause))
}

/// Returns the file's bytes, up to the longest index; `None` if there is no file.
fn bytes(folder: &Folder) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let file = folder.open(NAME);
    match file.and_then(|file| file.take(LONGEST).read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(folder::failure(
            "read the index",
            &folder.path_of(NAME),
            cause,
        )),
    }
}

fn lock(folder: &Folder) -> Result<File> {
    folder::exclusive(folder, "index.lock")
}

/// Adds a session, or replaces its entry.
fn add(entries: &mut Vec<IndexEntry>, record: &Record, scope: &LoginScope) {
    let mut entry = IndexEntry::of(record, scope, false);
    let ours = |other: &IndexEntry| scope.includes(other) && other.is(&record.key());
    match entries.iter().position(ours) {
        Some(at) => {
            entry.active = entries[at].active;
            entry.login = entry.login.or(entries[at].login.take());
            // There may be an entry of an earlier version and one of this login.
            let mut number = 0;
            entries.retain(|other| {
                number += 1;
                number - 1 <= at || !ours(other)
            });
            entries[at] = entry;
        }
        None => {
            let is_active = |other: &IndexEntry| other.active && other.tenancy == record.tenancy;
            let mut others = entries.iter().filter(|other| scope.includes(other));
            entry.active = !others.any(is_active);
            entries.push(entry);
        }
    }
}

/// Returns the position of this session's entry.
fn position(entries: &[IndexEntry], record: &Record, scope: &LoginScope) -> Option<usize> {
    let key = record.key();
    entries
        .iter()
        .position(|entry| scope.includes(entry) && entry.is(&key))
}
