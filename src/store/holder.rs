//! The record of a lock's holder, in a file beside the lock file.
//!
//! The lock file itself cannot hold it: on Windows a process cannot read a file that another
//! process has locked. So the holder has a file of its own, on all platforms.
//!
//! A killed process leaves its record behind, and nothing in a record proves that its lock is still
//! held. So taking a lock and recording the holder are one step, and so are failing to take a lock
//! and reading the record: both happen under the gate, a lock of their own that is held for the
//! duration of these few calls. A reader therefore never sees the record of an earlier holder.

use std::fs::File;
use std::io::{Read, Seek, Write};

use serde::{Deserialize, Serialize};

use super::folder;
use crate::error::Result;
use crate::files::Folder;
use crate::time::Timestamp;

/// The gate's file.
const GATE: &str = "holders.lock";

/// More than any record has, in bytes.
const LONGEST: u64 = 1024;

/// What a lock's holder is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
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

/// The records of a folder's locks.
#[derive(Debug, Clone)]
pub(super) struct Holders(Folder);

/// The record of one lock, open for the lock's holder.
pub(super) struct HolderFile {
    holders: Holders,
    file: File,
}

/// Held while a lock is tried and its record is written or read.
pub(super) struct RecordLock(#[expect(dead_code, reason = "held, not used")] File);

#[derive(Serialize, Deserialize)]
struct Form {
    pid: u32,
    activity: Activity,
    since_seconds: i64,
}

impl Holders {
    pub(super) fn of(locks: &Folder) -> Self {
        Holders(locks.clone())
    }

    /// Waits for the gate. `None` if it cannot be had: then a record may be an earlier holder's.
    pub(super) fn lock(&self) -> Option<RecordLock> {
        match folder::exclusive(&self.0, GATE) {
            Ok(file) => Some(RecordLock(file)),
            Err(error) => {
                tracing::debug!("the holder of a lock is not known: {error}");
                None
            }
        }
    }

    /// Opens the record of this lock. Its holder calls this.
    pub(super) fn open(&self, lock: &str) -> Result<HolderFile> {
        let name = record_of(lock);
        let file = self.0.open_or_create(&name).map_err(|cause| {
            folder::failure(
                "record the holder of a lock in",
                &self.0.path_of(&name),
                cause,
            )
        })?;
        Ok(HolderFile {
            holders: self.clone(),
            file,
        })
    }

    /// The holder of this lock, which another process holds. `None` if it has no record.
    pub(super) fn read(&self, lock: &str, _gate: &RecordLock) -> Option<Holder> {
        let mut bytes = Vec::new();
        let file = self.0.open(&record_of(lock)).ok()?;
        file.take(LONGEST).read_to_end(&mut bytes).ok()?;
        let form: Form = serde_json::from_slice(&bytes).ok()?;
        Some(Holder {
            pid: form.pid,
            activity: form.activity,
            since: Timestamp::from_unix_seconds(form.since_seconds),
        })
    }
}

impl HolderFile {
    /// Records the holder. A lock without a record (a full disk) is still a lock, so a failure only
    /// costs the waiter a name. The gate keeps readers from a record that is half written.
    pub(super) fn write(&self, holder: &Holder, _gate: Option<&RecordLock>) {
        let form = Form {
            pid: holder.pid,
            activity: holder.activity,
            since_seconds: holder.since.unix_seconds(),
        };
        let mut file = &self.file;
        let written = file.set_len(0).and_then(|()| {
            file.rewind()?;
            file.write_all(&serde_json::to_vec(&form)?)
        });
        if let Err(cause) = written {
            tracing::debug!("could not record the holder of a lock: {cause}");
        }
    }

    /// Replaces the record by this one.
    pub(super) fn update(&self, holder: &Holder) {
        let gate = self.holders.lock();
        self.write(holder, gate.as_ref());
    }

    /// Empties the record, before the lock is released. The file stays: it would be removed while
    /// a waiter has it open, and Windows then refuses a new file of that name.
    pub(super) fn clear(&self) {
        if let Err(cause) = self.file.set_len(0) {
            tracing::debug!("could not empty the record of a lock's holder: {cause}");
        }
    }
}

fn record_of(lock: &str) -> String {
    format!("{lock}.holder")
}
