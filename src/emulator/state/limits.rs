//! The rate limits of the resource, if they are switched on.

use std::collections::HashMap;
use std::time::Duration;

use crate::time::Timestamp;

/// The number of requests of each kind that the resource accepts in one window. The defaults are
/// the documented limits of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimits {
    /// The window, which begins with the first request in it.
    pub window: Duration,
    /// Identities created without a token.
    pub create: u32,
    /// Identities created with a token.
    pub create_with_token: u32,
    /// Tokens issued.
    pub issue: u32,
    /// Revocations.
    pub revoke: u32,
    /// Identities deleted.
    pub delete: u32,
    /// Exchanges, each kind separately.
    pub exchange: u32,
}

impl Default for RateLimits {
    fn default() -> Self {
        RateLimits {
            window: Duration::from_secs(30),
            create: 1000,
            create_with_token: 1000,
            issue: 1000,
            revoke: 500,
            delete: 500,
            exchange: 500,
        }
    }
}

/// The operation of a creation that also asks for a token.
pub(crate) const CREATE_WITH_TOKEN: &str = "create_identity with token";

impl RateLimits {
    /// Returns the limit of an operation, if one is documented.
    fn of(&self, operation: &str) -> Option<u32> {
        match operation {
            "create_identity" => Some(self.create),
            CREATE_WITH_TOKEN => Some(self.create_with_token),
            "issue_token" => Some(self.issue),
            "revoke_tokens" => Some(self.revoke),
            "delete_identity" => Some(self.delete),
            "exchange" | "entra_exchange" | "teams_extension_exchange" => Some(self.exchange),
            _ => None,
        }
    }
}

/// The requests of the current windows.
#[derive(Debug, Default)]
pub(crate) struct RequestRates {
    pub(crate) limits: Option<RateLimits>,
    windows: HashMap<&'static str, (Timestamp, u32)>,
}

impl RequestRates {
    /// Counts a request; rejected requests count too, as documented.
    ///
    /// # Errors
    /// Returns the seconds until the next window if the limit is exceeded.
    pub(crate) fn count(&mut self, operation: &'static str, now: Timestamp) -> Result<(), u64> {
        let Some(limits) = &self.limits else {
            return Ok(());
        };
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
