//! The limits in the comparison of times.

use std::time::Duration;

/// The validity that a cached token must have left to be used during an outage.
pub(crate) const LAST_RESORT: Duration = Duration::from_secs(60);

/// The largest difference in seconds between clocks that count as equal.
pub(crate) const MAX_CLOCK_SKEW_SECONDS: u64 = 60;
