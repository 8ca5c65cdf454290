//! `POST /v1/token` (RFC 8693), and `GET /api/token/teams` as the hero sample has it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tracing::Instrument as _;

use super::decision::{Decision, Outcome};
use super::form::{ACCESS_TOKEN, TokenForm};
use super::service::Service;
use crate::acs::IssuedToken;
use crate::exchange_service::exchange::{Origin, Reason, Refusal, Subject};
use crate::exchange_service::tokens::{Purpose, Rejection, UserToken};
use crate::loopback::serve::Caller;
use crate::secret::EntraToken;

/// The header of the hero sample's clients.
const TEAMS_TOKEN: &str = "teams-user-aad-token";

/// `POST /v1/token`.
pub(super) async fn token(State(service): State<Arc<Service>>, request: Request) -> Response {
    let mut decision = Decision::start(&service, "token", request.headers());
    let span = decision.span();
    let outcome = exchange_form(&service, request, &mut decision);
    let outcome = outcome.instrument(span).await;
    if let Err(refusal) = &outcome
        && refusal.reason == Reason::CallerGone
    {
        return decision.abandon(refusal);
    }
    decision.finish(outcome).await
}

/// `GET /api/token/teams`.
pub(super) async fn teams(State(service): State<Arc<Service>>, request: Request) -> Response {
    let mut decision = Decision::start(&service, "teams", request.headers());
    let (parts, _) = request.into_parts();
    let span = decision.span();
    let outcome = exchange_headers(&service, &parts, &mut decision);
    let outcome = outcome.instrument(span).await;
    decision.finish(outcome).await
}

async fn exchange_form(
    service: &Arc<Service>,
    request: Request,
    decision: &mut Decision,
) -> Outcome {
    decision.admit()?;
    let (parts, body) = request.into_parts();
    let (bearer, caller) = caller(service, &parts).await?;
    decision.by(caller.clone());
    let endpoint = service.exchanger.resource.address();
    let form = TokenForm::read(&parts.headers, body, endpoint).await?;
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
    decision.admit()?;
    let (bearer, caller) = caller(service, parts).await?;
    decision.by(caller.clone());
    let subject = the_only(&parts.headers, TEAMS_TOKEN)?;
    // A header without a value is no token. One that is no text is no JWT.
    let subject = subject.map(|sent| EntraToken::copy(sent.to_str().unwrap_or("?").trim()));
    let subject = subject.filter(|subject| !subject.expose().is_empty());
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
    let bearer = bearer(&parts.headers)?.ok_or_else(|| refuse(Rejection::Missing))?;
    let valid = service
        .validator
        .validate(bearer.expose(), Purpose::ThisService);
    let valid = valid.await.map_err(refuse)?;
    Caller::trust(&parts.extensions);
    Ok((bearer, valid))
}

/// Returns the token of the header `Authorization`, if that is a bearer token.
fn bearer(headers: &HeaderMap) -> Result<Option<EntraToken>, Refusal> {
    let value = the_only(headers, header::AUTHORIZATION.as_str())?;
    let value = value.and_then(|value| value.to_str().ok()?.split_once(' '));
    let token = value.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    Ok(token.map(|(_, token)| EntraToken::copy(token.trim())))
}

/// Returns the value of a header. If it occurs repeatedly, a proxy in front of this service may have
/// checked another one (RFC 6750, section 3.1).
fn the_only<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h HeaderValue>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(Refusal::of_request(
            Reason::RepeatedHeader,
            "A header with a token occurs more than once.",
        )),
    }
}

/// Validates the subject token, and exchanges it for the user of the bearer token.
async fn exchange(
    service: &Arc<Service>,
    bearer: &EntraToken,
    caller: &Arc<UserToken>,
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
                let refusal = Refusal::new(
                    StatusCode::FORBIDDEN,
                    "access_denied",
                    Reason::DifferentUsers,
                    "The two tokens belong to different users.",
                );
                return Err(refusal.about_subject(valid));
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
