//! What the page shows, as one JSON object without a secret in it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::error::Error;
use crate::json;
use crate::serve::accounts::CredentialState;
use crate::session::{AccountState, TokenState};
use crate::time::{Clock, Timestamp};

/// What is to come for an account.
enum NextAction {
    /// The service replaces the token that it holds, after so long.
    Renews(Duration),
    /// Whoever asks gets what is kept.
    ReturnsCached,
    /// Whoever asks has the Entra token exchanged.
    Exchanges,
    /// Whoever asks has the session renewed.
    Redeems,
    /// A person must sign in.
    SignIn,
}

/// An account as the page needs it: its tokens with what they have left by the service's clock.
pub(super) fn account(state: &AccountState, held: &CredentialState, clock: &dyn Clock) -> Value {
    let next = next(state, held, clock);
    let (does, after) = match next {
        NextAction::Renews(after) => ("renews", Some(after)),
        NextAction::ReturnsCached => ("hands-out", None),
        NextAction::Exchanges => ("exchanges", None),
        NextAction::Redeems => ("redeems", None),
        NextAction::SignIn => ("sign-in", None),
    };
    let mut json = json::account(&state.account);
    json["username"] = json!(json::clean(&state.account.username));
    json["active"] = json!(state.active);
    json["entraToken"] = token(state.entra);
    json["communicationToken"] = token(state.communication);
    json["next"] = json!({
        "does": does,
        "on": after.map(|after| at(clock.now().plus(after))),
    });
    json["failure"] = match &held.failure {
        Some(error) => failure(error),
        None => Value::Null,
    };
    json
}

/// A failure in the words of the command.
pub(super) fn failure(error: &Error) -> Value {
    let message = match error.code() {
        Some(code) => format!("{} ({code})", error.message()),
        None => error.message().to_owned(),
    };
    json!({
        "message": json::clean(&message),
        "hint": json::clean(error.hint()),
    })
}

fn token(state: Option<TokenState>) -> Value {
    state.map_or(Value::Null, |state| {
        json!({
            "expiresOn": state.expires_on.to_string(),
            "expiresInSeconds": state.left.as_secs(),
            "fresh": state.fresh,
        })
    })
}

/// Whole minutes are all that the page shows, and what stays the same is drawn once.
fn at(time: Timestamp) -> String {
    let seconds = time.unix_seconds();
    Timestamp::from_unix_seconds(seconds - seconds.rem_euclid(60)).to_string()
}

fn next(state: &AccountState, held: &CredentialState, clock: &dyn Clock) -> NextAction {
    let fresh = |token: Option<TokenState>| token.is_some_and(|token| token.fresh);
    match held.token.as_ref().map(|token| token.due_in(clock)) {
        _ if held.needs_person => NextAction::SignIn,
        Some(due) if !due.is_zero() => NextAction::Renews(due),
        _ if fresh(state.communication) => NextAction::ReturnsCached,
        _ if fresh(state.entra) => NextAction::Exchanges,
        _ if state.can_renew => NextAction::Redeems,
        _ => NextAction::SignIn,
    }
}
