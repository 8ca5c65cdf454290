//! The rate limits of the resource, where they are switched on.
//!
//! In comes a request's operation and the time, out comes that it may go on or how long to wait.
//! Refused requests count as well, for the service says that retries do.

use std::collections::HashMap;
use std::time::Duration;

use super::super::server::{Context, Request};
use super::{Refusal, identities};
use crate::time::Timestamp;

/// How many requests of each kind the resource takes in one window. The defaults are what the
/// service documents.
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
    /// Exchanges, each kind by itself.
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

impl RateLimits {
    /// The limit of an operation; what is not documented has none.
    fn of(&self, operation: &str) -> Option<u32> {
        match operation {
            "create_identity" => Some(self.create),
            WITH_TOKEN => Some(self.create_with_token),
            "issue_token" => Some(self.issue),
            "revoke_tokens" => Some(self.revoke),
            "delete_identity" => Some(self.delete),
            "exchange" | "entra_exchange" | "teams_extension_exchange" => Some(self.exchange),
            _ => None,
        }
    }
}

const WITH_TOKEN: &str = "create_identity with token";

/// What has been asked for in the present windows.
#[derive(Debug, Default)]
pub(in crate::emulator) struct Meter {
    pub(in crate::emulator) limits: Option<RateLimits>,
    windows: HashMap<&'static str, (Timestamp, u32)>,
}

impl Meter {
    /// Counts a request; the seconds to wait where it is one too many.
    fn count(&mut self, operation: &'static str, now: Timestamp) -> Result<(), u64> {
        let Some((limits, limit)) = self
            .limits
            .as_ref()
            .and_then(|limits| Some((limits, limits.of(operation)?)))
        else {
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
        let left = start.plus(limits.window).since(now).as_secs();
        Err(left.max(1))
    }
}

/// Lets a request pass unless there were too many like it.
pub(super) fn admit(
    shared: &Context,
    request: &Request,
    operation: &'static str,
) -> Result<(), Refusal> {
    let mut state = shared.state.lock();
    if state.meter.limits.is_none() {
        return Ok(());
    }
    let operation = match operation == "create_identity" && identities::asks_for_token(request) {
        true => WITH_TOKEN,
        false => operation,
    };
    state
        .meter
        .count(operation, request.now)
        .map_err(Refusal::throttled)
}
