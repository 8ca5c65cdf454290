//! The limit of each user in this replica.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::exchange_service::settings::UserRate;

/// Limits the requests that each user causes at the resource.
pub(in crate::exchange_service) struct UserLimits {
    limiter: RateLimiter<String, HashMapStateStore<String>, DefaultClock>,
    clock: DefaultClock,
}

impl UserLimits {
    pub(in crate::exchange_service) fn new(rate: UserRate) -> Self {
        let positive = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(positive(rate.per_minute));
        UserLimits {
            limiter: RateLimiter::hashmap(quota.allow_burst(positive(rate.burst))),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request of this user, or returns the time until the next one is allowed.
    pub(in crate::exchange_service) fn take(&self, user: &str) -> Result<(), Duration> {
        let checked = self.limiter.check_key(&user.to_owned());
        checked.map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }

    /// Forgets users whose whole burst is free again.
    pub(in crate::exchange_service) fn forget_idle(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_has_a_burst_of_its_own() {
        let limits = UserLimits::new(UserRate {
            per_minute: 12,
            burst: 2,
        });
        assert_eq!(limits.take("ada"), Ok(()));
        assert_eq!(limits.take("ada"), Ok(()));
        let wait = limits.take("ada").expect_err("over the limit");
        assert!(
            wait > Duration::ZERO && wait <= Duration::from_secs(5),
            "{wait:?}"
        );
        assert_eq!(limits.take("ben"), Ok(()));
    }
}
