//! Decides when a connection has taken too long over an exchange, or between two.
//!
//! The unit of time is the listener's tick. So a busy machine counts no time against a caller that it
//! has not served.

use std::time::Duration;

use super::limits::Limits;
use super::progress::{Phase, Snapshot};

/// The action that is due for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DueAction {
    /// There was no request since the last tick: the buffers can be released.
    ReleaseBuffers,
    /// The connection must be closed.
    Close,
}

/// The ticks of one connection.
#[derive(Debug)]
pub(super) struct Deadlines {
    limits: Limits,
    last: Snapshot,
    /// Ticks without a request.
    idle: u32,
    /// Ticks since the exchange began.
    spent: u32,
    /// Ticks since the caller last took a part of the response.
    stalled: u32,
}

impl Deadlines {
    pub(super) fn new(limits: Limits, snapshot: Snapshot) -> Self {
        Deadlines {
            limits,
            last: snapshot,
            idle: 0,
            spent: 0,
            stalled: 0,
        }
    }

    /// Counts a tick. `is_crowded` means that other connections wait for the buffers.
    pub(super) fn tick(&mut self, now: Snapshot, is_crowded: bool) -> Option<DueAction> {
        let last = std::mem::replace(&mut self.last, now);
        let is_same_exchange = now.exchange == last.exchange;
        let is_unchanged = is_same_exchange && now.phase == last.phase;
        if now.phase == Phase::Idle {
            (self.spent, self.stalled) = (0, 0);
            self.idle = count(self.idle, is_unchanged);
            let limit = match now.is_authenticated {
                true => self.limits.authenticated_idle,
                false => self.limits.idle,
            };
            return if self.reaches(self.idle, limit) {
                Some(DueAction::Close)
            } else {
                (is_unchanged && now.is_quiet()).then_some(DueAction::ReleaseBuffers)
            };
        }
        self.idle = 0;
        self.spent = count(self.spent, is_same_exchange && last.phase != Phase::Idle);
        let is_stalled = now.is_blocked && last.is_blocked && now.writes == last.writes;
        self.stalled = count(self.stalled, is_stalled);
        let is_slow_head = is_unchanged && now.phase == Phase::Head;
        let is_over = self.has_spent_all(now)
            || self.reaches(self.stalled, self.limits.stall)
            || (is_crowded && (is_stalled || is_slow_head));
        is_over.then_some(DueAction::Close)
    }

    fn has_spent_all(&self, now: Snapshot) -> bool {
        if !now.is_authenticated || now.phase == Phase::Head {
            self.reaches(self.spent, self.limits.unauthenticated_exchange)
        } else {
            !now.is_open_ended && self.reaches(self.spent, self.limits.exchange)
        }
    }

    fn reaches(&self, ticks: u32, limit: Duration) -> bool {
        self.limits.tick * ticks >= limit
    }
}

fn count(ticks: u32, continues: bool) -> u32 {
    match continues {
        true => ticks.saturating_add(1),
        false => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        let ticks = Duration::from_secs;
        Limits {
            connections: 1,
            buffers: 1,
            unauthenticated: 1,
            kept_buffers: 1,
            head: 8 * 1024,
            idle: ticks(10),
            authenticated_idle: ticks(60),
            unauthenticated_exchange: ticks(5),
            exchange: ticks(300),
            stall: ticks(8),
            linger: ticks(2),
            tick: ticks(1),
            grace: ticks(1),
            dates: false,
        }
    }

    fn at(exchange: u32, phase: Phase) -> Snapshot {
        Snapshot {
            exchange,
            phase,
            ..Snapshot::default()
        }
    }

    /// The tick at which an action is due for `snapshot`, and the action.
    fn lasts(mut snapshot: impl FnMut(u32) -> Snapshot, is_crowded: bool) -> (u32, DueAction) {
        let mut deadlines = Deadlines::new(limits(), snapshot(0));
        (1..1000)
            .find_map(|tick| Some((tick, deadlines.tick(snapshot(tick), is_crowded)?)))
            .expect("something is due")
    }

    #[test]
    fn unauthenticated_caller_has_the_short_deadline_in_every_phase() {
        for phase in [Phase::Head, Phase::Handling, Phase::Responding] {
            assert_eq!(
                lasts(|_| at(0, phase), false),
                (5, DueAction::Close),
                "{phase:?}"
            );
        }
        // Neither progress nor a response without an end extends the deadline.
        let drips = |tick| Snapshot {
            writes: tick,
            is_blocked: true,
            is_open_ended: true,
            ..at(3, Phase::Responding)
        };
        assert_eq!(lasts(drips, false), (5, DueAction::Close));
        let phases = [Phase::Head, Phase::Handling, Phase::Responding];
        let phases = |tick: u32| at(0, phases[(tick as usize).clamp(1, 3) - 1]);
        assert_eq!(lasts(phases, false), (5, DueAction::Close));
    }

    #[test]
    fn each_exchange_has_a_deadline_of_its_own() {
        let busy = |tick: u32| match tick < 100 {
            true => at(tick / 3, Phase::Handling),
            false => at(100, Phase::Handling),
        };
        assert_eq!(lasts(busy, false), (105, DueAction::Close));
    }

    #[test]
    fn authenticated_caller_has_the_long_deadline_but_for_its_heads() {
        let known = |phase| {
            move |_| Snapshot {
                is_authenticated: true,
                ..at(7, phase)
            }
        };
        assert_eq!(lasts(known(Phase::Head), false), (5, DueAction::Close));
        assert_eq!(
            lasts(known(Phase::Handling), false),
            (300, DueAction::Close)
        );
        assert_eq!(
            lasts(known(Phase::Responding), false),
            (300, DueAction::Close)
        );
    }

    #[test]
    fn authenticated_caller_that_takes_nothing_is_cut_and_one_that_reads_on_is_not() {
        let blocked = |tick: u32, is_open_ended| Snapshot {
            is_authenticated: true,
            is_blocked: true,
            writes: tick,
            is_open_ended,
            ..at(0, Phase::Responding)
        };
        for is_open_ended in [true, false] {
            let stops = |_| blocked(0, is_open_ended);
            assert_eq!(lasts(stops, false), (8, DueAction::Close));
            assert_eq!(lasts(stops, true), (1, DueAction::Close));
        }
        assert_eq!(
            lasts(|tick| blocked(tick, false), true),
            (300, DueAction::Close)
        );
        // A stream lasts until its reader stops.
        let stops_late = |tick: u32| blocked(tick.min(600), true);
        assert_eq!(lasts(stops_late, true), (601, DueAction::Close));
        assert_eq!(lasts(stops_late, false), (608, DueAction::Close));
    }

    #[test]
    fn crowded_listener_closes_half_heads_and_not_exchanges_in_progress() {
        assert_eq!(lasts(|_| at(0, Phase::Head), true), (1, DueAction::Close));
        let works = |_| Snapshot {
            is_authenticated: true,
            ..at(0, Phase::Handling)
        };
        assert_eq!(lasts(works, true), (300, DueAction::Close));
    }

    #[test]
    fn connection_without_a_request_releases_its_buffers_and_then_ends() {
        assert_eq!(
            lasts(|_| at(1, Phase::Idle), false),
            (1, DueAction::ReleaseBuffers)
        );
        // Before its first request a connection has no buffers to release.
        assert_eq!(lasts(|_| at(0, Phase::Idle), false), (10, DueAction::Close));
        for (is_known, end) in [(false, 10), (true, 60)] {
            let snapshot = Snapshot {
                is_authenticated: is_known,
                ..at(1, Phase::Idle)
            };
            let mut deadlines = Deadlines::new(limits(), snapshot);
            for tick in 1..end {
                let due = deadlines.tick(snapshot, false);
                assert_eq!(due, Some(DueAction::ReleaseBuffers), "{tick}");
            }
            assert_eq!(deadlines.tick(snapshot, false), Some(DueAction::Close));
        }
    }
}
