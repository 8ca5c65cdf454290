//! Revocations that take effect later.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The revocations of a resource with a delay, by the names of the identities. They are separate from
/// the identities, of which there may be many.
#[derive(Debug, Default)]
pub(crate) struct ScheduledRevocations(HashMap<Box<str>, Vec<Revocation>>);

/// A revocation of the tokens up to a serial.
#[derive(Debug)]
struct Revocation {
    begins: Timestamp,
    serial: u64,
}

/// A revocation in a snapshot.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StoredRevocation {
    name: String,
    /// Seconds of Unix time.
    begins: i64,
    serial: u64,
}

impl ScheduledRevocations {
    /// Returns the revocations for a snapshot, in the order of the names.
    pub(super) fn stored(&self) -> Vec<StoredRevocation> {
        let mut names: Vec<&str> = self.0.keys().map(|name| &**name).collect();
        names.sort_unstable();
        let all = names.into_iter().flat_map(|name| {
            self.0[name].iter().map(|revocation| StoredRevocation {
                name: name.to_owned(),
                begins: revocation.begins.unix_seconds(),
                serial: revocation.serial,
            })
        });
        all.collect()
    }

    pub(super) fn restored(stored: &[StoredRevocation]) -> ScheduledRevocations {
        let mut all = ScheduledRevocations::default();
        for one in stored {
            let of_identity = all.0.entry(one.name.as_str().into()).or_default();
            of_identity.push(Revocation {
                begins: Timestamp::from_unix_seconds(one.begins),
                serial: one.serial,
            });
        }
        all
    }

    /// Adds a revocation of the tokens up to `serial`. Returns the last serial that an earlier one
    /// has revoked by now, and forgets that one.
    pub(crate) fn add(&mut self, name: &str, serial: u64, now: Timestamp, delay: Duration) -> u64 {
        let revoked = self.revoked(name, now);
        let of_identity = self.0.entry(name.into()).or_default();
        of_identity.retain(|revocation| revocation.begins > now);
        of_identity.push(Revocation {
            begins: now.plus(delay),
            serial,
        });
        revoked
    }

    /// Returns the last serial that is revoked by now; 0 if none is.
    pub(crate) fn revoked(&self, name: &str, now: Timestamp) -> u64 {
        let of_identity = self.0.get(name).into_iter().flatten();
        let begun = of_identity.filter(|revocation| revocation.begins <= now);
        begun.map(|revocation| revocation.serial).max().unwrap_or(0)
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }
}
