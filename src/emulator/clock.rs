//! The adjustable clock of an emulator: the clock of its options, with an offset, or frozen.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::time::{Clock, Timestamp};

/// The largest step of the clock, about 100 years.
pub(crate) const MAX_SHIFT_SECONDS: i64 = 3_155_760_000;

/// A clock that can be set, moved and frozen.
pub(crate) struct EmulatorClock {
    base: Arc<dyn Clock>,
    adjustment: Mutex<Adjustment>,
}

/// The difference from the base clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Adjustment {
    Running { offset_seconds: i64 },
    Frozen { at: Timestamp },
}

/// A change; its members are applied in their order.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Change {
    /// Sets the clock to the base clock plus these seconds.
    pub(crate) offset_seconds: Option<i64>,
    /// Sets the clock to this time.
    pub(crate) now: Option<Timestamp>,
    pub(crate) advance_seconds: Option<i64>,
    pub(crate) frozen: Option<bool>,
}

/// The clock in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StoredClock {
    offset_seconds: i64,
    /// Seconds of Unix time, if the clock is frozen.
    frozen_at: Option<i64>,
}

/// What the clock shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) now: Timestamp,
    /// The difference from the base clock at this moment.
    pub(crate) offset_seconds: i64,
    pub(crate) frozen: bool,
}

impl EmulatorClock {
    pub(crate) fn new(base: Arc<dyn Clock>) -> EmulatorClock {
        EmulatorClock {
            base,
            adjustment: Mutex::new(Adjustment::Running { offset_seconds: 0 }),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        match *self.adjustment() {
            Adjustment::Running { offset_seconds } => self.base.now().shifted(offset_seconds),
            Adjustment::Frozen { at } => at,
        }
    }

    pub(crate) fn reading(&self) -> Reading {
        let adjustment = *self.adjustment();
        let base = self.base.now();
        match adjustment {
            Adjustment::Running { offset_seconds } => Reading {
                now: base.shifted(offset_seconds),
                offset_seconds,
                frozen: false,
            },
            Adjustment::Frozen { at } => Reading {
                now: at,
                offset_seconds: at.seconds_since(base),
                frozen: true,
            },
        }
    }

    pub(crate) fn change(&self, change: Change) {
        let mut adjustment = self.adjustment();
        let base = self.base.now();
        let (mut offset, was_frozen) = match *adjustment {
            Adjustment::Running { offset_seconds } => (offset_seconds, false),
            Adjustment::Frozen { at } => (at.seconds_since(base), true),
        };
        offset = change.offset_seconds.unwrap_or(offset);
        if let Some(now) = change.now {
            offset = now.seconds_since(base);
        }
        let moved = change.advance_seconds.unwrap_or_default();
        let now = base.shifted(offset).shifted(moved);
        *adjustment = match change.frozen.unwrap_or(was_frozen) {
            true => Adjustment::Frozen { at: now },
            // The time is limited to the years 1 to 9999, and the offset with it.
            false => Adjustment::Running {
                offset_seconds: now.seconds_since(base),
            },
        };
    }

    pub(crate) fn stored(&self) -> StoredClock {
        let reading = self.reading();
        StoredClock {
            offset_seconds: reading.offset_seconds,
            frozen_at: reading.frozen.then(|| reading.now.unix_seconds()),
        }
    }

    /// Sets the clock to that of a snapshot.
    pub(crate) fn restore(&self, stored: StoredClock) {
        *self.adjustment() = match stored.frozen_at {
            Some(at) => Adjustment::Frozen {
                at: Timestamp::from_unix_seconds(at),
            },
            None => Adjustment::Running {
                offset_seconds: stored.offset_seconds,
            },
        };
    }

    /// Sets the clock back to the base clock.
    pub(crate) fn reset(&self) {
        *self.adjustment() = Adjustment::Running { offset_seconds: 0 };
    }

    fn adjustment(&self) -> MutexGuard<'_, Adjustment> {
        self.adjustment
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::time::SettableClock;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    fn clock() -> (SettableClock, EmulatorClock) {
        let base = SettableClock::new(at(1_000));
        (base.clone(), EmulatorClock::new(Arc::new(base)))
    }

    #[test]
    fn a_moved_clock_keeps_running_and_a_frozen_one_stands_still() {
        let (base, clock) = clock();
        let change = |change| {
            clock.change(change);
            clock.now().unix_seconds()
        };
        let none = Change::default();
        assert_eq!(
            change(Change {
                advance_seconds: Some(60),
                ..none
            }),
            1_060
        );
        base.advance(Duration::from_secs(5));
        assert_eq!(clock.now(), at(1_065));
        assert_eq!(
            change(Change {
                frozen: Some(true),
                ..none
            }),
            1_065
        );
        base.advance(Duration::from_secs(5));
        assert_eq!(clock.now(), at(1_065));
        let reading = clock.reading();
        assert_eq!((reading.offset_seconds, reading.frozen), (55, true));
        // A frozen clock can be moved, and stays frozen.
        assert_eq!(
            change(Change {
                advance_seconds: Some(-65),
                ..none
            }),
            1_000
        );
        base.advance(Duration::from_secs(5));
        assert_eq!(
            change(Change {
                frozen: Some(false),
                ..none
            }),
            1_000
        );
        base.advance(Duration::from_secs(5));
        assert_eq!(clock.now(), at(1_005));
        clock.reset();
        assert_eq!(clock.now(), base.now());
    }

    #[test]
    fn the_members_of_a_change_apply_in_their_order() {
        let (_, clock) = clock();
        clock.change(Change {
            offset_seconds: Some(7),
            now: Some(at(5_000)),
            advance_seconds: Some(10),
            frozen: Some(true),
        });
        let expected = Reading {
            now: at(5_010),
            offset_seconds: 4_010,
            frozen: true,
        };
        assert_eq!(clock.reading(), expected);
    }

    #[test]
    fn a_clock_at_the_end_of_time_can_be_set_back() {
        let (base, clock) = clock();
        for _ in 0..200 {
            let advance_seconds = Some(MAX_SHIFT_SECONDS);
            clock.change(Change {
                advance_seconds,
                ..Change::default()
            });
        }
        assert_eq!(clock.now(), Timestamp::END);
        let advance_seconds = Some(-1);
        clock.change(Change {
            advance_seconds,
            ..Change::default()
        });
        assert_eq!(clock.now(), Timestamp::END.shifted(-1));
        clock.reset();
        assert_eq!(clock.now(), base.now());
    }
}
