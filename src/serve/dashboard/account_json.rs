//! The JSON of an account for the page, without secrets.

use std::time::Duration;

use serde_json::{Value, json};

use crate::error::Error;
use crate::json;
use crate::jwt;
use crate::serve::accounts::AccountCredential;
use crate::session::{AccountState, TokenState};
use crate::text::printable;
use crate::time::{Clock, Timestamp};

/// An account with the remaining lifetime of its tokens, by the service's clock.
pub(super) fn account(
    state: &AccountState,
    credential: Option<&AccountCredential>,
    clock: &dyn Clock,
) -> Value {
    let (action, after) = next_action(state, credential, clock);
    let last_error = credential.and_then(AccountCredential::failure);
    let mut json = json::account(&state.account);
    json["username"] = json!(printable(&state.account.username));
    json["active"] = json!(state.active);
    json["entraToken"] = json!(state.entra.map(token));
    json["communicationToken"] = json!(state.communication.map(token));
    json["next"] = json!({
        "does": action,
        "on": after.map(|after| minute(clock.now().plus(after))),
    });
    json["failure"] = json!(last_error.as_ref().map(failure));
    json["scopes"] = json!(credential.and_then(scopes));
    json
}

/// Returns the scopes of the token in memory, if it names them.
fn scopes(credential: &AccountCredential) -> Option<Vec<String>> {
    let cached = credential.credential.cached()?;
    let claims = jwt::decode(cached.token.expose())?.claims;
    let scopes = claims.get("acsScope")?.as_str()?.split(',');
    Some(scopes.map(|scope| printable(scope.trim())).collect())
}

/// An error as the page shows it.
pub(super) fn failure(error: &Error) -> Value {
    let message = match error.code() {
        Some(code) => format!("{} ({code})", error.message()),
        None => error.message().to_owned(),
    };
    json!({
        "message": printable(&message),
        "hint": printable(error.hint()),
    })
}

fn token(state: TokenState) -> Value {
    json!({
        "expiresOn": state.expires_on.to_string(),
        "expiresInSeconds": state.remaining_validity.as_secs(),
        "fresh": state.fresh,
    })
}

/// The time in whole minutes: the page shows no seconds, and a value that stays the same is drawn once.
fn minute(time: Timestamp) -> String {
    let seconds = time.unix_seconds();
    Timestamp::from_unix_seconds(seconds - seconds.rem_euclid(60)).to_string()
}

/// The next action for an account, and its delay if the service acts without a request.
fn next_action(
    state: &AccountState,
    credential: Option<&AccountCredential>,
    clock: &dyn Clock,
) -> (&'static str, Option<Duration>) {
    let is_fresh = |token: Option<TokenState>| token.is_some_and(|token| token.fresh);
    let cached = credential.and_then(|account| account.credential.cached());
    match cached.map(|token| token.due_in(clock)) {
        _ if credential.is_some_and(AccountCredential::needs_sign_in) => ("sign-in", None),
        Some(due) if !due.is_zero() => ("renews", Some(due)),
        _ if is_fresh(state.communication) => ("hands-out", None),
        _ if is_fresh(state.entra) => ("exchanges", None),
        _ if state.can_renew => ("redeems", None),
        _ => ("sign-in", None),
    }
}
