//! One process at a time renews a session: the locks that see to it.
//!
//! A lock is a file that the operating system unlocks when its holder ends, however it ends. The
//! holder is recorded in another file beside it (`holder`), so that a waiter can name it. Nothing
//! waits here: how long to try, and what to tell the user meanwhile, is the caller's decision.

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

/// What a lock is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LockName {
    /// Renewing, replacing or ending this session.
    Session(SessionKey),
    /// Somebody's sign-in, while nobody knows yet who it will be.
    Tenancy(Tenancy),
}

/// What came of trying to get a lock.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours until the guard is dropped.
    Got(Guard),
    /// Another process or thread has it; `None` if it is not recorded which.
    Held(Option<Holder>),
}

/// A lock that is held, until this is dropped or the process ends.
pub struct Guard {
    name: LockName,
    since: Timestamp,
    held: Held,
}

enum Held {
    File {
        record: Option<HolderFile>,
        // Closed after the record has been emptied, and unlocked by that.
        _lock: File,
    },
    Memory(Arc<Mutex<HashMap<LockName, Holder>>>),
}

/// Where locks are kept.
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
            // The machine's own clock: since when a process runs has nothing to do with tokens.
            since: SystemClock.now(),
        };
        let held = match self {
            Locks::Folder(folder) => {
                let name = name.file_name();
                let failure = |cause| folder::failure("lock", &folder.path_of(&name), cause);
                let file = folder.open_or_create(&name).map_err(failure)?;
                let holders = Holders::of(folder);
                let gate = holders.lock();
                match file.try_lock() {
                    Ok(()) => {}
                    Err(TryLockError::WouldBlock) => {
                        let holder = gate.and_then(|gate| holders.read(&name, &gate));
                        return Ok(Attempt::Held(holder));
                    }
                    Err(TryLockError::Error(cause)) => return Err(failure(cause)),
                }
                let record = holders.open(&name);
                let record = record
                    .inspect(|record| record.write(&holder, gate.as_ref()))
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
    /// Tells waiters what is going on now.
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

    /// What the lock is for.
    pub fn name(&self) -> &LockName {
        &self.name
    }

    /// Whether this is the lock of that session, which every write to the session's item needs.
    pub(super) fn covers(&self, key: &SessionKey) -> bool {
        matches!(&self.name, LockName::Session(held) if held == key)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        match &self.held {
            // Before the lock is released: afterwards the record is another holder's. The lock file
            // stays, since two processes could otherwise hold two files of one name.
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
