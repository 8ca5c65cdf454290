//! The limit of each user in this replica.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};

use crate::exchange_service::expiring::Expiring;
use crate::exchange_service::settings::UserRate;

/// Limits the requests that each user causes at the resource.
pub(in crate::exchange_service) struct UserLimits<C: Clock = DefaultClock> {
    limiter: RateLimiter<String, Users<C>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
}

/// The state of each user, until the whole burst is free again.
struct Users<C: Clock> {
    clock: C,
    period: Duration,
    states: Mutex<Expiring<String, Nanos, C::Instant>>,
}

impl UserLimits {
    pub(in crate::exchange_service) fn new(rate: UserRate) -> Self {
        UserLimits::with_clock(rate, DefaultClock::default())
    }
}

impl<C: Clock + Clone> UserLimits<C> {
    fn with_clock(rate: UserRate, clock: C) -> Self {
        let positive = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(positive(rate.per_minute));
        let quota = quota.allow_burst(positive(rate.burst));
        let users = Users {
            clock: clock.clone(),
            period: quota.burst_size_replenished_in(),
            // Only time ends a state: a user whose state is forgotten too early has a new burst.
            states: Mutex::new(Expiring::new(usize::MAX)),
        };
        UserLimits {
            limiter: RateLimiter::new(quota, users, clock.clone()),
            clock,
        }
    }

    /// Counts a request of this user, or returns the time until the next one is allowed.
    pub(in crate::exchange_service) fn take(&self, user: &str) -> Result<(), Duration> {
        let checked = self.limiter.check_key(&user.to_owned());
        checked.map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

impl<C: Clock> StateStore for Users<C> {
    type Key = String;

    fn measure_and_replace<T, F, E>(&self, user: &String, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let now = self.clock.now();
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let (accepted, next) = decide(states.get(user, now).copied())?;
        states.insert(user.clone(), next, now + self.period.into(), now);
        Ok(accepted)
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    const RATE: UserRate = UserRate {
        per_minute: 12,
        burst: 2,
    };

    #[test]
    fn each_user_has_a_burst_of_its_own() {
        let limits = UserLimits::new(RATE);
        assert_eq!(limits.take("ada"), Ok(()));
        assert_eq!(limits.take("ada"), Ok(()));
        let wait = limits.take("ada").expect_err("over the limit");
        assert!(
            wait > Duration::ZERO && wait <= Duration::from_secs(5),
            "{wait:?}"
        );
        assert_eq!(limits.take("ben"), Ok(()));
    }

    #[test]
    fn idle_users_are_forgotten_and_no_user_gets_more_by_that() {
        let clock = FakeRelativeClock::default();
        let limits = UserLimits::with_clock(RATE, clock.clone());
        let mut accepted = 0;
        for second in 0..600 {
            accepted += u32::from(limits.take("ada").is_ok());
            assert_eq!(limits.take(&format!("user {second}")), Ok(()));
            clock.advance(Duration::from_secs(1));
        }
        assert!((119..=122).contains(&accepted), "{accepted} in 10 minutes");
        let users = limits.limiter.into_state_store().states.into_inner();
        let kept = users.expect("no panic").len();
        assert!(kept <= 12, "{kept} users, for the burst of the last 10 s");
    }
}
