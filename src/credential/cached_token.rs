//! A token in memory, with its age.

use std::time::Duration;

use crate::secret::CommunicationToken;
use crate::time::{Clock, Timestamp};

use super::refresher::RefreshedToken;
use super::schedule::{TokenLife, next_refresh};

/// How long before its end a token is replaced: no answer then has 10 minutes or less left.
pub const AHEAD: Duration = Duration::from_secs(15 * 60);

/// Clocks that differ by less are taken as equal.
const CLOCKS_AGREE: Duration = Duration::from_secs(60);

/// A token that a credential holds.
#[derive(Debug, Clone, PartialEq)]
pub struct CachedToken {
    /// The token.
    pub token: CommunicationToken,
    /// When it expires, by the service's clock.
    pub expires_on: Timestamp,
    /// How long it had to live when it was got.
    pub(super) life: Duration,
    /// What the clock showed then, and how long it had run.
    got_at: Timestamp,
    running_then: Option<Duration>,
    /// The most that was ever asked of the refresh that brought it.
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

    /// The same token, as the result of a refresh for `asked`.
    pub(super) fn with_asked(&self, asked: Duration) -> CachedToken {
        CachedToken {
            asked,
            ..self.clone()
        }
    }

    /// How long it still lives. A clock that is set back makes it no younger.
    pub fn left(&self, clock: &dyn Clock) -> Duration {
        let (by_wall, by_running) = self.age(clock);
        self.life
            .saturating_sub(by_wall.max(by_running.unwrap_or_default()))
    }

    /// By what the clock shows, and by how long it has run.
    fn age(&self, clock: &dyn Clock) -> (Duration, Option<Duration>) {
        let by_running = match (clock.running(), self.running_then) {
            (Some(now), Some(then)) => Some(now.saturating_sub(then)),
            _ => None,
        };
        (clock.now().since(self.got_at), by_running)
    }

    /// Whether the machine slept or its clock was set: what is left is then known best by whoever
    /// brings the token.
    pub(super) fn is_in_doubt(&self, clock: &dyn Clock) -> bool {
        let (by_wall, by_running) = self.age(clock);
        by_running.is_some_and(|by_running| by_wall.abs_diff(by_running) > CLOCKS_AGREE)
    }

    /// How long until the credential replaces it by itself, where nothing fails and nobody chose
    /// another time than [`AHEAD`].
    pub fn due_in(&self, clock: &dyn Clock) -> Duration {
        let held = TokenLife {
            life: self.life,
            left: self.left(clock),
        };
        next_refresh(Some(held), Some(AHEAD), None).unwrap_or_default()
    }

    /// Whether it fulfils the wish. Where a refresh for such a wish brought a token that is too
    /// short for it, half of that one's life is all that can be asked: anything else would refresh
    /// in vain with every call.
    pub(super) fn is_good(&self, min_validity: Duration, clock: &dyn Clock) -> bool {
        let is_the_best = self.asked >= min_validity && self.life <= min_validity;
        let needed = match is_the_best {
            true => self.life / 2,
            false => min_validity,
        };
        self.left(clock) > needed
    }
}
