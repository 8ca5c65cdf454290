//! The handlers that return tokens of signed-in accounts, and those that describe the service.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use url::form_urlencoded;

use crate::input;
use crate::json;
use crate::secret::EntraToken;
use crate::text::quoted;
use crate::time::parse_duration;

use super::accounts::AccountsState;
use super::context::blocking;
use super::identities::exchange;
use super::managed_identity::failure;
use super::openapi::{OPENAPI, of_one_account};
use super::origins::is_page;
use super::response::{Refusal, Reply};

/// The header in which a client of the authentication hero sample sends the user's Entra token.
const TEAMS_TOKEN: &str = "teams-user-aad-token";

pub(super) async fn health() -> Reply {
    Ok(Json(json!({"status": "ok"})).into_response())
}

pub(super) async fn openapi(State(accounts): AccountsState) -> Reply {
    let document = match accounts.context.options.only {
        None => Cow::Borrowed(OPENAPI),
        Some(_) => Cow::Owned(of_one_account()?),
    };
    Ok(([(header::CONTENT_TYPE, "application/json")], document).into_response())
}

pub(super) async fn token(State(accounts): AccountsState, RawQuery(query): RawQuery) -> Reply {
    let (user, min_validity) = token_query(query.as_deref().unwrap_or_default())?;
    let context = &accounts.context;
    let (account, token) = accounts.token(user.as_deref(), min_validity).await?;
    context.events.token_returned(&account.account);
    let shape = json::TokenShape {
        account: (&account.account).into(),
        expires_in_seconds: token.remaining_validity(context.clock()).as_secs(),
        expires_on: token.expires_on,
        token: token.token.expose(),
    };
    Ok(Json(shape).into_response())
}

pub(super) async fn status(State(accounts): AccountsState) -> Reply {
    let options = &accounts.context.options;
    let clients = options.clients.clone();
    let mut states = blocking(move || Ok(clients.overview()?.accounts())).await?;
    if let Some(only) = &options.only {
        states.retain(|state| state.account.home_account_id == only.home_account_id);
    }
    let store = options.session.store_name();
    Ok(Json(json::status(&options.profile, store, &states)).into_response())
}

/// Responds as the hero sample does: status 201, and the token alone.
pub(super) async fn teams_token(State(accounts): AccountsState, headers: HeaderMap) -> Reply {
    let (token, expires_on) = match headers.get(TEAMS_TOKEN) {
        Some(_) if accounts.context.options.only.is_some() => {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "NoExchange",
                "this service exchanges no Entra tokens",
                "Leave the header `teams-user-aad-token` out, or run `acspass serve`.",
            ));
        }
        Some(sent) => {
            let sent = input::token(sent.to_str().unwrap_or_default());
            let sent = EntraToken::new(sent.into_owned());
            let issued = exchange(&accounts.context, sent).await?;
            (issued.token, issued.expires_on)
        }
        None => {
            let (account, token) = accounts.token(None, None).await?;
            accounts.context.events.token_returned(&account.account);
            (token.token.clone(), token.expires_on)
        }
    };
    let json = json!({"token": token.expose(), "expiresOn": expires_on.to_string()});
    Ok((StatusCode::CREATED, Json(json)).into_response())
}

/// Returns the Entra token of the managed identity, in the form of App Service.
pub(super) async fn managed_identity(
    State(accounts): AccountsState,
    RawQuery(query): RawQuery,
) -> Response {
    let options = &accounts.context.options;
    let Some(identity) = &options.managed_identity else {
        return failure(StatusCode::NOT_FOUND, "there is no managed identity");
    };
    if let Err(reason) = identity.check_query(query.as_deref().unwrap_or_default()) {
        return failure(StatusCode::BAD_REQUEST, &reason);
    }
    let token = match accounts.entra_token(identity.scopes.clone()).await {
        Ok(token) => token,
        Err(error) => {
            let message = format!("{error}. {}", error.hint());
            let refusal = Refusal::from(error);
            let mut response = failure(refusal.status, &message);
            response.headers_mut().extend(refusal.retry_after());
            return response;
        }
    };
    let name = &token.account.username;
    let event = format!("Entra token of {name} returned to the command");
    accounts.context.events.good(event);
    let json = json!({
        "access_token": token.secret.expose(),
        "expires_on": token.expires_on.unix_seconds().to_string(),
        "resource": identity.resource,
        "token_type": "Bearer",
        "client_id": options.session.application().client_id,
    });
    Json(json).into_response()
}

/// Reads the parameters of `GET /token`.
fn token_query(query: &str) -> Result<(Option<String>, Option<Duration>), Refusal> {
    let (mut user, mut min_validity) = (None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            // It was checked with the secret.
            page if is_page(page) => {}
            "account" if user.is_none() => {
                user = Some(input::bare(&value).to_owned());
            }
            "min-validity" if min_validity.is_none() => {
                min_validity = Some(parse_duration(input::bare(&value))?);
            }
            _ => {
                return Err(Refusal::of_request(
                    format!("the parameter {} is unknown or repeated", quoted(&name)),
                    "Use the parameters `account` and `min-validity`, each at most once.",
                ));
            }
        }
    }
    Ok((user, min_validity))
}
