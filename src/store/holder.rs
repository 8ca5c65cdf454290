//! The record of a lock's holder, in a file beside the lock file.
//!
//! The lock file cannot contain it: on Windows a process cannot read a file that another process has
//! locked. So the record has a separate file on all platforms.
//!
//! A killed process leaves its record behind, and a record does not prove that its lock is taken. So
//! taking a lock and recording the holder are one step, and so are failing to take a lock and reading
//! the record. Both happen under a short lock for all records. So a reader does not see the record of
//! an earlier holder.

use std::fs::File;
use std::io::{Read, Seek, Write};

use serde::{Deserialize, Serialize};

use super::folder;
use crate::error::Result;
use crate::files::Folder;
use crate::time::Timestamp;

/// The lock file for all records.
const RECORD_LOCK: &str = "holders.lock";

/// The longest record, in bytes.
const LONGEST: u64 = 1024;

/// The activity of a lock's holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Activity {
    /// Redeeming a refresh token or exchanging, which takes seconds.
    Renewing,
    /// Waiting for a user to sign in.
    SigningIn,
}

/// The holder of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Its activity.
    pub activity: Activity,
    /// The time of taking the lock, by this machine's clock.
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

/// The lock for all records, during a call that takes a lock and writes or reads its record.
pub(super) struct RecordLock(#[expect(dead_code, reason = "keeps the lock")] File);

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

    /// Locks all records. Returns `None` if that fails: a record may then be an earlier holder's.
    pub(super) fn lock(&self) -> Option<RecordLock> {
        match folder::exclusive(&self.0, RECORD_LOCK) {
            Ok(file) => Some(RecordLock(file)),
            Err(error) => {
                tracing::debug!("the holder of a lock is not known: {error}");
                None
            }
        }
    }

    /// Opens the record of this lock, for its holder.
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

    /// Returns the holder of a lock that another process has; `None` if there is no record.
    pub(super) fn read(&self, lock: &str, _records: &RecordLock) -> Option<Holder> {
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
    /// Records the holder. A lock without a record (a full disk) is still a lock, so a failure is only
    /// logged. The lock for all records prevents the reading of a partial record.
    pub(super) fn write(&self, holder: &Holder, _records: Option<&RecordLock>) {
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
        let records = self.holders.lock();
        self.write(holder, records.as_ref());
    }

    /// Empties the record, before the lock is released. The file stays: on Windows, a new file of a
    /// name cannot be created while a waiter has the removed one open.
    pub(super) fn clear(&self) {
        if let Err(cause) = self.file.set_len(0) {
            tracing::debug!("could not empty the record of a lock's holder: {cause}");
        }
    }
}

fn record_of(lock: &str) -> String {
    format!("{lock}.holder")
}
