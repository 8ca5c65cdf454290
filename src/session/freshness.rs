//! The freshness rule, as one pure decision.
//!
//! Inputs are the record, the time and the request; the output is the next step. This file has no
//! side effects. `freshness_tests.rs` has the rule as a table.

use std::fmt;
use std::time::Duration;

use crate::exchange::TokenSource;
use crate::store::{CachedCommunicationToken, CachedEntraToken, Record};
use crate::time::{LAST_RESORT, Timestamp};

/// A request for a token, and the validity that it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenRequest {
    /// The kind of token.
    pub target: Target,
    /// A cached token is fresh if more than this is left of it.
    pub min_validity: Duration,
    /// Ignores cached tokens: refreshes and exchanges again.
    pub force: bool,
}

impl TokenRequest {
    /// A request for a token that is valid for more than `min_validity`.
    pub fn new(target: Target, min_validity: Duration) -> Self {
        TokenRequest {
            target,
            min_validity,
            force: false,
        }
    }

    /// The Entra scopes, sorted.
    pub fn scopes(&self) -> &[String] {
        match &self.target {
            Target::Entra(scopes) => scopes,
            Target::Communication(source) => &source.scopes,
        }
    }
}

/// The kind of token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The Entra token for these scopes, sorted.
    Entra(Vec<String>),
    /// A Communication token from this source.
    Communication(TokenSource),
}

/// The steps that this run has taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CompletedSteps {
    /// A user signed in.
    pub(crate) signed_in: bool,
    /// The refresh token was redeemed.
    pub(crate) redeemed: bool,
    /// The current Entra token was exchanged.
    pub(crate) exchanged: bool,
}

/// The next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Return the cached token.
    Use {
        /// Whether it has more than the minimum validity left.
        fresh: bool,
    },
    /// Exchange the cached Entra token.
    Exchange,
    /// Redeem the refresh token.
    Redeem,
    /// A user must sign in.
    SignIn,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Use { fresh: true } => "use the kept token",
            Step::Use { fresh: false } => "use the kept token although it is not fresh",
            Step::Exchange => "exchange the Entra token",
            Step::Redeem => "redeem the refresh token",
            Step::SignIn => "sign in",
        })
    }
}

/// Writes the taken steps after the next step; writes nothing if there are none.
impl fmt::Display for CompletedSteps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attempted = [
            (self.signed_in, "signed in"),
            (self.redeemed, "redeemed"),
            (self.exchanged, "exchanged"),
        ];
        let attempted = attempted.into_iter().filter(|(is_done, _)| *is_done);
        let attempted: Vec<&str> = attempted.map(|(_, what)| what).collect();
        match attempted.is_empty() {
            true => Ok(()),
            false => write!(f, " (done: {})", attempted.join(", ")),
        }
    }
}

/// Returns the next step for the request. `now` is the time by the service's clock.
pub(crate) fn next_step(
    record: Option<&Record>,
    request: &TokenRequest,
    attempted: CompletedSteps,
    now: Timestamp,
) -> Step {
    let Some(record) = record else {
        return Step::SignIn;
    };
    let renewed = attempted.signed_in || attempted.redeemed;
    let may_use_cached = !request.force || renewed;
    let needed = needed_validity(record, request, now);
    let lasts = |expires_on: Timestamp| expires_on.since(now) > needed;
    let fresh = |expires_on: Timestamp| expires_on.since(now) > request.min_validity;

    let entra = record.entra_token(request.scopes());
    let wanted = match &request.target {
        Target::Entra(_) => entra.map(|token| token.expires_on),
        Target::Communication(source) => record
            .communication_token(source)
            .filter(|_| may_use_cached && (!renewed || attempted.exchanged))
            .map(|token| token.expires_on),
    };
    if let Some(expires_on) = wanted
        && may_use_cached
        && lasts(expires_on)
    {
        return Step::Use {
            fresh: fresh(expires_on),
        };
    }
    let can_redeem = !attempted.redeemed && record.refresh_token.is_some();
    let is_for_exchange = matches!(request.target, Target::Communication(_));
    // An Entra token that was just exchanged for a short token is not exchanged again.
    if let Some(entra) = entra.filter(|_| is_for_exchange && may_use_cached && !attempted.exchanged)
    {
        let no_refresh_is_left = renewed && !can_redeem;
        if lasts(entra.expires_on) || (no_refresh_is_left && entra.expires_on > now) {
            return Step::Exchange;
        }
    }
    if can_redeem {
        return Step::Redeem;
    }
    match wanted {
        Some(expires_on) if renewed && expires_on > now => Step::Use { fresh: false },
        _ => Step::SignIn,
    }
}

/// Returns the validity that a token must have left. If this tenant's tokens are short, it is half of
/// their lifetime: otherwise each call would refresh in vain. The note is ignored if the clock was set
/// back since.
fn needed_validity(record: &Record, request: &TokenRequest, now: Timestamp) -> Duration {
    match record.short_tokens {
        Some(short) if !request.force && now.unix_seconds() >= short.redeemed_at_seconds => request
            .min_validity
            .min(Duration::from_secs(short.life_seconds / 2)),
        _ => request.min_validity,
    }
}

/// Returns the cached token for the request that may be used if the network or a service fails.
pub(crate) fn outage_fallback<'a>(
    record: &'a Record,
    request: &TokenRequest,
    now: Timestamp,
) -> Option<CachedToken<'a>> {
    find_cached(record, request)
        .filter(|cached| !request.force && cached.expires_on().since(now) > LAST_RESORT)
}

/// A cached token of either kind.
#[derive(Clone, Copy)]
pub(crate) enum CachedToken<'a> {
    /// An Entra token.
    Entra(&'a CachedEntraToken),
    /// A Communication token.
    Communication(&'a CachedCommunicationToken),
}

impl CachedToken<'_> {
    /// Returns the expiry, by the service's clock.
    pub(crate) fn expires_on(self) -> Timestamp {
        match self {
            CachedToken::Entra(token) => token.expires_on,
            CachedToken::Communication(token) => token.expires_on,
        }
    }
}

/// Returns the cached token for the request, even if it has expired.
pub(crate) fn find_cached<'a>(
    record: &'a Record,
    request: &TokenRequest,
) -> Option<CachedToken<'a>> {
    match &request.target {
        Target::Entra(_) => record.entra_token(request.scopes()).map(CachedToken::Entra),
        Target::Communication(source) => record
            .communication_token(source)
            .map(CachedToken::Communication),
    }
}
