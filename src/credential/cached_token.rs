//! A token in memory, and its age.

use std::time::Duration;

use crate::secret::CommunicationToken;
use crate::time::{Clock, Timestamp};

use super::refresher::RefreshedToken;
use super::schedule::{TokenLife, next_refresh};

/// How long before its expiry a token is replaced: no response then has 10 minutes or less left.
pub const AHEAD: Duration = Duration::from_secs(15 * 60);

/// Clocks that differ by less count as equal.
const CLOCKS_AGREE: Duration = Duration::from_secs(60);

/// A token of a credential.
#[derive(Debug, Clone, PartialEq)]
pub struct CachedToken {
    /// The token.
    pub token: CommunicationToken,
    /// When it expires, by the service's clock.
    pub expires_on: Timestamp,
    /// The remaining lifetime when the refresh brought it.
    pub(super) life: Duration,
    /// The time of that moment, and the running time of the clock.
    got_at: Timestamp,
    running_then: Option<Duration>,
    /// The longest validity that a refresh was asked for when it brought this token.
    pub(super) asked: Duration,
}

impl CachedToken {
    pub(super) fn new(
        refreshed: RefreshedToken,
        asked: Duration,
        clock: &dyn Clock,
    ) -> CachedToken {
        let got_at = clock.now();
        CachedToken {
            life: refreshed
                .expires_in
                .unwrap_or_else(|| refreshed.expires_on.since(got_at)),
            token: refreshed.token,
            expires_on: refreshed.expires_on,
            got_at,
            running_then: clock.running(),
            asked,
        }
    }

    /// Returns the same token as the result of a refresh for `asked`.
    pub(super) fn with_asked(&self, asked: Duration) -> CachedToken {
        CachedToken {
            asked,
            ..self.clone()
        }
    }

    /// The remaining lifetime. A clock that is set back does not prolong it.
    pub fn left(&self, clock: &dyn Clock) -> Duration {
        let (by_wall, by_running) = self.age(clock);
        self.life
            .saturating_sub(by_wall.max(by_running.unwrap_or_default()))
    }

    /// The age by the time of day, and by the running time of the clock.
    fn age(&self, clock: &dyn Clock) -> (Duration, Option<Duration>) {
        let by_running = match (clock.running(), self.running_then) {
            (Some(now), Some(then)) => Some(now.saturating_sub(then)),
            _ => None,
        };
        (clock.now().since(self.got_at), by_running)
    }

    /// Whether the machine was suspended or its clock was set. The refresher then knows the remaining
    /// lifetime better.
    pub(super) fn is_in_doubt(&self, clock: &dyn Clock) -> bool {
        let (by_wall, by_running) = self.age(clock);
        by_running.is_some_and(|by_running| by_wall.abs_diff(by_running) > CLOCKS_AGREE)
    }

    /// The time until the credential replaces the token, without failures and with the default of
    /// [`AHEAD`].
    pub fn due_in(&self, clock: &dyn Clock) -> Duration {
        let held = TokenLife {
            life: self.life,
            left: self.left(clock),
        };
        next_refresh(Some(held), Some(AHEAD), None).unwrap_or_default()
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
        self.left(clock) > needed
    }
}
