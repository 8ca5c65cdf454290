//! Gets new tokens for one account.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::credential::{RefreshedToken, Refresher, Refreshing};
use crate::error::{Error, Kind, Result};
use crate::serve::blocking::blocking;
use crate::serve::context::Context;
use crate::session::{CacheLookup, Token, TokenSecret};

use super::refusals::Refusals;

/// Reports once that a sign-in is needed, until [`SignInNotice::clear`].
#[derive(Default)]
pub(super) struct SignInNotice(AtomicBool);

impl SignInNotice {
    /// Reports the error if it means that a sign-in is needed.
    pub(super) fn set(&self, context: &Context, error: &Error) {
        if error.kind() == Kind::SignInNeeded && !self.0.swap(true, Ordering::Relaxed) {
            (context.options.sign_in_needed)(error);
        }
    }

    pub(super) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The results of an account's refreshes.
#[derive(Default)]
pub(super) struct RefresherState {
    pub(super) notice: SignInNotice,
    refusals: Refusals,
    failure: Mutex<Option<Error>>,
}

impl RefresherState {
    /// The error of the latest refresh, if it failed.
    pub(super) fn failure(&self) -> MutexGuard<'_, Option<Error>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct AccountRefresher {
    pub(super) context: Arc<Context>,
    /// The home account id.
    pub(super) user: String,
    pub(super) state: Arc<RefresherState>,
}

impl Refresher for AccountRefresher {
    fn refresh(&self, min_validity: Duration) -> Refreshing<'_> {
        let (context, state) = (self.context.clone(), self.state.clone());
        let user = self.user.clone();
        Box::pin(blocking(move || {
            // An account that was signed out on purpose causes no notice.
            if context
                .entry(&context.session().index()?, Some(&user))
                .is_none()
            {
                return Err(Error::new(
                    Kind::SignInNeeded,
                    "the account was signed out",
                    "run `acspass login` to sign in again",
                ));
            }
            let outcome = refresh(&context, &state.refusals, &user, min_validity);
            match &outcome {
                Ok(_) => state.notice.clear(),
                Err(error) => state.notice.set(&context, error),
            }
            *state.failure() = outcome.as_ref().err().cloned();
            outcome
        }))
    }
}

fn refresh(
    context: &Context,
    refusals: &Refusals,
    user: &str,
    min_validity: Duration,
) -> Result<RefreshedToken> {
    // A recent refusal applies to renewals only, not to a stored token.
    let renewal = match context.cached_token(Some(user), min_validity)? {
        CacheLookup::Usable(token) => return refreshed(token),
        CacheLookup::Stale(renewal) => renewal,
    };
    let entry = || {
        let index = context.session().index()?;
        Result::Ok(context.entry(&index, Some(user)).cloned())
    };
    refreshed(refusals.ask(context.clock(), entry, || context.renew(renewal))?)
}

fn refreshed(token: Token) -> Result<RefreshedToken> {
    match token.secret {
        TokenSecret::Communication(secret) => Ok(RefreshedToken {
            token: secret,
            expires_on: token.expires_on,
            expires_in: Some(Duration::from_secs(token.expires_in_seconds)),
        }),
        TokenSecret::Entra(_) => Err(Error::internal("an Entra token where another was asked")),
    }
}
