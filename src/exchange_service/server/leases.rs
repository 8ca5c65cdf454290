//! Keeps this replica's share of the budget current: one statement for each window.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tracing::{info, warn};

use crate::exchange_service::database::{Database, Lease, LeaseRequest};
use crate::exchange_service::limits::{ResourceBudget, Share, ShareSource, WINDOW, has_ended};
use crate::exchange_service::records::Outage;
use crate::exchange_service::routes::Health;
use crate::exchange_service::settings::Budget;
use crate::time::Clock;

/// The lease of the next window is taken this long before it begins.
const AHEAD: Duration = Duration::from_secs(5);
/// The pause after the database did not respond.
const PAUSE: Duration = Duration::from_secs(1);
/// The next lease replaces one this long before its end, so that there is always a share. The smaller of
/// the two applies then.
const HANDOVER: Duration = Duration::from_millis(100);
/// A process without a lease does not know the requests of others. After two windows all leases have
/// ended.
const FIRST_OUTAGE: Duration = WINDOW.saturating_mul(2);

/// Leases a share for each window, for ever. `start` is the start of the process.
pub(super) async fn keep(
    database: &Database,
    request: &LeaseRequest,
    budget: &ResourceBudget,
    health: &Health,
    start: Instant,
) {
    let mut keeper = Keeper {
        database,
        request,
        health,
        clock: budget.clock(),
        outage: Outage::default(),
        next: None,
    };
    let mut last: Option<Lease> = None;
    loop {
        match last {
            Some(last) if keeper.next.is_none() => {
                let limit = outage_share(request.budget, Some(last));
                let source = ShareSource::Outage;
                budget.set_share(Share { limit, source });
            }
            _ => {}
        }
        let Some(lease) = keeper.current().await else {
            match last {
                Some(_) => budget.expect_share_in(None),
                None => share_of_first_outage(budget, request.budget, start.elapsed()),
            }
            sleep(PAUSE).await;
            continue;
        };
        // Between two windows the smaller lease applies.
        let before = last.map_or(lease.granted, |last| last.granted.min(lease.granted));
        let set_share = |limit| {
            let source = ShareSource::Lease;
            budget.set_share_until(Share { limit, source }, lease.since, lease.life());
        };
        set_share(before);
        budget.expect_share_in(Some(time_until_share(&lease)));
        sleep_until(lease.starts).await;
        set_share(lease.granted);
        last = Some(lease);
        keeper.sleep(&lease, lease.ends - AHEAD).await;
        if is_over(&lease, keeper.clock.as_ref()) {
            continue;
        }
        keeper.lease_next(lease.ends).await;
        budget.expect_share_in(keeper.next.as_ref().map(time_until_share));
        keeper.sleep(&lease, keeper.replacement(&lease)).await;
    }
}

/// Sets the share of a process that has had no lease yet. `age` is the time since its start.
pub(super) fn share_of_first_outage(budget: &ResourceBudget, settings: Budget, age: Duration) {
    let limit = outage_share(settings, None);
    let left = FIRST_OUTAGE.saturating_sub(age);
    budget.expect_share_in(Some(left).filter(|_| limit > 0));
    if left.is_zero() {
        let source = ShareSource::Outage;
        budget.set_share(Share { limit, source });
    }
}

/// Returns the share without the database: the last lease, at most the fixed share, which the others
/// leave. Without the number of replicas there is none.
fn outage_share(budget: Budget, last: Option<Lease>) -> u32 {
    let fixed = match budget.has_replicas {
        true => budget.fixed_share(),
        false => 0,
    };
    last.map_or(fixed, |last| last.granted.min(fixed))
}

/// Returns the time until the lease gives a share. After an empty one, the next lease may give one.
fn time_until_share(lease: &Lease) -> Duration {
    let begins = match lease.granted {
        0 => lease.ends,
        _ => lease.starts,
    };
    begins.saturating_duration_since(Instant::now())
}

/// Whether the lease is for the window of this moment. One that was taken late can be for a window after
/// the next one.
fn is_current(lease: &Lease, now: Instant) -> bool {
    lease.starts <= now + PAUSE && now < lease.ends
}

/// Whether the lease has ended by the clocks, so that its share does not count any more.
fn is_over(lease: &Lease, clock: &dyn Clock) -> bool {
    has_ended(&lease.since, lease.life(), clock)
}

struct Keeper<'a> {
    database: &'a Database,
    request: &'a LeaseRequest,
    health: &'a Health,
    clock: Arc<dyn Clock>,
    outage: Outage,
    next: Option<Lease>,
}

impl Keeper<'_> {
    /// Returns the lease of the current window.
    async fn current(&mut self) -> Option<Lease> {
        let (now, clock) = (Instant::now(), self.clock.as_ref());
        self.next
            .take_if(|lease| lease.ends <= now || is_over(lease, clock));
        if let Some(lease) = self.next.take_if(|lease| is_current(lease, now)) {
            return Some(lease);
        }
        self.lease(false).await
    }

    /// Returns when the next lease replaces this one.
    fn replacement(&self, lease: &Lease) -> Instant {
        let early = lease.ends - HANDOVER;
        match &self.next {
            Some(next) if is_current(next, early) => early,
            _ => lease.ends,
        }
    }

    /// Waits until then, or until the lease is over by the clocks: the timer stops while the machine is
    /// suspended.
    async fn sleep(&self, lease: &Lease, until: Instant) {
        while Instant::now() < until && !is_over(lease, self.clock.as_ref()) {
            sleep_until(until.min(Instant::now() + PAUSE)).await;
        }
    }

    /// Leases the next window, until `deadline`.
    async fn lease_next(&mut self, deadline: Instant) {
        while self.next.is_none() && Instant::now() < deadline {
            self.next = self.lease(true).await;
            if self.next.is_none() {
                sleep(PAUSE).await;
            }
        }
    }

    async fn lease(&mut self, ahead: bool) -> Option<Lease> {
        let clock = self.clock.as_ref();
        let leased = self.database.lease(self.request, ahead, clock).await;
        self.health.set_database(leased.is_ok());
        match leased {
            Ok(lease) => {
                if self.outage.end() {
                    info!("The database responds again, and a share of the budget was leased.");
                }
                Some(lease)
            }
            Err(error) => {
                if let Some(text) = self.outage.news(&error) {
                    warn!("No share of the budget was leased: {text}");
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::time::{Moment, SettableClock, SystemClock, Timestamp};

    use super::*;

    #[test]
    fn a_process_without_a_lease_gets_the_fixed_share_after_two_windows() {
        for (has_replicas, expected) in [(true, 30), (false, 0)] {
            let clock = SettableClock::new(Timestamp::from_unix_seconds(1_000_000));
            let none = Share {
                limit: 0,
                source: ShareSource::None,
            };
            let budget = ResourceBudget::new(none, Arc::new(clock));
            let settings = Budget {
                per_window: 90,
                replicas: 3,
                has_replicas,
            };
            share_of_first_outage(&budget, settings, FIRST_OUTAGE - PAUSE);
            assert_eq!(budget.remaining().0, none);
            share_of_first_outage(&budget, settings, FIRST_OUTAGE);
            assert_eq!(
                budget.remaining(),
                (
                    Share {
                        limit: expected,
                        source: ShareSource::Outage,
                    },
                    expected
                )
            );
        }
    }

    #[test]
    fn an_outage_leaves_at_most_the_fixed_share_and_none_without_the_number_of_replicas() {
        let lease = |granted| Lease {
            granted,
            since: Moment::now(&SystemClock),
            sent: Instant::now(),
            starts: Instant::now(),
            ends: Instant::now(),
        };
        let budget = |has_replicas| Budget {
            per_window: 90,
            replicas: 3,
            has_replicas,
        };
        assert_eq!(outage_share(budget(true), None), 30);
        assert_eq!(outage_share(budget(true), Some(lease(20))), 20);
        assert_eq!(outage_share(budget(true), Some(lease(45))), 30);
        assert_eq!(outage_share(budget(false), Some(lease(45))), 0);
        assert_eq!(outage_share(budget(false), None), 0);
    }

    #[test]
    fn a_lease_is_over_after_the_clock_was_set_forward() {
        let clock = SettableClock::new(Timestamp::from_unix_seconds(1_000_000));
        let now = Instant::now();
        let lease = Lease {
            granted: 1,
            since: Moment::now(&clock),
            sent: now,
            starts: now,
            ends: now + WINDOW,
        };
        assert!(is_current(&lease, now));
        assert!(!is_over(&lease, &clock));
        clock.set(clock.now().plus(WINDOW.saturating_mul(2)));
        assert!(is_over(&lease, &clock));
    }
}
