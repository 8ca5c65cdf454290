//! The locks that let one process at a time renew a session.
//!
//! A lock is a file that the operating system unlocks when its holder ends. Another file records the
//! holder (`holder`), so that a waiter can name it. This module does not wait: the caller decides how
//! long to try.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::fs::{File, TryLockError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use super::folder;
use super::holder::{Activity, Holder, HolderFile, Holders};
use crate::account::{SessionKey, Tenancy};
use crate::error::Result;
use crate::files::Folder;
use crate::text::hex;
use crate::time::{Clock, SystemClock, Timestamp};

/// The purpose of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LockName {
    /// To renew, replace or remove this session.
    Session(SessionKey),
    /// To sign a user in, before the account is known.
    Tenancy(Tenancy),
}

/// The result of trying to get a lock.
#[derive(Debug)]
pub enum Attempt {
    /// The lock, until the guard is dropped.
    Got(Guard),
    /// Another process or thread has it; `None` if its holder is not recorded.
    Held(Option<Holder>),
}

/// A taken lock. It is released when this value is dropped, or the process ends.
pub struct Guard {
    name: LockName,
    since: Timestamp,
    held: Held,
}

enum Held {
    File {
        record: Option<HolderFile>,
        // Closed, and so unlocked, after the record was emptied.
        _lock: File,
    },
    Memory(Arc<Mutex<HashMap<LockName, Holder>>>),
}

/// The storage of the locks.
#[derive(Debug)]
pub(super) enum Locks {
    Folder(Folder),
    Memory(Arc<Mutex<HashMap<LockName, Holder>>>),
}

impl Locks {
    pub(super) fn new(state_folder: Option<&Folder>) -> Self {
        match state_folder {
            Some(folder) => Locks::Folder(folder.below("locks")),
            None => Locks::Memory(Arc::default()),
        }
    }

    pub(super) fn try_lock(&self, name: &LockName, activity: Activity) -> Result<Attempt> {
        let holder = Holder {
            pid: std::process::id(),
            activity,
            // This machine's clock: the time of a process, not of a token.
            since: SystemClock.now(),
        };
        let held = match self {
            Locks::Folder(folder) => {
                let name = name.file_name();
                let failure = |cause| folder::failure("lock", &folder.path_of(&name), cause);
                let file = folder.open_or_create(&name).map_err(failure)?;
                let holders = Holders::of(folder);
                let records = holders.lock();
                match file.try_lock() {
                    Ok(()) => {}
                    Err(TryLockError::WouldBlock) => {
                        let holder = records.and_then(|records| holders.read(&name, &records));
                        return Ok(Attempt::Held(holder));
                    }
                    Err(TryLockError::Error(cause)) => return Err(failure(cause)),
                }
                let record = holders.open(&name);
                let record = record
                    .inspect(|record| record.write(&holder, records.as_ref()))
                    .inspect_err(|error| tracing::debug!("{error}"))
                    .ok();
                Held::File {
                    record,
                    _lock: file,
                }
            }
            Locks::Memory(locks) => {
                match lock(locks).entry(name.clone()) {
                    Entry::Occupied(held) => return Ok(Attempt::Held(Some(*held.get()))),
                    Entry::Vacant(free) => free.insert(holder),
                };
                Held::Memory(Arc::clone(locks))
            }
        };
        Ok(Attempt::Got(Guard {
            name: name.clone(),
            since: holder.since,
            held,
        }))
    }
}

impl LockName {
    fn file_name(&self) -> String {
        let digest = Sha256::digest(self.to_string());
        let hex = hex(&digest[..12]);
        format!("{hex}.lock")
    }
}

impl fmt::Display for LockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockName::Session(key) => f.write_str(&key.item()),
            LockName::Tenancy(tenancy) => write!(
                f,
                "sign-in at {} {} {}",
                tenancy.authority_host, tenancy.tenant, tenancy.client_id
            ),
        }
    }
}

impl Guard {
    /// Records the activity for waiters.
    pub fn set_activity(&self, activity: Activity) {
        let holder = Holder {
            pid: std::process::id(),
            activity,
            since: self.since,
        };
        match &self.held {
            Held::File { record, .. } => {
                if let Some(record) = record {
                    record.update(&holder);
                }
            }
            Held::Memory(locks) => {
                lock(locks).insert(self.name.clone(), holder);
            }
        }
    }

    /// Returns the purpose of the lock.
    pub fn name(&self) -> &LockName {
        &self.name
    }

    /// Returns whether this is the lock of that session, which each write to its item needs.
    pub(super) fn covers(&self, key: &SessionKey) -> bool {
        matches!(&self.name, LockName::Session(held) if held == key)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        match &self.held {
            // Before the lock is released: afterwards the record is another holder's. The lock file
            // stays, since two processes could otherwise lock two files of one name.
            Held::File { record, .. } => {
                if let Some(record) = record {
                    record.clear();
                }
            }
            Held::Memory(locks) => {
                lock(locks).remove(&self.name);
            }
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").field(&self.name).finish()
    }
}

fn lock(locks: &Mutex<HashMap<LockName, Holder>>) -> MutexGuard<'_, HashMap<LockName, Holder>> {
    locks.lock().unwrap_or_else(PoisonError::into_inner)
}
