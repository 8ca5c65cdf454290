//! The age of something, by two clocks.

use std::time::Duration;

use super::clock::Clock;
use super::timestamp::Timestamp;

/// A moment on a clock, by the time of day and by the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    wall: Timestamp,
    monotonic: Option<Duration>,
}

impl Moment {
    pub(crate) fn now(clock: &dyn Clock) -> Moment {
        Moment {
            wall: clock.now(),
            monotonic: clock.monotonic(),
        }
    }

    /// The time since then, by the clock that shows more: a clock that is set back or has stopped
    /// does not shorten it.
    pub(crate) fn age(&self, clock: &dyn Clock) -> Duration {
        let (by_wall, by_monotonic) = self.ages(clock);
        by_wall.max(by_monotonic.unwrap_or_default())
    }

    /// The time since then by the time of day, and by the monotonic clock.
    pub(crate) fn ages(&self, clock: &dyn Clock) -> (Duration, Option<Duration>) {
        let by_monotonic = clock.monotonic().zip(self.monotonic);
        let by_monotonic = by_monotonic.map(|(now, then)| now.saturating_sub(then));
        (clock.now().since(self.wall), by_monotonic)
    }
}
