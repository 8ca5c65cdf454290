//! A token in memory: its age, and when to replace it.

use std::time::Duration;

use crate::secret::CommunicationToken;
use crate::time::{Clock, Moment, Timestamp};

use super::refresher::RefreshedToken;

/// How long before its expiry a token is replaced: no response then has 10 minutes or less left.
pub const AHEAD: Duration = Duration::from_secs(15 * 60);

/// Clocks that differ by less count as equal.
const CLOCKS_AGREE: Duration = Duration::from_secs(60);
/// The shortest time between two scheduled refreshes, however short tokens live.
const MIN_REFRESH_INTERVAL: Duration = Duration::from_secs(1);
/// The longest pause between two attempts, also if a service requests a longer one.
pub(super) const MAX_PAUSE: Duration = Duration::from_secs(60);

/// A token of a credential.
#[derive(Debug, Clone, PartialEq)]
pub struct CachedToken {
    /// The token.
    pub token: CommunicationToken,
    /// When it expires, by the service's clock.
    pub expires_on: Timestamp,
    /// The remaining lifetime when the refresh brought it.
    pub(super) life: Duration,
    got_at: Moment,
    /// The longest validity that a refresh was asked for when it brought this token.
    pub(super) asked: Duration,
}

impl CachedToken {
    pub(super) fn new(
        refreshed: RefreshedToken,
        asked: Duration,
        clock: &dyn Clock,
    ) -> CachedToken {
        CachedToken {
            life: refreshed
                .expires_in
                .unwrap_or_else(|| refreshed.expires_on.since(clock.now())),
            token: refreshed.token,
            expires_on: refreshed.expires_on,
            got_at: Moment::now(clock),
            asked,
        }
    }

    /// The remaining lifetime. A clock that is set back does not prolong it.
    pub fn remaining_validity(&self, clock: &dyn Clock) -> Duration {
        self.life.saturating_sub(self.got_at.age(clock))
    }

    /// Whether the machine was suspended or its clock was set. The refresher then knows the remaining
    /// lifetime better.
    pub(super) fn is_in_doubt(&self, clock: &dyn Clock) -> bool {
        let (by_wall, by_running) = self.got_at.ages(clock);
        by_running.is_some_and(|by_running| by_wall.abs_diff(by_running) > CLOCKS_AGREE)
    }

    /// The time until the credential replaces the token, without failures and with the default of
    /// [`AHEAD`].
    pub fn due_in(&self, clock: &dyn Clock) -> Duration {
        next_refresh(self.life, self.remaining_validity(clock), Some(AHEAD), None)
            .unwrap_or_default()
    }

    /// Whether the token satisfies a request for `min_validity`. If a refresh for that validity
    /// brought a token with a shorter life, half of that life satisfies: otherwise every call would
    /// refresh in vain.
    pub(super) fn is_good(&self, min_validity: Duration, clock: &dyn Clock) -> bool {
        let is_the_best = self.asked >= min_validity && self.life <= min_validity;
        let needed = match is_the_best {
            true => self.life / 2,
            false => min_validity,
        };
        self.remaining_validity(clock) > needed
    }
}

/// The pause after the failed refreshes since the last new token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pause {
    pub(super) left: Duration,
    /// Whether the cause may end without an action of the user.
    pub(super) may_pass: bool,
}

/// Returns the time until the next scheduled refresh of a token with this life, of which `left`
/// remains; `None` if only a call starts one.
pub(super) fn next_refresh(
    life: Duration,
    left: Duration,
    ahead: Option<Duration>,
    failed: Option<Pause>,
) -> Option<Duration> {
    let due = left.saturating_sub(ahead?.min(life / 2));
    match failed {
        None => Some(due.max(MIN_REFRESH_INTERVAL.saturating_sub(life.saturating_sub(left)))),
        // The token has expired, and only the user can end the failures.
        Some(pause) if left.is_zero() && !pause.may_pass => None,
        Some(pause) => Some(due.max(pause.left)),
    }
}

/// Returns the pause after this number of failures in a row: 1 s, doubled up to one minute, reduced
/// by up to half. The reduction spreads programs that failed together. `jitter` is from 0 to 1.
pub(crate) fn pause_after(failures: u32, jitter: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(6);
    let whole = Duration::from_secs(1 << doublings).min(MAX_PAUSE);
    whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_token_is_replaced_fifteen_minutes_ahead_or_at_half_of_its_life_and_never_at_once() {
        const DAYS_60: u64 = 60 * 86_400;
        for (life, left, wait) in [
            (3600, 3600, Some(s(2700))),
            (3600, 1000, Some(s(100))),
            (3600, 900, Some(s(0))),
            (3600, 0, Some(s(0))),
            // Half of the life, if that is less.
            (1200, 1200, Some(s(600))),
            (1200, 500, Some(s(0))),
            (10, 10, Some(s(5))),
            // Whatever the life, a second lies between two refreshes.
            (1, 1, Some(s(1))),
            (0, 0, Some(s(1))),
            // Longer than a millisecond counter of 32 bits.
            (DAYS_60, DAYS_60, Some(s(DAYS_60 - 900))),
        ] {
            let (life, left) = (s(life), s(left));
            let next = next_refresh(life, left, Some(s(900)), None);
            assert_eq!(next, wait, "{life:?} {left:?}");
            assert_eq!(next_refresh(life, left, None, None), None);
        }
    }

    #[test]
    fn after_a_failure_it_waits_and_gives_up_only_where_a_person_must_act() {
        for (token_left, pause_left, may_pass, wait) in [
            (800, 8, false, Some(s(8))),
            (800, 5, false, Some(s(5))),
            (800, 0, true, Some(s(0))),
            // Failed because a caller asked: it is not due for long.
            (3000, 8, true, Some(s(2100))),
            (0, 5, true, Some(s(5))),
            (0, 5, false, None),
        ] {
            let pause = Pause {
                left: s(pause_left),
                may_pass,
            };
            let next = next_refresh(s(3600), s(token_left), Some(s(900)), Some(pause));
            assert_eq!(next, wait, "{token_left} {pause_left} {may_pass}");
        }
    }

    #[test]
    fn pauses_double_to_a_minute_and_are_spread() {
        let all: Vec<u64> = (1..=9)
            .map(|failures| pause_after(failures, 1.0).as_secs())
            .collect();
        assert_eq!(all, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(pause_after(3, 0.0), s(2));
        assert_eq!(pause_after(u32::MAX, 0.0), s(30));
    }
}
