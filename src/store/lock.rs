//! One process at a time renews a session: the locks that see to it.
//!
//! A lock is a file that the operating system unlocks when its holder ends, however it ends. The
//! holder writes into it who it is, so that a waiter can say whom it waits for. Nothing waits
//! here: how long to try, and what to tell the user meanwhile, is the caller's to know.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::folder;
use crate::account::{SessionKey, Tenancy};
use crate::error::Result;
use crate::files::Folder;
use crate::time::{Clock, SystemClock, Timestamp};

/// What a lock is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LockName {
    /// Renewing, replacing or ending this session.
    Session(SessionKey),
    /// Somebody's sign-in, while nobody knows yet who it will be.
    Tenancy(Tenancy),
}

/// What a lock's holder is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activity {
    /// Redeeming a refresh token, exchanging: over in seconds.
    Renewing,
    /// Waiting for a person to sign in.
    SigningIn,
}

/// Who holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// What it is doing.
    pub activity: Activity,
    /// Since when, by this machine's clock.
    pub since: Timestamp,
}

/// What came of trying to get a lock.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours until the guard is dropped.
    Got(Guard),
    /// Somebody else has it; `None` where that one has not said who it is.
    Held(Option<Holder>),
}

/// A lock that is held, until this is dropped or the process ends.
pub struct Guard {
    name: LockName,
    since: Timestamp,
    held: Held,
}

enum Held {
    File(File),
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
                match file.try_lock() {
                    Ok(()) => write_holder(&file, Some(&holder)),
                    Err(TryLockError::WouldBlock) => return Ok(Attempt::Held(read_holder(&file))),
                    Err(TryLockError::Error(cause)) => return Err(failure(cause)),
                }
                Held::File(file)
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
        let hex: String = digest[..12].iter().map(|b| format!("{b:02x}")).collect();
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
            Held::File(file) => write_holder(file, Some(&holder)),
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
            // Emptied before it is unlocked, which closing the file does: afterwards another may
            // have written its own name. The file stays, since removing it would let two
            // processes hold two files of one name.
            Held::File(file) => write_holder(file, None),
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

#[derive(Serialize, Deserialize)]
struct HolderForm {
    pid: u32,
    activity: Activity,
    since_seconds: i64,
}

/// Says in the lock file who holds it. A lock that cannot say so (a full disk) is still a lock, so
/// failures only cost the waiter a name.
fn write_holder(mut file: &File, holder: Option<&Holder>) {
    let said = file.set_len(0).and_then(|()| {
        let Some(holder) = holder else { return Ok(()) };
        let form = HolderForm {
            pid: holder.pid,
            activity: holder.activity,
            since_seconds: holder.since.unix_seconds(),
        };
        file.rewind()?;
        file.write_all(&serde_json::to_vec(&form)?)
    });
    if let Err(cause) = said {
        tracing::debug!("could not name the holder in a lock file: {cause}");
    }
}

/// Read without the lock, so it may be half written, or empty: then nobody is named.
fn read_holder(file: &File) -> Option<Holder> {
    let mut bytes = Vec::new();
    file.take(1024).read_to_end(&mut bytes).ok()?;
    let form: HolderForm = serde_json::from_slice(&bytes).ok()?;
    Some(Holder {
        pid: form.pid,
        activity: form.activity,
        since: Timestamp::from_unix_seconds(form.since_seconds),
    })
}

fn lock(locks: &Mutex<HashMap<LockName, Holder>>) -> MutexGuard<'_, HashMap<LockName, Holder>> {
    locks.lock().unwrap_or_else(PoisonError::into_inner)
}
