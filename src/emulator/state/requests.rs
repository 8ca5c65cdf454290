//! The journal of requests.

use std::collections::{BTreeMap, VecDeque};

/// The number of requests that the journal keeps; it counts all of them.
const CAPACITY: usize = 4096;

/// A request in the emulator's journal. It holds no secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The operation. Of Entra: `metadata`, `keys`, `instance_discovery`, `authorize`, `logout`,
    /// `authorization_code`, `refresh_token`, `client_credentials`, `device_authorization`,
    /// `device_code` (a poll), `device_page`, `token` (any other grant) or `managed_identity`. Of
    /// the resource: `create_identity`, `get_identity`, `delete_identity`, `issue_token`,
    /// `revoke_tokens`, `exchange`, `entra_exchange`, `teams_extension_exchange`, and
    /// `get_assignment`, `put_assignment`, `delete_assignment`, `list_assignments` or
    /// `update_assignments`. Of the emulator: `page`, `whoami`. `fault` if a fault replaced the
    /// response; empty for an unknown path.
    pub operation: String,
    /// The response's status; 0 if a fault dropped the connection or left it open.
    pub status: u16,
    /// The reason of a refusal, if the response does not contain it.
    pub reason: Option<String>,
    /// The fault of a malformed request that was accepted.
    pub remark: Option<String>,
}

/// The latest requests, and the number of requests of each operation.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    latest: VecDeque<LoggedRequest>,
    counts: BTreeMap<String, usize>,
}

impl Journal {
    pub(crate) fn add(&mut self, entry: LoggedRequest) {
        match self.counts.get_mut(&entry.operation) {
            Some(count) => *count += 1,
            None => {
                self.counts.insert(entry.operation.clone(), 1);
            }
        }
        if self.latest.len() == CAPACITY {
            self.latest.pop_front();
        }
        self.latest.push_back(entry);
    }

    /// Returns the latest requests, oldest first.
    pub(crate) fn latest(&self) -> Vec<LoggedRequest> {
        self.latest.iter().cloned().collect()
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        self.counts.get(operation).copied().unwrap_or_default()
    }
}
