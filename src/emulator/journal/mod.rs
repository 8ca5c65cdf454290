//! The journal: an entry for each request to the emulated services, with its reason in words.
//!
//! `server.rs` begins an entry, the handlers add `Notes`, and `server.rs` adds the finished entry.
//! A reader gets [`LoggedRequest`]s, in which the tokens are decoded. An entry holds no secret: no
//! code, verifier, key or signature, and of a refresh token only its user and family. The control
//! API's own requests have no entry.

pub(crate) mod decoded;
mod entry;
pub(crate) mod expectation;
pub(crate) mod notes;
pub(crate) mod text;

use std::collections::{BTreeMap, VecDeque};

pub use decoded::LoggedToken;
pub(crate) use entry::Entry;
pub use entry::{LoggedRequest, Outcome, Service};
pub use expectation::{Checked, Expectation, RefusedRequest, Verification};

/// The number of entries; the counts include older requests.
pub(crate) const CAPACITY: usize = 4096;

/// The latest requests, and the numbers of all requests.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// Oldest first.
    entries: VecDeque<Entry>,
    pub(crate) counts: Counts,
    /// The sequence number of the latest entry, kept when the journal is cleared.
    pub(crate) latest: u64,
}

/// The numbers of requests since the start or since the journal was cleared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) operations: BTreeMap<String, u64>,
    pub(crate) total: u64,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
}

impl Journal {
    /// Adds an entry and removes the oldest one if there are too many.
    pub(crate) fn add(&mut self, mut entry: Entry) {
        #[cfg(test)]
        assert!(
            expectation::is_operation(&entry.operation),
            "list {}",
            entry.operation
        );
        let counts = &mut self.counts;
        match counts.operations.get_mut(&entry.operation) {
            Some(count) => *count += 1,
            None => {
                counts.operations.insert(entry.operation.clone(), 1);
            }
        }
        counts.total += 1;
        match entry.outcome() {
            Outcome::Accepted => counts.accepted += 1,
            Outcome::Refused => counts.refused += 1,
            Outcome::Pending => {}
        }
        self.latest += 1;
        entry.sequence = self.latest;
        if self.entries.len() == CAPACITY {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// Removes all entries and counts. Sequence numbers continue, so that a reader that polls
    /// misses no later entry.
    pub(crate) fn clear(&mut self) {
        *self = Journal {
            latest: self.latest,
            ..Journal::default()
        };
    }

    /// Returns the entries with a higher sequence number, oldest first.
    pub(crate) fn after(&self, sequence: u64) -> impl Iterator<Item = &Entry> {
        let start = self
            .entries
            .partition_point(|entry| entry.sequence <= sequence);
        self.entries.range(start..)
    }
}
