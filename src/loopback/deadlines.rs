//! Decides when a connection has taken too long over an exchange, or between two.
//!
//! Time is counted in ticks of the listener, so that a machine that is busy counts no time against
//! a caller that it has not attended to.

use std::time::Duration;

use super::limits::Limits;
use super::progress::{Point, Seen};

/// What is due for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DueAction {
    /// Nothing was asked since the last tick: the buffers can be given back.
    ReleaseBuffers,
    /// The connection must be closed.
    Close,
}

/// The ticks of one connection.
#[derive(Debug)]
pub(super) struct Deadlines {
    limits: Limits,
    last: Seen,
    /// Ticks without a request.
    silent: u32,
    /// Ticks since the exchange began.
    spent: u32,
    /// Ticks since the caller last took a part of the answer.
    stalled: u32,
}

impl Deadlines {
    pub(super) fn new(limits: Limits, snapshot: Seen) -> Self {
        Deadlines {
            limits,
            last: snapshot,
            silent: 0,
            spent: 0,
            stalled: 0,
        }
    }

    /// Counts a tick. `is_crowded` tells whether others wait for the buffers.
    pub(super) fn tick(&mut self, snapshot: Seen, is_crowded: bool) -> Option<DueAction> {
        let last = std::mem::replace(&mut self.last, snapshot);
        let is_same_point = snapshot.point == last.point;
        if snapshot.point.is_at_rest() {
            (self.spent, self.stalled) = (0, 0);
            self.silent = count(self.silent, is_same_point);
            let silence = match snapshot.is_authenticated {
                true => self.limits.authenticated_idle,
                false => self.limits.idle,
            };
            return if self.reaches(self.silent, silence) {
                Some(DueAction::Close)
            } else {
                (is_same_point && snapshot.point.is_quiet()).then_some(DueAction::ReleaseBuffers)
            };
        }
        self.silent = 0;
        self.spent = count(self.spent, is_same_exchange(snapshot.point, last));
        let is_stalled = snapshot.is_blocked && last.is_blocked && snapshot.taken == last.taken;
        self.stalled = count(self.stalled, is_stalled);
        let is_slow_head = is_same_point && snapshot.point.is_half_head();
        let is_over = self.spent_all(snapshot)
            || self.reaches(self.stalled, self.limits.stall)
            || (is_crowded && (is_stalled || is_slow_head));
        is_over.then_some(DueAction::Close)
    }

    fn spent_all(&self, snapshot: Seen) -> bool {
        if !snapshot.is_authenticated || snapshot.point.is_half_head() {
            self.reaches(self.spent, self.limits.unauthenticated_exchange)
        } else {
            !snapshot.is_open_ended && self.reaches(self.spent, self.limits.exchange)
        }
    }

    fn reaches(&self, ticks: u32, limit: Duration) -> bool {
        self.limits.tick * ticks >= limit
    }
}

fn is_same_exchange(point: Point, last: Seen) -> bool {
    !last.point.is_at_rest() && point.exchange() == last.point.exchange()
}

fn count(ticks: u32, goes_on: bool) -> u32 {
    match goes_on {
        true => ticks.saturating_add(1),
        false => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF_HEAD: u32 = 1;
    const ASKED: u32 = 2;
    const ANSWERING: u32 = 3;

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

    fn at(answers: u32, phase: u32) -> Seen {
        Seen {
            point: Point::at(answers, phase),
            ..Seen::default()
        }
    }

    /// How many ticks `snapshot` lasts until something is due, and what.
    fn lasts(mut snapshot: impl FnMut(u32) -> Seen, is_crowded: bool) -> (u32, DueAction) {
        let mut patience = Deadlines::new(limits(), snapshot(0));
        (1..1000)
            .find_map(|tick| Some((tick, patience.tick(snapshot(tick), is_crowded)?)))
            .expect("something is due")
    }

    #[test]
    fn unknown_caller_has_the_short_deadline_in_every_phase() {
        for phase in [HALF_HEAD, ASKED, ANSWERING] {
            assert_eq!(
                lasts(|_| at(0, phase), false),
                (5, DueAction::Close),
                "{phase}"
            );
        }
        // Progress wins an unknown caller no time, and nor does an answer without an end.
        let drips = |tick| Seen {
            taken: tick,
            is_blocked: true,
            is_open_ended: true,
            ..at(3, ANSWERING)
        };
        assert_eq!(lasts(drips, false), (5, DueAction::Close));
        let phases = |tick: u32| at(0, tick.clamp(HALF_HEAD, ANSWERING));
        assert_eq!(lasts(phases, false), (5, DueAction::Close));
    }

    #[test]
    fn each_exchange_has_a_deadline_of_its_own() {
        let busy = |tick: u32| match tick < 100 {
            true => at(tick / 3, ASKED),
            false => at(100, ASKED),
        };
        assert_eq!(lasts(busy, false), (105, DueAction::Close));
    }

    #[test]
    fn known_caller_has_the_long_deadline_but_for_its_heads() {
        let known = |phase| {
            move |_| Seen {
                is_authenticated: true,
                ..at(7, phase)
            }
        };
        assert_eq!(lasts(known(HALF_HEAD), false), (5, DueAction::Close));
        assert_eq!(lasts(known(ASKED), false), (300, DueAction::Close));
        assert_eq!(lasts(known(ANSWERING), false), (300, DueAction::Close));
    }

    #[test]
    fn known_caller_that_takes_nothing_is_cut_and_one_that_reads_on_is_not() {
        let blocked = |tick: u32, is_open_ended| Seen {
            is_authenticated: true,
            is_blocked: true,
            taken: tick,
            is_open_ended,
            ..at(0, ANSWERING)
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
    fn crowd_cuts_half_heads_off_and_leaves_a_service_that_works_alone() {
        assert_eq!(lasts(|_| at(0, HALF_HEAD), true), (1, DueAction::Close));
        let works = |_| Seen {
            is_authenticated: true,
            ..at(0, ASKED)
        };
        assert_eq!(lasts(works, true), (300, DueAction::Close));
    }

    #[test]
    fn connection_without_a_request_rests_and_then_ends() {
        assert_eq!(lasts(|_| at(1, 0), false), (1, DueAction::ReleaseBuffers));
        // Before its first request there is nothing to give back.
        assert_eq!(lasts(|_| at(0, 0), false), (10, DueAction::Close));
        for (is_known, end) in [(false, 10), (true, 60)] {
            let snapshot = Seen {
                is_authenticated: is_known,
                ..at(1, 0)
            };
            let mut patience = Deadlines::new(limits(), snapshot);
            for tick in 1..end {
                let due = patience.tick(snapshot, false);
                assert_eq!(due, Some(DueAction::ReleaseBuffers), "{tick}");
            }
            assert_eq!(patience.tick(snapshot, false), Some(DueAction::Close));
        }
    }
}
