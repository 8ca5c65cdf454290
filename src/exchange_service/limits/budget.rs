//! The requests that this replica may send to the resource.
//!
//! The resource counts in windows of 30 seconds whose start is unknown. So no window of that length
//! may contain more requests than the share, wherever it begins. A request counts from the moment it
//! is sent until 30 seconds after its response: the resource counts it between these two moments.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::time::{Clock, Moment};

/// The window of the resource's limits.
pub(in crate::exchange_service) const WINDOW: Duration = Duration::from_secs(30);

/// The share of the budget that this replica has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::exchange_service) struct Share {
    /// The requests in each window.
    pub(in crate::exchange_service) limit: u32,
    /// Where it comes from.
    pub(in crate::exchange_service) source: ShareSource,
}

/// The origin of a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::exchange_service) enum ShareSource {
    /// The settings: there is no database.
    Fixed,
    /// A lease of the database for the current window.
    Lease,
    /// The last lease, at most the fixed share: the database is unavailable.
    Outage,
    /// None yet.
    None,
}

impl ShareSource {
    pub(in crate::exchange_service) fn word(self) -> &'static str {
        match self {
            ShareSource::Fixed => "fixed",
            ShareSource::Lease => "lease",
            ShareSource::Outage => "outage",
            ShareSource::None => "none",
        }
    }
}

/// The budget of this replica.
pub(in crate::exchange_service) struct ResourceBudget {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    share: Share,
    /// If the share ends by itself: a moment, and the time from then.
    ends: Option<(Moment, Duration)>,
    /// If there is none: when the next share may begin, as a moment and the time from then.
    next_share: Option<(Moment, Duration)>,
    in_flight: u32,
    /// The responses of the last window, in their order.
    finished: VecDeque<Moment>,
}

/// A place in the share for a request that is not sent yet. If it is dropped, the place is free again.
pub(in crate::exchange_service) struct Reservation(Permit);

/// The permission for one request. It must live until the response.
pub(in crate::exchange_service) struct Permit {
    budget: Arc<ResourceBudget>,
    /// Whether the request may have been sent.
    counts: bool,
}

impl Reservation {
    /// Begins the request, unless the share has ended or shrunk since: then the place is free again, and
    /// the outcome is the time until one may be free.
    pub(in crate::exchange_service) fn begin(self) -> Result<Permit, Duration> {
        let mut permit = self.0;
        permit.budget.check_reserved()?;
        permit.counts = true;
        Ok(permit)
    }
}

impl ResourceBudget {
    pub(in crate::exchange_service) fn new(share: Share, clock: Arc<dyn Clock>) -> Self {
        ResourceBudget {
            clock,
            state: Mutex::new(State {
                share,
                ends: None,
                next_share: None,
                in_flight: 0,
                finished: VecDeque::new(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the clock.
    pub(in crate::exchange_service) fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// Replaces the share.
    pub(in crate::exchange_service) fn set_share(&self, share: Share) {
        let mut state = self.state();
        (state.share, state.ends) = (share, None);
    }

    /// Replaces the share by one that ends this time after the moment, also if the process or the machine
    /// is suspended until then: others may get it afterwards.
    pub(in crate::exchange_service) fn set_share_until(
        &self,
        share: Share,
        since: Moment,
        life: Duration,
    ) {
        let mut state = self.state();
        (state.share, state.ends) = (share, Some((since, life)));
    }

    /// Records when the next share may begin, if this is known. It matters while there is no share.
    pub(in crate::exchange_service) fn expect_share_in(&self, time: Option<Duration>) {
        let now = Moment::now(self.clock.as_ref());
        self.state().next_share = time.map(|time| (now, time));
    }

    /// Returns the share, and the requests that are left of it.
    pub(in crate::exchange_service) fn remaining(&self) -> (Share, u32) {
        let mut state = self.state();
        let used = state.used(self.clock.as_ref());
        let share = state.current(self.clock.as_ref());
        (share, share.limit.saturating_sub(used))
    }

    /// Reserves one request, or returns the time until one may be free: a window at most, because a
    /// share can begin earlier than expected.
    pub(in crate::exchange_service) fn reserve(self: &Arc<Self>) -> Result<Reservation, Duration> {
        let clock = self.clock.as_ref();
        let mut state = self.state();
        let (used, limit) = (state.used(clock), state.current(clock).limit);
        if used < limit {
            state.in_flight += 1;
            drop(state);
            return Ok(Reservation(Permit {
                budget: self.clone(),
                counts: false,
            }));
        }
        Err(state.wait(used, limit, clock))
    }

    /// Checks that the share still has all requests, one of which is reserved and not sent. Otherwise
    /// returns the time until one may be free.
    fn check_reserved(&self) -> Result<(), Duration> {
        let clock = self.clock.as_ref();
        let mut state = self.state();
        let (used, limit) = (state.used(clock), state.current(clock).limit);
        match used <= limit {
            true => Ok(()),
            false => Err(state.wait(used - 1, limit, clock)),
        }
    }
}

impl State {
    /// Returns the time until the share has a request more than those that are used, which are all of it
    /// at least. It is a window at most.
    fn wait(&self, used: u32, limit: u32, clock: &dyn Clock) -> Duration {
        let wait = match limit {
            0 => self.next_share,
            // A smaller share can be exceeded by several requests.
            _ => {
                let index = usize::try_from(used - limit).unwrap_or(usize::MAX);
                self.finished.get(index).map(|at| (*at, WINDOW))
            }
        };
        let wait = wait.map(|(since, time)| time.saturating_sub(age(&since, clock)));
        wait.unwrap_or(WINDOW).min(WINDOW)
    }

    /// Returns the share, without what has ended.
    fn current(&self, clock: &dyn Clock) -> Share {
        let ends = self.ends.as_ref();
        match ends.is_some_and(|(since, life)| has_ended(since, *life, clock)) {
            true => Share {
                limit: 0,
                ..self.share
            },
            false => self.share,
        }
    }

    /// Returns the requests that count now.
    fn used(&mut self, clock: &dyn Clock) -> u32 {
        while let Some(at) = self.finished.front()
            && age(at, clock) >= WINDOW
        {
            self.finished.pop_front();
        }
        let finished = u32::try_from(self.finished.len()).unwrap_or(u32::MAX);
        self.in_flight.saturating_add(finished)
    }
}

/// Whether this time has passed since then, by either clock. The time of day has whole seconds, so that
/// it can show almost a second too much: it only counts beyond that.
pub(in crate::exchange_service) fn has_ended(
    since: &Moment,
    life: Duration,
    clock: &dyn Clock,
) -> bool {
    const RESOLUTION: Duration = Duration::from_secs(1);
    let (by_wall, by_monotonic) = since.ages(clock);
    by_wall >= life + RESOLUTION || by_monotonic.is_some_and(|age| age >= life)
}

/// Returns the time since then. A clock that is set forward does not make it longer.
fn age(at: &Moment, clock: &dyn Clock) -> Duration {
    let (by_wall, by_monotonic) = at.ages(clock);
    by_monotonic.unwrap_or(by_wall)
}

impl Drop for Permit {
    fn drop(&mut self) {
        let now = Moment::now(self.budget.clock.as_ref());
        let mut state = self.budget.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        if self.counts {
            state.finished.push_back(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{SettableClock, Timestamp};

    impl ResourceBudget {
        /// Takes the permission for a request that is sent at once.
        fn take(self: &Arc<Self>) -> Result<Permit, Duration> {
            self.reserve().and_then(Reservation::begin)
        }
    }

    fn budget(limit: u32) -> (Arc<ResourceBudget>, SettableClock) {
        let source = ShareSource::Fixed;
        let clock = SettableClock::new(Timestamp::from_unix_seconds(1_000_000));
        let shared = Arc::new(clock.clone());
        let budget = ResourceBudget::new(Share { limit, source }, shared);
        (Arc::new(budget), clock)
    }

    #[test]
    fn no_window_has_more_requests_than_the_share() {
        let (budget, clock) = budget(3);
        let mut sent: Vec<i64> = Vec::new();
        for _ in 0..300 {
            if let Ok(permit) = budget.take() {
                sent.push(clock.now().unix_seconds());
                drop(permit);
            }
            clock.advance(Duration::from_secs(1));
        }
        assert!(sent.len() >= 27, "{} in 300 s", sent.len());
        for start in &sent {
            let in_window = |at: &&i64| (*start..*start + 30).contains(*at);
            assert!(sent.iter().filter(in_window).count() <= 3);
        }
    }

    #[test]
    fn a_request_counts_until_a_window_after_its_response() {
        let (budget, clock) = budget(1);
        let permit = budget.take().expect("the first");
        clock.advance(Duration::from_secs(40));
        assert_eq!(budget.take().err(), Some(WINDOW), "no response yet");
        drop(permit);
        clock.advance(Duration::from_secs(29));
        assert_eq!(budget.take().err(), Some(Duration::from_secs(1)));
        clock.advance(Duration::from_secs(1));
        assert!(budget.take().is_ok());
    }

    #[test]
    fn a_share_ends_by_every_clock() {
        let (budget, clock) = budget(0);
        let share = Share {
            limit: 2,
            source: ShareSource::Lease,
        };
        let lease = || budget.set_share_until(share, Moment::now(&clock), WINDOW);
        lease();
        clock.advance(WINDOW.saturating_sub(Duration::from_secs(1)));
        drop(budget.take().map_err(drop).expect("the share"));
        clock.advance(Duration::from_secs(1));
        assert!(budget.take().is_err(), "its end is over");
        assert_eq!(budget.remaining().1, 0);
        lease();
        clock.set(clock.now().plus(WINDOW + Duration::from_secs(1)));
        assert!(budget.take().is_err(), "the monotonic clock stopped");
        lease();
        assert!(budget.take().is_ok());
    }

    #[test]
    fn whole_seconds_of_the_time_of_day_do_not_end_a_share_early() {
        let (budget, clock) = budget(0);
        let share = Share {
            limit: 1,
            source: ShareSource::Lease,
        };
        let milliseconds = Duration::from_millis;
        budget.set_share_until(share, Moment::now(&clock), milliseconds(34_990));
        clock.advance(milliseconds(34_500));
        // The lease began in the middle of a second.
        clock.set(clock.now().plus(milliseconds(1_000)));
        assert_eq!(budget.remaining().1, 1);
        clock.advance(milliseconds(490));
        assert_eq!(budget.remaining().1, 0);
    }

    #[test]
    fn a_reserved_request_is_not_sent_after_the_share_has_ended_or_shrunk() {
        let (budget, clock) = budget(2);
        let seconds = Duration::from_secs;
        let share = |limit| Share {
            limit,
            source: ShareSource::Lease,
        };
        budget.set_share_until(share(2), Moment::now(&clock), WINDOW);
        budget.expect_share_in(Some(seconds(40)));
        let reserved = budget.reserve().map_err(drop).expect("the share");
        clock.advance(WINDOW);
        assert_eq!(reserved.begin().err(), Some(seconds(10)), "it has ended");
        budget.set_share(share(2));
        assert_eq!(budget.remaining().1, 2, "its place is free again");

        drop(budget.take().map_err(drop).expect("the first"));
        clock.advance(seconds(5));
        let reserved = budget.reserve().map_err(drop).expect("the second");
        budget.set_share(share(1));
        assert_eq!(reserved.begin().err(), Some(seconds(25)), "it has shrunk");
        let reserve = || budget.reserve().map_err(drop).expect("the share");
        budget.set_share(share(2));
        let reserved = reserve();
        assert!(reserved.begin().is_ok(), "the share is the same");
    }

    #[test]
    fn a_request_that_is_not_sent_leaves_its_place_to_another_one() {
        let (budget, _) = budget(1);
        let reserved = budget.reserve().map_err(drop).expect("the share");
        assert_eq!(budget.take().err(), Some(WINDOW), "it is reserved");
        drop(reserved);
        assert_eq!(budget.remaining().1, 1);
        drop(budget.take().map_err(drop).expect("free again"));
        assert_eq!(budget.take().err(), Some(WINDOW), "it was sent");
    }

    #[test]
    fn the_wait_for_a_share_counts_down_and_is_at_most_a_window() {
        let (budget, clock) = budget(0);
        let seconds = Duration::from_secs;
        assert_eq!(budget.take().err(), Some(WINDOW), "nothing is known");
        budget.expect_share_in(Some(seconds(40)));
        assert_eq!(budget.take().err(), Some(WINDOW));
        clock.advance(seconds(15));
        assert_eq!(budget.take().err(), Some(seconds(25)));
        clock.advance(seconds(26));
        assert_eq!(budget.take().err(), Some(Duration::ZERO), "it is late");
        budget.expect_share_in(None);
        assert_eq!(budget.take().err(), Some(WINDOW), "nothing is known again");
    }

    #[test]
    fn the_wait_for_a_smaller_share_is_that_for_enough_old_requests() {
        let (budget, clock) = budget(3);
        for _ in 0..3 {
            drop(budget.take().expect("the share"));
            clock.advance(Duration::from_secs(5));
        }
        let source = ShareSource::Lease;
        budget.set_share(Share { limit: 1, source });
        assert_eq!(budget.take().err(), Some(Duration::from_secs(25)));
    }

    #[test]
    fn a_smaller_share_applies_at_once() {
        let (budget, _) = budget(3);
        drop((budget.take(), budget.take()));
        budget.set_share(Share {
            limit: 2,
            source: ShareSource::Lease,
        });
        assert!(budget.take().is_err());
        assert_eq!(budget.remaining().1, 0);
    }
}
