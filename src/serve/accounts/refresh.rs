//! Gets new tokens for one account, and repeats a service's refusal for a while.
//!
//! Apps may ask often, and each renewal costs several requests. After a refusal the next request to
//! the services follows a pause, which grows from one second to a minute. A change of the session,
//! such as a new sign-in, ends the pause. An outage does not begin one: the credential repeats its
//! error for a few seconds.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::credential::{RefreshedToken, pause_after};
use crate::error::{Error, Kind, Result};
use crate::serve::context::Context;
use crate::session::{CacheLookup, Token, TokenRequest, TokenSecret};
use crate::store::IndexEntry;
use crate::time::{Clock, Moment};

/// The shortest pause if a sign-in is needed: until then the session is refused again.
const SIGN_IN_PAUSE: Duration = Duration::from_secs(30);

/// The results of an account's refreshes.
#[derive(Default)]
pub(super) struct RefreshState {
    /// Whether the need of a sign-in was reported, since the last token.
    pub(super) is_sign_in_reported: AtomicBool,
    last_refusal: Mutex<Option<LastRefusal>>,
    failure: Mutex<Option<Error>>,
}

/// Gets a Communication token of the account with this id. The call blocks.
pub(super) fn refresh(
    context: &Context,
    state: &RefreshState,
    home_account_id: &str,
    min_validity: Duration,
) -> Result<RefreshedToken> {
    let request = context.token_request(min_validity);
    let token = stored_or_renewed(context, state, home_account_id, request)?;
    match token.secret {
        TokenSecret::Communication(secret) => {
            let left = Duration::from_secs(token.expires_in_seconds);
            Ok(RefreshedToken::new(secret, token.expires_on).with_expires_in(Some(left)))
        }
        TokenSecret::Entra(_) => Err(Error::internal(
            "an Entra token was returned instead of an access token",
        )),
    }
}

/// Gets a token of the account with this id, of either kind. The call blocks.
pub(super) fn stored_or_renewed(
    context: &Context,
    state: &RefreshState,
    home_account_id: &str,
    request: TokenRequest,
) -> Result<Token> {
    // An account that was signed out on purpose causes no notice.
    if context.stored_entry(home_account_id)?.is_none() {
        return Err(Error::new(
            Kind::SignInNeeded,
            "the account is signed out",
            "Run `acspass login` to sign in again.",
        ));
    }
    let lookup = context.cached_token(Some(home_account_id), request);
    let outcome = lookup.and_then(|lookup| match lookup {
        CacheLookup::Hit(token) => Ok(token),
        // A recent refusal applies to renewals only, not to a stored token.
        CacheLookup::Miss(renewal) => state.ask(
            context.clock(),
            || context.stored_entry(home_account_id),
            || context.renew(renewal),
        ),
    });
    match &outcome {
        Ok(_) => state.is_sign_in_reported.store(false, Ordering::Relaxed),
        Err(error) => context.report_sign_in(error, &state.is_sign_in_reported),
    }
    *state.failure() = outcome.as_ref().err().cloned();
    outcome
}

/// The latest refusal of one account.
struct LastRefusal {
    /// The refused session, after the changes by the attempt.
    session: Option<IndexEntry>,
    /// The refusals in a row.
    times: u32,
    pause: Duration,
    at: Moment,
    error: Error,
}

impl RefreshState {
    /// The error of the latest attempt for an account that is signed in, if it failed.
    pub(super) fn failure(&self) -> MutexGuard<'_, Option<Error>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `ask`, unless the session is the same as at a recent refusal. Then this returns that
    /// refusal with the rest of the pause.
    ///
    /// # Errors
    /// As `session` and `ask`.
    fn ask<T>(
        &self,
        clock: &dyn Clock,
        session: impl Fn() -> Result<Option<IndexEntry>>,
        ask: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let last = &self.last_refusal;
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(refusal) = last.as_ref() {
            let left = refusal.pause.saturating_sub(refusal.at.age(clock));
            if session()? != refusal.session {
                *last = None;
            } else if !left.is_zero() {
                return Err(refusal.error.clone().with_retry_after(left));
            }
        }
        let error = match ask() {
            Ok(token) => {
                *last = None;
                return Ok(token);
            }
            Err(error) => error,
        };
        let shortest = match error.kind() {
            Kind::SignInNeeded => SIGN_IN_PAUSE,
            Kind::Refused | Kind::SignInRefused => Duration::ZERO,
            // On a new request the service may decide otherwise.
            _ => return Err(error),
        };
        let times = last.as_ref().map_or(0, |last| last.times) + 1;
        let pause = pause_after(times, fastrand::f64()).max(shortest);
        *last = Some(LastRefusal {
            session: session()?,
            times,
            pause,
            at: Moment::now(clock),
            error: error.clone(),
        });
        Err(error.with_retry_after(pause))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::time::{SettableClock, Timestamp};

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
            let refusals = RefreshState::default();
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
        let refusals = RefreshState::default();
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
