//! The rate limits of the resource, if they are switched on.

use std::collections::HashMap;

use crate::emulator::rate_limits::RateLimits;
use crate::time::Timestamp;

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
