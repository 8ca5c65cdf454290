//! The locks that let one process at a time renew a session.
//!
//! A lock is a file that the operating system unlocks when its holder ends. This module does not wait
//! for it: the caller decides how long to try.
//!
//! A record of the holder, in a file beside the lock file, lets a waiter name it. The lock file cannot
//! contain it: on Windows a process cannot read a file that another process has locked. So the record
//! has a separate file on all platforms.
//!
//! A killed process leaves its record behind, and a record does not prove that its lock is taken. So
//! taking a lock and recording the holder are one step, and so are failing to take a lock and reading
//! the record. Both happen under a short lock for all holder files. So a reader does not see the record of
//! an earlier holder.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::state_folder;
use crate::account::{EntraApplication, SessionKey};
use crate::error::Result;
use crate::files::Folder;
use crate::text::hex;
use crate::time::{Clock, SystemClock, Timestamp, unix_seconds};

/// The longest record, in bytes.
const MAX_RECORD_BYTES: u64 = 1024;

/// The purpose of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LockTarget {
    /// To renew or replace this session, or to make its index entry match its item. A logout takes no
    /// lock.
    Session(SessionKey),
    /// To sign a user in, before the account is known.
    SignIn(EntraApplication),
}

/// The activity of a lock's holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Activity {
    /// Refreshing, exchanging or changing a session, which takes seconds.
    Renewing,
    /// Waiting for a user to sign in.
    SigningIn,
}

/// The holder of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Its activity.
    pub activity: Activity,
    /// The time of taking the lock, by this machine's clock.
    #[serde(rename = "since_seconds", with = "unix_seconds")]
    pub since: Timestamp,
}

/// The result of trying to get a lock.
#[derive(Debug)]
pub enum LockAttempt {
    /// The lock, until the guard is dropped.
    Acquired(Guard),
    /// Another process or thread has it; `None` if its holder is not recorded.
    Held(Option<Holder>),
}

/// A taken lock. It is released when this value is dropped, or the process ends.
pub struct Guard {
    scope: LockTarget,
    /// This process, with its activity when it took the lock.
    holder: Holder,
    held: HeldLock,
}

enum HeldLock {
    File {
        folder: Folder,
        /// The record of the holder, if it could be opened.
        record: Option<File>,
        // Closed, and so unlocked, after the record was emptied.
        _lock: File,
    },
    Memory(MemoryLocks),
}

/// The storage of the locks.
#[derive(Debug)]
pub(super) enum Locks {
    Folder(Folder),
    Memory(MemoryLocks),
}

type MemoryLocks = Arc<Mutex<HashMap<LockTarget, Holder>>>;

impl Locks {
    pub(super) fn new(state_folder: Option<&Folder>) -> Self {
        match state_folder {
            Some(folder) => Locks::Folder(folder.subfolder("locks")),
            None => Locks::Memory(Arc::default()),
        }
    }

    pub(super) fn try_lock(&self, scope: &LockTarget, activity: Activity) -> Result<LockAttempt> {
        let holder = Holder {
            pid: std::process::id(),
            activity,
            // This machine's clock: the time of a process, not of a token.
            since: SystemClock.now(),
        };
        let held = match self {
            Locks::Folder(folder) => {
                let digest = Sha256::digest(scope.to_string());
                let lock = format!("{}.lock", hex(&digest[..12]));
                let record = format!("{lock}.holder");
                let failed = state_folder::error_mapper("lock", folder, &lock);
                let file = folder.open_or_create(&lock).map_err(&failed)?;
                let all_holders = lock_holder_files(folder);
                match file.try_lock() {
                    Ok(()) => {}
                    Err(TryLockError::WouldBlock) => {
                        // Without the lock of the holder files, this may be an earlier holder's.
                        let holder = all_holders.and_then(|_lock| read_holder(folder, &record));
                        return Ok(LockAttempt::Held(holder));
                    }
                    Err(TryLockError::Error(cause)) => return Err(failed(cause)),
                }
                let failed =
                    state_folder::error_mapper("record the holder of a lock in", folder, &record);
                let record = folder.open_or_create(&record).map_err(&failed);
                let record = record
                    .inspect_err(|error| {
                        tracing::debug!("Could not record the holder of a lock: {error}.")
                    })
                    .ok();
                write_holder(record.as_ref(), &holder);
                HeldLock::File {
                    folder: folder.clone(),
                    record,
                    _lock: file,
                }
            }
            Locks::Memory(locks) => {
                match lock(locks).entry(scope.clone()) {
                    Entry::Occupied(held) => return Ok(LockAttempt::Held(Some(*held.get()))),
                    Entry::Vacant(free) => free.insert(holder),
                };
                HeldLock::Memory(Arc::clone(locks))
            }
        };
        Ok(LockAttempt::Acquired(Guard {
            scope: scope.clone(),
            holder,
            held,
        }))
    }
}

/// Locks all holder files. Returns `None` if that fails.
fn lock_holder_files(folder: &Folder) -> Option<File> {
    state_folder::lock_file(folder, "holders.lock")
        .inspect_err(|error| tracing::debug!("The holder of a lock is unknown: {error}."))
        .ok()
}

/// Returns the holder of a lock that another process has; `None` if there is no record.
fn read_holder(folder: &Folder, record: &str) -> Option<Holder> {
    let mut bytes = Vec::new();
    let file = folder.open(record).ok()?;
    file.take(MAX_RECORD_BYTES).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Records the holder. A lock without a record (a full disk) is still a lock, so a failure is only
/// logged. The lock for all holder files prevents the reading of a partial record.
fn write_holder(record: Option<&File>, holder: &Holder) {
    let Some(mut file) = record else { return };
    let written = file.set_len(0).and_then(|()| {
        file.rewind()?;
        file.write_all(&serde_json::to_vec(holder)?)
    });
    if let Err(cause) = written {
        tracing::debug!("Could not record the holder of a lock: {cause}.");
    }
}

impl fmt::Display for LockTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockTarget::Session(key) => f.write_str(&key.item_name()),
            LockTarget::SignIn(application) => write!(
                f,
                "sign-in at {} {} {}",
                application.authority_host, application.tenant, application.client_id
            ),
        }
    }
}

impl Guard {
    /// Records the activity for waiters.
    pub fn set_activity(&self, activity: Activity) {
        let holder = Holder {
            activity,
            ..self.holder
        };
        match &self.held {
            HeldLock::File { record: None, .. } => {}
            HeldLock::File { folder, record, .. } => {
                let _all_holders = lock_holder_files(folder);
                write_holder(record.as_ref(), &holder);
            }
            HeldLock::Memory(locks) => {
                lock(locks).insert(self.scope.clone(), holder);
            }
        }
    }

    /// Returns the purpose of the lock.
    pub fn scope(&self) -> &LockTarget {
        &self.scope
    }

    /// Returns whether this is the lock of that session, which each save of its item needs.
    pub(super) fn covers(&self, key: &SessionKey) -> bool {
        matches!(&self.scope, LockTarget::Session(held) if held == key)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        match &self.held {
            // Before the lock is released: afterwards the record is another holder's. Both files stay:
            // two processes could otherwise lock two files of one name, and on Windows a new file of a
            // name cannot be created while a waiter has the removed one open.
            HeldLock::File { record, .. } => {
                if let Some(Err(cause)) = record.as_ref().map(|record| record.set_len(0)) {
                    tracing::debug!("Could not clear the record of a lock: {cause}.");
                }
            }
            HeldLock::Memory(locks) => {
                lock(locks).remove(&self.scope);
            }
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").field(&self.scope).finish()
    }
}

fn lock(locks: &MemoryLocks) -> MutexGuard<'_, HashMap<LockTarget, Holder>> {
    locks.lock().unwrap_or_else(PoisonError::into_inner)
}
