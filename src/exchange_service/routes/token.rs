//! `POST /v1/token` (RFC 8693), and `GET /api/token/teams` as the hero sample has it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::decision::Decision;
use super::form::{ACCESS_TOKEN, TokenForm};
use super::service::Service;
use crate::acs::IssuedToken;
use crate::exchange_service::exchange::{Origin, Refusal, Subject};
use crate::exchange_service::tokens::{Purpose, Rejection, UserToken};
use crate::loopback::serve::Caller;
use crate::secret::EntraToken;

/// The header of the hero sample's clients.
const TEAMS_TOKEN: &str = "teams-user-aad-token";

type Outcome = Result<(&'static str, Response), Refusal>;

/// `POST /v1/token`.
pub(super) async fn token(State(service): State<Arc<Service>>, request: Request) -> Response {
    let mut decision = Decision::start(&service, "token", request.headers());
    let outcome = exchange_form(&service, request, &mut decision).await;
    decision.finish(outcome)
}

/// `GET /api/token/teams`.
pub(super) async fn teams(State(service): State<Arc<Service>>, request: Request) -> Response {
    let mut decision = Decision::start(&service, "teams", request.headers());
    let (parts, _) = request.into_parts();
    let outcome = exchange_headers(&service, &parts, &mut decision).await;
    decision.finish(outcome)
}

async fn exchange_form(
    service: &Arc<Service>,
    request: Request,
    decision: &mut Decision,
) -> Outcome {
    let (parts, body) = request.into_parts();
    let (bearer, caller) = caller(service, &parts).await?;
    decision.by(caller.clone());
    let form = TokenForm::read(&parts.headers, body).await?;
    let (token, origin) = exchange(service, &bearer, &caller, form.subject).await?;
    let json = json!({
        "access_token": token.token.expose(),
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": token.expires_on.since(service.clock.now()).as_secs(),
    });
    Ok((word(origin), Json(json).into_response()))
}

async fn exchange_headers(
    service: &Arc<Service>,
    parts: &Parts,
    decision: &mut Decision,
) -> Outcome {
    let (bearer, caller) = caller(service, parts).await?;
    decision.by(caller.clone());
    let sent = parts.headers.get(TEAMS_TOKEN);
    let subject = sent.map(|sent| EntraToken::new(sent.to_str().unwrap_or_default().trim()));
    let (token, origin) = exchange(service, &bearer, &caller, subject).await?;
    let json = json!({
        "token": token.token.expose(),
        "expiresOn": token.expires_on.to_string(),
    });
    Ok((
        word(origin),
        (StatusCode::CREATED, Json(json)).into_response(),
    ))
}

fn word(origin: Origin) -> &'static str {
    match origin {
        Origin::Exchanged => "exchanged",
        Origin::Joined => "joined",
        Origin::Cached => "cached",
    }
}

/// Validates the bearer token, which shows that the caller may use this service.
pub(super) async fn caller(
    service: &Service,
    parts: &Parts,
) -> Result<(EntraToken, Arc<UserToken>), Refusal> {
    let refuse = |rejection| Refusal::of_token(rejection, Purpose::ThisService);
    let bearer = bearer(&parts.headers).ok_or_else(|| refuse(Rejection::Missing))?;
    let valid = service
        .validator
        .validate(bearer.expose(), Purpose::ThisService);
    let valid = valid.await.map_err(refuse)?;
    Caller::trust(&parts.extensions);
    Ok((bearer, valid))
}

/// Returns the token of the only header `Authorization`, if that is a bearer token.
fn bearer(headers: &HeaderMap) -> Option<EntraToken> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    is_bearer.then(|| EntraToken::new(token.trim()))
}

/// Validates the subject token, and exchanges it for the user of the bearer token.
async fn exchange(
    service: &Arc<Service>,
    bearer: &EntraToken,
    caller: &UserToken,
    subject: Option<EntraToken>,
) -> Result<(Arc<IssuedToken>, Origin), Refusal> {
    let is_on_behalf_of = service.exchanger.on_behalf_of.is_some();
    // A client that knows of no on-behalf-of sends its bearer token twice.
    let subject = subject.filter(|subject| !(is_on_behalf_of && subject == bearer));
    let subject = match subject {
        None if is_on_behalf_of => Subject::OnBehalfOf {
            assertion: bearer.clone(),
        },
        subject => {
            let refuse = |rejection| Refusal::of_token(rejection, Purpose::Acs);
            let text = subject.ok_or_else(|| refuse(Rejection::Missing))?;
            let valid = service.validator.validate(text.expose(), Purpose::Acs);
            let valid = valid.await.map_err(refuse)?;
            if !valid.is_same_user(caller) {
                return Err(Refusal::new(
                    StatusCode::FORBIDDEN,
                    "access_denied",
                    "different_users",
                    "The two tokens belong to different users.",
                ));
            }
            Subject::Token {
                text,
                client: valid.client.clone(),
            }
        }
    };
    let (outcome, origin) = service.exchanger.token(caller, subject).await;
    outcome.map(|token| (token, origin))
}
