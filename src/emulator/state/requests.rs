//! The journal of requests, and the rate limits of the resource, if they are switched on.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::emulator::rate_limits::RateLimits;
use crate::time::Timestamp;

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
    /// Oldest first.
    pub(crate) latest: VecDeque<LoggedRequest>,
    pub(crate) counts: BTreeMap<String, usize>,
}

impl Journal {
    pub(crate) fn add(&mut self, entry: LoggedRequest) {
        *self.counts.entry(entry.operation.clone()).or_default() += 1;
        if self.latest.len() == CAPACITY {
            self.latest.pop_front();
        }
        self.latest.push_back(entry);
    }
}

/// The requests of the current windows.
#[derive(Debug, Default)]
pub(crate) struct RequestRates {
    windows: HashMap<&'static str, (Timestamp, u32)>,
}

impl RequestRates {
    /// Counts a request against `limits`; rejected requests count too, as documented.
    ///
    /// # Errors
    /// Returns the seconds until the next window if the limit is exceeded.
    pub(crate) fn count(
        &mut self,
        limits: &RateLimits,
        operation: &'static str,
        now: Timestamp,
    ) -> Result<(), u64> {
        let Some(limit) = limits.of(operation) else {
            return Ok(());
        };
        let (start, used) = self.windows.entry(operation).or_insert((now, 0));
        // A clock that was set back begins a new window as well.
        if now < *start || now.since(*start) >= limits.window {
            (*start, *used) = (now, 0);
        }
        *used = used.saturating_add(1);
        if *used <= limit {
            return Ok(());
        }
        Err(start.plus(limits.window).since(now).as_secs().max(1))
    }
}
