//! The freshness rule, as one pure decision.
//!
//! Inputs are the record, the request, the steps taken so far and the time; the output is the next
//! step, or the token for an outage. This file has no side effects. `freshness_tests.rs` has the rule as a table.

use std::time::Duration;

use super::token::{Token, TokenKind, TokenRequest};
use crate::store::Record;
use crate::time::{MIN_VALIDITY_DURING_OUTAGE, Timestamp};

/// The steps that this run has taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CompletedSteps {
    /// A user signed in.
    pub(crate) signed_in: bool,
    /// The refresh token was redeemed.
    pub(crate) refreshed: bool,
    /// The refresh token was redeemed for the exchange service's token.
    pub(crate) refreshed_for_service: bool,
    /// The current Entra token was exchanged.
    pub(crate) exchanged: bool,
}

/// The next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Return the cached token, which has more than the minimum validity left.
    UseCached,
    /// Return the cached token, although it has no more than the minimum validity left.
    UseCachedBelowMinimum,
    /// Exchange the cached Entra token.
    Exchange,
    /// Redeem the refresh token.
    Refresh,
    /// Redeem the refresh token for the exchange service's token.
    RefreshForService,
    /// A user must sign in.
    SignIn,
}

impl Step {
    /// Returns the step as a noun.
    pub(super) fn name(self) -> &'static str {
        match self {
            Step::UseCached | Step::UseCachedBelowMinimum => "cached token",
            Step::Exchange => "exchange",
            Step::Refresh => "refresh",
            Step::RefreshForService => "refresh for the exchange service",
            Step::SignIn => "sign-in",
        }
    }

    /// Returns the sentence that announces the step for this user.
    pub(super) fn sentence(self, user: Option<&str>) -> String {
        let of = user.map(|user| format!(" of {user}")).unwrap_or_default();
        match self {
            Step::UseCached => format!("Returning the cached token{of}."),
            Step::UseCachedBelowMinimum => {
                format!("Returning the cached token{of}, which expires sooner than requested.")
            }
            Step::Exchange => format!("Exchanging the Entra token{of} for an access token."),
            Step::Refresh => format!("Refreshing the Entra token{of}."),
            Step::RefreshForService => {
                format!("Requesting the Entra token{of} for the exchange service.")
            }
            Step::SignIn => "A sign-in is required.".to_owned(),
        }
    }
}

/// Returns the next step for the request. `now` is the time by the service's clock.
pub(crate) fn next_step(
    record: Option<&Record>,
    request: &TokenRequest,
    completed: CompletedSteps,
    now: Timestamp,
) -> Step {
    let Some(record) = record else {
        return Step::SignIn;
    };
    let renewed = completed.signed_in || completed.refreshed;
    let may_use_cached = !request.force_refresh || renewed;
    let required = needed_validity(record, request, now);
    let is_valid_long_enough = |expires_on: Timestamp| expires_on.since(now) > required;

    let entra = record.entra_token(request.scopes());
    let cached_expiry = match &request.kind {
        TokenKind::Entra(_) => entra.map(|token| token.expires_on),
        TokenKind::Communication(source) => record
            .communication_token(source)
            .filter(|_| !renewed || completed.exchanged)
            .map(|token| token.expires_on),
    };
    if let Some(expires_on) =
        cached_expiry.filter(|expires_on| may_use_cached && is_valid_long_enough(*expires_on))
    {
        return match expires_on.since(now) > request.min_validity {
            true => Step::UseCached,
            false => Step::UseCachedBelowMinimum,
        };
    }
    let can_refresh = !completed.refreshed && record.refresh_token.is_some();
    let is_for_exchange = matches!(request.kind, TokenKind::Communication(_));
    // An Entra token that was just exchanged for a short token is not exchanged again.
    if let Some(entra) = entra.filter(|_| is_for_exchange && may_use_cached && !completed.exchanged)
    {
        let cannot_refresh_again = renewed && !can_refresh;
        if is_valid_long_enough(entra.expires_on)
            || (cannot_refresh_again && entra.expires_on > now)
        {
            return exchange_step(record, request, completed, now);
        }
    }
    if can_refresh {
        return Step::Refresh;
    }
    match cached_expiry {
        Some(expires_on) if renewed && expires_on > now => Step::UseCachedBelowMinimum,
        _ => Step::SignIn,
    }
}

/// Returns the exchange, or the step before it if the exchange service's token is missing. That token is
/// used at once, so its validity need not be that of the request.
fn exchange_step(
    record: &Record,
    request: &TokenRequest,
    completed: CompletedSteps,
    now: Timestamp,
) -> Step {
    if request.service_scopes.is_empty() {
        return Step::Exchange;
    }
    let token = record.entra_token(&request.service_scopes);
    let left = token.map(|token| token.expires_on.since(now));
    let is_renewed = completed.refreshed_for_service;
    let can_refresh = !is_renewed && record.refresh_token.is_some();
    match left {
        Some(left) if is_renewed && !left.is_zero() => Step::Exchange,
        Some(left) if !request.force_refresh && left > MIN_VALIDITY_DURING_OUTAGE => Step::Exchange,
        _ if can_refresh => Step::RefreshForService,
        _ => Step::SignIn,
    }
}

/// Returns the validity that a token must have left. If this tenant's tokens are short, it is at most
/// half of their lifetime: otherwise each call would refresh in vain. The record's note of short tokens
/// is ignored with `force_refresh`, and if the clock was set back after the note was made.
fn needed_validity(record: &Record, request: &TokenRequest, now: Timestamp) -> Duration {
    match record.short_lifetime {
        Some(short)
            if !request.force_refresh && now.unix_seconds() >= short.redeemed_at_seconds =>
        {
            request
                .min_validity
                .min(Duration::from_secs(short.life_seconds / 2))
        }
        _ => request.min_validity,
    }
}

/// Returns the cached token for the request that may be used if the network or a service fails.
pub(crate) fn outage_fallback(
    record: &Record,
    request: &TokenRequest,
    now: Timestamp,
) -> Option<Token> {
    Token::find_in_cache(record, request, now).filter(|token| {
        !request.force_refresh && token.remaining_validity() > MIN_VALIDITY_DURING_OUTAGE
    })
}
