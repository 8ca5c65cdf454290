//! Repeats a service's refusal for a while, without a new request.
//!
//! Apps may ask often, and each renewal costs several requests. After a refusal the next request to
//! the services follows a pause, which grows from one second to a minute. A change of the session,
//! such as a new sign-in, ends the pause. An outage is not recorded here: the credential repeats its
//! error for a few seconds.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::credential::pause_after;
use crate::error::{Error, Kind, Result};
use crate::store::IndexEntry;
use crate::time::{Clock, Timestamp};

/// The shortest pause if a sign-in is needed: until then the session is refused again.
const SIGN_IN_PAUSE: Duration = Duration::from_secs(30);

/// The latest refusal of one account.
#[derive(Default)]
pub(super) struct Refusals(Mutex<Option<LastRefusal>>);

/// The latest refusal.
struct LastRefusal {
    /// The refused session, after the changes by the attempt.
    session: Option<IndexEntry>,
    /// The refusals in a row.
    times: u32,
    pause: Duration,
    at: Timestamp,
    running_then: Option<Duration>,
    error: Error,
}

impl LastRefusal {
    /// The rest of the pause. A clock that is set back or has stopped does not prolong it.
    fn left(&self, clock: &dyn Clock) -> Duration {
        let by_wall = clock.now().since(self.at);
        let ago = match (clock.running(), self.running_then) {
            (Some(now), Some(then)) => by_wall.max(now.saturating_sub(then)),
            _ => by_wall,
        };
        self.pause.saturating_sub(ago)
    }

    fn error(&self, left: Duration) -> Error {
        self.error.clone().with_retry_after(left)
    }
}

impl Refusals {
    /// Calls `ask`, unless the session is the same as at a recent refusal. Then this returns that
    /// refusal with the rest of the pause.
    ///
    /// # Errors
    /// As `session` and `ask`.
    pub(super) fn ask<T>(
        &self,
        clock: &dyn Clock,
        session: impl Fn() -> Result<Option<IndexEntry>>,
        ask: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(refusal) = last.as_ref() {
            let left = refusal.left(clock);
            if session()? != refusal.session {
                *last = None;
            } else if !left.is_zero() {
                return Err(refusal.error(left));
            }
        }
        let error = match ask() {
            Ok(token) => {
                *last = None;
                return Ok(token);
            }
            Err(error) => error,
        };
        if !is_refusal(error.kind()) {
            return Err(error);
        }
        let times = last.as_ref().map_or(0, |last| last.times) + 1;
        let pause = pause_after(times, fastrand::f64());
        let refusal = LastRefusal {
            session: session()?,
            times,
            pause: match error.kind() {
                Kind::SignInNeeded => pause.max(SIGN_IN_PAUSE),
                _ => pause,
            },
            at: clock.now(),
            running_then: clock.running(),
            error,
        };
        let error = refusal.error(refusal.pause);
        *last = Some(refusal);
        Err(error)
    }
}

/// Whether a service would decide the same on a new request.
fn is_refusal(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Refused | Kind::SignInNeeded | Kind::SignInRefused
    )
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::time::SettableClock;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn refused(kind: Kind) -> Error {
        Error::new(kind, "no", "do something")
    }

    #[test]
    fn refused_session_is_asked_for_after_growing_pauses_only() {
        for kind in [Kind::Refused, Kind::SignInRefused, Kind::SignInNeeded] {
            let clock = SettableClock::new(Timestamp::from_unix_seconds(1_800_000_000));
            let refusals = Refusals::default();
            let asked = Cell::new(0);
            for _ in 0..6000 {
                let outcome = refusals.ask(
                    &clock,
                    || Ok(None),
                    || {
                        asked.set(asked.get() + 1);
                        Result::<()>::Err(refused(kind))
                    },
                );
                let error = outcome.expect_err("it is refused");
                assert_eq!((error.kind(), error.message()), (kind, "no"));
                let pause = error.retry_after().expect("a pause");
                assert!(!pause.is_zero() && pause <= s(60), "{pause:?}");
                clock.advance(Duration::from_millis(100));
            }
            // Ten minutes: six short pauses, and then 30 s to a minute.
            assert!((10..=30).contains(&asked.get()), "{}", asked.get());
        }
    }

    #[test]
    fn changed_session_and_a_success_end_the_pause_and_an_outage_begins_none() {
        let clock = SettableClock::new(Timestamp::from_unix_seconds(1_800_000_000));
        let refusals = Refusals::default();
        let none = || Ok(None);
        let no = || Result::<u8>::Err(refused(Kind::Refused));
        let yes = || Result::<u8>::Ok(1);
        assert!(
            refusals
                .ask(&clock, none, || Err::<u8, _>(refused(Kind::Unreachable)))
                .is_err()
        );
        assert_eq!(refusals.ask(&clock, none, yes).ok(), Some(1));
        assert!(refusals.ask(&clock, none, no).is_err());
        assert!(refusals.ask(&clock, none, yes).is_err(), "it is remembered");
        // A new sign-in.
        let other = || Ok(Some(super::super::tests::entry()));
        assert_eq!(refusals.ask(&clock, other, yes).ok(), Some(1));
        assert_eq!(refusals.ask(&clock, other, yes).ok(), Some(1));
    }
}
