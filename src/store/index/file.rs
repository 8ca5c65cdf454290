//! Where the index is kept: one file in the state folder, or this process's memory.
//!
//! Reading takes no lock, because the file is only ever replaced whole. Whoever changes it reads,
//! changes and replaces it under a lock of its own, so that two processes that save different
//! sessions do not lose each other's.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::lines::{self, Sought};
use super::{Few, Index, IndexEntry};
use crate::account::{SessionKey, Tenancy};
use crate::error::{Error, Result};
use crate::files::Folder;
use crate::store::folder;
use crate::store::record::Record;

const VERSION: u32 = 1;

const NAME: &str = "index.json";

/// Longest index that is read, in bytes: a hundred thousand sessions have about as many.
const LONGEST: u64 = 128 * 1024 * 1024;

#[derive(Debug)]
pub(in crate::store) enum Ledger {
    File { folder: Folder },
    Memory(Mutex<Vec<IndexEntry>>),
}

/// What the file holds; see [`lines`] for how it is written.
#[derive(Deserialize)]
struct Form {
    version: u32,
    active: Vec<IndexEntry>,
    others: Vec<IndexEntry>,
}

impl Ledger {
    pub(in crate::store) fn new(folder: Option<&Folder>) -> Self {
        match folder {
            Some(folder) => Ledger::File {
                folder: folder.clone(),
            },
            None => Ledger::Memory(Mutex::default()),
        }
    }

    /// What is listed now, seen from `store`.
    pub(in crate::store) fn read(&self, store: &'static str) -> Result<Index> {
        let entries = match self {
            Ledger::File { folder } => match parse(&contents(folder)?) {
                Some(entries) => entries,
                None => read_damaged(folder)?,
            },
            Ledger::Memory(entries) => entries
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        };
        Ok(Index { store, entries })
    }

    /// The active session of this tenancy, by reading no further than the active ones.
    pub(in crate::store) fn active(
        &self,
        tenancy: &Tenancy,
        store: &'static str,
    ) -> Result<Option<IndexEntry>> {
        let index = match self.find(tenancy, store, Sought::Active) {
            Some(few) => few.into_index(store),
            None => self.read(store)?,
        };
        Ok(index.active(tenancy).cloned())
    }

    /// The sessions of this tenancy whose account `name` fits: by parsing the account alone of the
    /// others, however many there are.
    pub(in crate::store) fn called(
        &self,
        tenancy: &Tenancy,
        name: &str,
        store: &'static str,
    ) -> Result<Index> {
        match self.find(tenancy, store, Sought::Called(name)) {
            Some(few) => Ok(few.into_index(store)),
            None => self.read(store),
        }
    }

    /// The first sessions of this tenancy, the active one before all others, and how many more
    /// there are: by understanding no others.
    pub(in crate::store) fn first(
        &self,
        tenancy: &Tenancy,
        most: usize,
        store: &'static str,
    ) -> Result<Few> {
        if let Some(few) = self.find(tenancy, store, Sought::First(most)) {
            return Ok(few);
        }
        let mut entries = self.read(store)?.entries;
        entries.retain(|entry| entry.store == store && entry.tenancy == *tenancy);
        entries.sort_by_key(|entry| !entry.active);
        let left = entries.len().saturating_sub(most);
        entries.truncate(most);
        Ok(Few { entries, left })
    }

    /// `None` where only reading in full can tell.
    fn find(&self, tenancy: &Tenancy, store: &str, sought: Sought<'_>) -> Option<Few> {
        match self {
            Ledger::File { folder } => {
                // Reading in full says what is wrong with a file that does not open.
                let file = folder.open(NAME).ok()?;
                lines::find(file.take(LONGEST), tenancy, store, sought)
            }
            Ledger::Memory(_) => None,
        }
    }

    /// Lists a session as its record says. A new one becomes active where its tenancy has no
    /// active one; one that is listed stays what it is.
    pub(in crate::store) fn list(&self, record: &Record, store: &'static str) -> Result<()> {
        self.change(|entries| {
            let is_first = !entries.iter().any(|entry| {
                entry.active && entry.store == store && entry.tenancy == record.tenancy
            });
            match position(entries, record, store) {
                Some(at) => entries[at] = IndexEntry::of(record, store, entries[at].active),
                None => entries.push(IndexEntry::of(record, store, is_first)),
            }
            true
        })
        .map(drop)
    }

    /// Brings a listed session up to date; `false` where it is not listed any more.
    pub(in crate::store) fn update(&self, record: &Record, store: &'static str) -> Result<bool> {
        self.change(|entries| match position(entries, record, store) {
            Some(at) => {
                entries[at] = IndexEntry::of(record, store, entries[at].active);
                true
            }
            None => false,
        })
    }

    /// Makes this the active session of its tenancy; `false` where it is not listed.
    pub(in crate::store) fn activate(&self, key: &SessionKey, store: &'static str) -> Result<bool> {
        self.change(|entries| {
            let ours = |entry: &IndexEntry| entry.store == store && entry.tenancy == key.tenancy;
            let listed = entries.iter().any(|entry| ours(entry) && entry.is(key));
            if listed {
                for entry in entries.iter_mut().filter(|entry| ours(entry)) {
                    entry.active = entry.is(key);
                }
            }
            listed
        })
    }

    /// Lists a session no more; `false` where it was not listed.
    pub(in crate::store) fn strike(&self, key: &SessionKey, store: &'static str) -> Result<bool> {
        self.change(|entries| {
            let before = entries.len();
            entries.retain(|entry| entry.store != store || !entry.is(key));
            entries.len() < before
        })
    }

    /// Lists these no more, and says which they were.
    pub(in crate::store) fn strike_all(
        &self,
        store: &'static str,
        which: impl Fn(&IndexEntry) -> bool,
    ) -> Result<Vec<IndexEntry>> {
        let mut struck = Vec::new();
        self.change(|entries| {
            let leaves = |entry: &mut IndexEntry| entry.store == store && which(entry);
            struck = entries.extract_if(.., leaves).collect();
            true
        })?;
        Ok(struck)
    }

    /// Shows, before anything hangs on it, that a change could be written.
    pub(in crate::store) fn probe(&self) -> Result<()> {
        let Ledger::File { folder } = self else {
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

    fn change(&self, change: impl FnOnce(&mut Vec<IndexEntry>) -> bool) -> Result<bool> {
        match self {
            Ledger::File { folder } => change_file(folder, change),
            Ledger::Memory(entries) => Ok(change(
                &mut entries.lock().unwrap_or_else(PoisonError::into_inner),
            )),
        }
    }
}

fn change_file(folder: &Folder, change: impl FnOnce(&mut Vec<IndexEntry>) -> bool) -> Result<bool> {
    let _lock = lock(folder)?;
    let before = contents(folder)?;
    let mut entries = match parse(&before) {
        Some(entries) => entries,
        None => {
            set_aside(folder)?;
            Vec::new()
        }
    };
    let outcome = change(&mut entries);
    let after = lines::write(&entries)
        .map_err(|_| Error::internal("the index could not be written as JSON"))?
        .into_bytes();
    if after != before {
        folder
            .replace(NAME, &after)
            .map_err(|cause| folder::failure("replace the index", &file_in(folder), cause))?;
    }
    Ok(outcome)
}

/// The file's bytes; none where there is no file.
fn contents(folder: &Folder) -> Result<Vec<u8>> {
    match folder.read(NAME, LONGEST) {
        Ok(bytes) => Ok(bytes),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(cause) => Err(folder::failure("read the index", &file_in(folder), cause)),
    }
}

/// The sessions, or `None` where this is not an index that we understand.
fn parse(bytes: &[u8]) -> Option<Vec<IndexEntry>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let form: Form = serde_json::from_slice(bytes).ok()?;
    let active = form.active.into_iter().map(|entry| IndexEntry {
        active: true,
        ..entry
    });
    let entries = active.chain(form.others).collect();
    (form.version == VERSION).then_some(entries)
}

/// Reads once more under the lock: what is set aside must not be what another process has just
/// put in the damaged file's place.
fn read_damaged(folder: &Folder) -> Result<Vec<IndexEntry>> {
    let _lock = lock(folder)?;
    match parse(&contents(folder)?) {
        Some(entries) => Ok(entries),
        None => set_aside(folder).map(|()| Vec::new()),
    }
}

/// Takes an index that cannot be read out of the way. The lock is held.
fn set_aside(folder: &Folder) -> Result<()> {
    let failed = |cause| folder::failure("set aside the unreadable index", &file_in(folder), cause);
    let aside = folder::set_aside(folder, NAME).map_err(failed)?;
    tracing::warn!(
        "the list of sessions could not be read: it is kept as `{}`, and all count as signed out",
        aside.display()
    );
    Ok(())
}

fn lock(folder: &Folder) -> Result<File> {
    folder::exclusive(folder, "index.lock")
}

fn file_in(folder: &Folder) -> PathBuf {
    folder.path_of(NAME)
}

/// Where this session is listed.
fn position(entries: &[IndexEntry], record: &Record, store: &str) -> Option<usize> {
    let key = record.key();
    entries
        .iter()
        .position(|entry| entry.store == store && entry.is(&key))
}
