//! The JSON responses of the command and the token service, with the names of the
//! Azure REST APIs.
//!
//! Times are RFC 3339. A token is written only if it is the requested result.

use std::error::Error as _;
use std::iter::successors;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::account::Account;
use crate::acs::{Assignment, CreatedUser, IssuedToken};
use crate::error::Error;
use crate::session::{AccountState, Token, TokenState};
use crate::text::{printable, without_secrets};
use crate::time::Timestamp;

/// The response of `get` and `GET /token`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenShape<'a> {
    pub(crate) account: AccountShape<'a>,
    pub(crate) expires_in_seconds: u64,
    #[serde(serialize_with = "rfc3339")]
    pub(crate) expires_on: Timestamp,
    pub(crate) token: &'a str,
}

/// An account in any response.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountShape<'a> {
    home_account_id: &'a str,
    tenant_id: &'a str,
    username: &'a str,
}

impl<'a> From<&'a Account> for AccountShape<'a> {
    fn from(account: &'a Account) -> Self {
        AccountShape {
            home_account_id: &account.home_account_id,
            tenant_id: &account.tenant_id,
            username: &account.username,
        }
    }
}

fn rfc3339<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

/// Returns the response without a copy of the token.
pub(crate) fn token(token: &Token) -> TokenShape<'_> {
    TokenShape {
        account: (&token.account).into(),
        expires_in_seconds: token.expires_in_seconds,
        expires_on: token.expires_on,
        token: token.secret.expose(),
    }
}

pub(crate) fn account(account: &Account) -> Value {
    json!(AccountShape::from(account))
}

/// Returns an issued token; `now` is the local time, used if the service's is unknown.
pub(crate) fn issued(issued: &IssuedToken, now: Timestamp) -> Value {
    let now = issued.service_time.unwrap_or(now);
    json!({
        "token": issued.token.expose(),
        "expiresOn": issued.expires_on.to_string(),
        "expiresInSeconds": issued.expires_on.since(now).as_secs(),
    })
}

pub(crate) fn created(created: &CreatedUser, now: Timestamp) -> Value {
    let mut json = json!({"identity": {"id": created.id.as_str()}});
    if let Some(token) = &created.token {
        json["accessToken"] = issued(token, now);
    }
    json
}

/// Returns an assignment.
pub(crate) fn assignment(assignment: &Assignment) -> Value {
    json!({
        "objectId": printable(&assignment.object_id),
        "tenantId": printable(&assignment.tenant_id),
        "principalType": printable(assignment.principal_type.as_str()),
        "clientIds": assignment.client_ids.iter().map(|id| printable(id)).collect::<Vec<_>>(),
    })
}

/// The response of `status` and `GET /status`.
#[derive(Serialize)]
pub(crate) struct StatusShape<'a> {
    profile: &'a str,
    store: &'a str,
    accounts: Vec<AccountStateShape<'a>>,
}

/// Serialized directly, because there can be a thousand accounts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountStateShape<'a> {
    username: &'a str,
    home_account_id: &'a str,
    tenant_id: &'a str,
    active: bool,
    entra_token: Option<TokenStateShape>,
    communication_token: Option<TokenStateShape>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenStateShape {
    #[serde(serialize_with = "rfc3339")]
    expires_on: Timestamp,
    fresh: bool,
}

impl From<TokenState> for TokenStateShape {
    fn from(
        TokenState {
            expires_on, fresh, ..
        }: TokenState,
    ) -> Self {
        TokenStateShape { expires_on, fresh }
    }
}

fn account_states(states: &[AccountState]) -> Vec<AccountStateShape<'_>> {
    let shapes = states.iter().map(|state| AccountStateShape {
        username: &state.account.username,
        home_account_id: &state.account.home_account_id,
        tenant_id: &state.account.tenant_id,
        active: state.active,
        entra_token: state.entra.map(TokenStateShape::from),
        communication_token: state.communication.map(TokenStateShape::from),
    });
    shapes.collect()
}

pub(crate) fn status<'a>(
    profile: &'a str,
    store: &'a str,
    states: &'a [AccountState],
) -> StatusShape<'a> {
    StatusShape {
        profile,
        store,
        accounts: account_states(states),
    }
}

/// Returns the response of `account list`.
pub(crate) fn account_list(states: &[AccountState]) -> impl Serialize + '_ {
    std::collections::BTreeMap::from([("accounts", account_states(states))])
}

/// Returns an error, with its nearest cause in the message.
pub(crate) fn error(error: &Error) -> Value {
    let mut parts = vec![error.message().to_owned()];
    parts.extend(causes(error).into_iter().take(1));
    json!({"error": {
        "kind": error.kind().as_str(),
        "message": printable(&without_secrets(&parts.join(": "))),
        "hint": printable(&without_secrets(error.hint())),
        "code": error.code().map(printable),
        "correlationId": error.correlation_id().map(printable),
    }})
}

/// Returns the causes of an error without repetitions, the nearest one first.
pub(crate) fn causes(error: &Error) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    for cause in successors(error.source(), |&cause| cause.source()) {
        let text = cause.to_string();
        // Libraries like to repeat their source in their own words.
        if !causes.iter().any(|earlier| earlier.contains(&text)) {
            causes.push(text);
        }
    }
    causes
}
