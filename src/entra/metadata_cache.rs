//! The metadata of authorities, cached so that a refresh needs no request for it.
//!
//! It has no secret in it. Cached metadata is checked like a new response each time it is used, so that
//! a changed file sends no token to another host.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::debug;

use super::authority::Authority;
use crate::files::Folder;
use crate::time::Timestamp;
use crate::wire::entra::Metadata;

/// The name of the file.
const FILE: &str = "metadata.json";
/// The name of its lock.
const LOCK: &str = "metadata.lock";
/// A write takes milliseconds, and is not worth a wait.
const LOCK_TIMEOUT: Duration = Duration::from_millis(200);
/// A file with all entries is far shorter, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024;
/// The longest time that metadata is used, in seconds.
const MAX_AGE_SECONDS: i64 = 24 * 60 * 60;
/// Emulators leave an entry for each of their ports.
const MAX_ENTRIES: usize = 16;

/// The metadata of each authority and tenant, in memory and, if there is a folder, in a file.
#[derive(Default)]
pub struct MetadataCache {
    folder: Option<Folder>,
    /// Empty before the first use.
    entries: Mutex<Option<Entries>>,
}

/// The entries by authority and tenant.
type Entries = BTreeMap<String, Entry>;

#[derive(Clone, Serialize, Deserialize)]
struct Entry {
    fetched_at_seconds: i64,
    metadata: Metadata,
}

impl Entry {
    fn is_current(&self, now: Timestamp) -> bool {
        let age = now.seconds_since(Timestamp::from_unix_seconds(self.fetched_at_seconds));
        (0..=MAX_AGE_SECONDS).contains(&age)
    }
}

impl MetadataCache {
    /// A cache in the file `metadata.json` of this folder. It is read at the first use.
    pub fn in_folder(folder: Folder) -> Self {
        MetadataCache {
            folder: Some(folder),
            entries: Mutex::default(),
        }
    }

    /// Returns the metadata of an authority if it is at most 24 hours old and passes the checks of a
    /// new response.
    pub(super) fn find(&self, authority: &Authority, now: Timestamp) -> Option<Metadata> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = entries.get_or_insert_with(|| self.read());
        let entry = entries.get(&key(authority))?;
        let is_usable = entry.is_current(now) && authority.check(&entry.metadata).is_ok();
        is_usable.then(|| entry.metadata.clone())
    }

    /// Keeps the metadata of an authority. A file that cannot be written costs the next process a
    /// request.
    pub(super) fn keep(&self, authority: &Authority, metadata: &Metadata, now: Timestamp) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = self
            .folder
            .as_ref()
            .map(|folder| folder.lock(LOCK, LOCK_TIMEOUT));
        let mut all = match &self.folder {
            // Other processes may have added entries.
            Some(_) => self.read(),
            None => entries.take().unwrap_or_default(),
        };
        all.retain(|_, entry| entry.is_current(now));
        let entry = Entry {
            fetched_at_seconds: now.unix_seconds(),
            metadata: metadata.clone(),
        };
        all.insert(key(authority), entry);
        while all.len() > MAX_ENTRIES {
            let oldest = all.iter().min_by_key(|(_, entry)| entry.fetched_at_seconds);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            all.remove(&oldest);
        }
        // Without the lock, another process writes, or the folder cannot be used.
        if let Some(Ok(Some(_held))) = lock {
            self.write(&all);
        }
        *entries = Some(all);
    }

    fn read(&self) -> Entries {
        let Some(folder) = &self.folder else {
            return Entries::new();
        };
        let bytes = folder.read(FILE, MAX_FILE_BYTES);
        bytes
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    fn write(&self, entries: &Entries) {
        let Some(folder) = &self.folder else { return };
        let written = serde_json::to_vec(entries)
            .map_err(std::io::Error::from)
            .and_then(|bytes| folder.replace(FILE, &bytes));
        if let Err(error) = written {
            debug!("Entra's metadata was not cached: {error}.");
        }
    }
}

fn key(authority: &Authority) -> String {
    format!("{}{}", authority.url(), authority.tenant())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    const TENANT: &str = "aaaaaaaa-0000-4000-8000-00000000000a";

    fn authority(host: &str) -> Authority {
        Authority::new(host, TENANT).expect("an authority")
    }

    fn metadata(host: &str) -> Metadata {
        Metadata {
            issuer: format!("{host}/{TENANT}/v2.0"),
            authorization_endpoint: format!("{host}/authorize"),
            token_endpoint: format!("{host}/token"),
            device_authorization_endpoint: None,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn metadata_is_found_by_another_process_for_a_day() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = || MetadataCache::in_folder(Folder::new(folder.path()));
        let (here, there) = (
            authority("https://login.test"),
            authority("https://login.example"),
        );
        let known = metadata("https://login.test");
        assert!(cache().find(&here, at(1_000)).is_none());
        cache().keep(&here, &known, at(1_000));

        assert_eq!(
            cache().find(&here, at(1_000 + MAX_AGE_SECONDS)),
            Some(known)
        );
        assert!(cache().find(&here, at(1_001 + MAX_AGE_SECONDS)).is_none());
        assert!(
            cache().find(&here, at(999)).is_none(),
            "the clock was set back"
        );
        assert!(cache().find(&there, at(1_000)).is_none());
        let other_tenant = Authority::new("https://login.test", "organizations").expect("good");
        assert!(cache().find(&other_tenant, at(1_000)).is_none());
    }

    #[test]
    fn changed_file_leads_to_no_other_host() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = || MetadataCache::in_folder(Folder::new(folder.path()));
        let here = authority("https://login.test");
        let foreign = Metadata {
            token_endpoint: "https://evil.test/token".to_owned(),
            ..metadata("https://login.test")
        };
        cache().keep(&here, &foreign, at(1_000));
        assert!(cache().find(&here, at(1_000)).is_none());
        std::fs::write(folder.path().join(FILE), "{").expect("written");
        assert!(cache().find(&here, at(1_000)).is_none());
    }

    #[test]
    fn entries_of_a_clock_that_was_ahead_leave_room() {
        let cache = MetadataCache::default();
        for port in 0..MAX_ENTRIES {
            let host = format!("http://localhost:{}", 8000 + port);
            cache.keep(&authority(&host), &metadata(&host), at(9_000_000));
        }
        let here = authority("https://login.test");
        cache.keep(&here, &metadata("https://login.test"), at(1_000));
        assert!(cache.find(&here, at(1_001)).is_some());
    }

    #[test]
    fn number_of_entries_is_bounded() {
        let cache = MetadataCache::default();
        let hosts: Vec<_> = (0..40)
            .map(|port| format!("http://localhost:{}", 8000 + port))
            .collect();
        for (host, seconds) in hosts.iter().zip(1_000..) {
            cache.keep(&authority(host), &metadata(host), at(seconds));
        }
        let is_kept = |host: &String| cache.find(&authority(host), at(1_100)).is_some();
        let kept: Vec<bool> = hosts.iter().map(is_kept).collect();
        assert!(kept[40 - MAX_ENTRIES..].iter().all(|kept| *kept));
        assert!(!kept[..40 - MAX_ENTRIES].iter().any(|kept| *kept));
    }
}
