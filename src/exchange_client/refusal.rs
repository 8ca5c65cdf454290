//! The errors for responses without a token.

use reqwest::header::WWW_AUTHENTICATE;

use super::response::{Readiness, Refused};
use crate::advice;
use crate::claims::Claims;
use crate::error::{Error, Kind, ServiceResponse};
use crate::http::{self, Response};
use crate::text::one_line;
use crate::wire;

const CHECK_THE_ADDRESS: &str = "Check `exchange-service` in `acspass config list`, and check for a proxy \
     or a captive portal.";
/// The longest text of the service in an error, in characters.
const MAX_TEXT: usize = 300;

/// Returns the error for a response without a token.
pub(super) fn refusal(host: &str, response: &Response) -> Error {
    let status = response.status.as_u16();
    let refused: Option<Refused> = wire::read(&response.body);
    let mut error = match (&refused, status) {
        _ if response.is_transient_error() => {
            let name = if status == 429 {
                "limit"
            } else {
                "unavailable"
            };
            response.add_retry_after(advised(Kind::Unreachable, name, host))
        }
        (Some(refused), _) if response.status.is_client_error() => {
            advised(Kind::Refused, advice_for(status, &refused.error), host)
        }
        _ => {
            let what = format!("HTTP status {status} in another format than the service's");
            foreign(host, response, &what)
        }
    };
    if status == 401 {
        let headers = response.headers.get_all(WWW_AUTHENTICATE).iter();
        let mut challenges = headers.filter_map(|value| value.to_str().ok());
        if let Some(claims) = challenges.find_map(Claims::in_challenge) {
            error = error.with_claims(claims);
        }
    }
    let Some(refused) = refused else { return error };
    let message = refused.description.map(|text| one_line(&text, MAX_TEXT));
    if let Some(message) = &message {
        error = error.caused_by(format!("the service says: {message}"));
    }
    error.with_service_response(ServiceResponse {
        status,
        code: Some(one_line(&refused.error, MAX_TEXT)),
        target: None,
        message,
        request_id: refused.request_id.map(|id| one_line(&id, MAX_TEXT)),
    })
}

/// Returns the name of the advice.
fn advice_for(status: u16, error: &str) -> &'static str {
    match (status, error) {
        (401, "insufficient_claims") => "claims",
        (401, _) => "token",
        (403, "insufficient_scope") => "scope",
        (403, "unauthorized_client") => "client",
        (403, _) => "denied",
        (_, "invalid_grant") => "exchange",
        _ => "request",
    }
}

/// Returns the error for a service that is not ready.
pub(super) fn not_ready(host: &str, readiness: &Readiness) -> Error {
    let status = one_line(&readiness.status, MAX_TEXT);
    advised(Kind::Unreachable, "unavailable", host)
        .caused_by(format!("the service reports the status `{status}`"))
}

/// Returns the error for a response in another format than the service's. `what` describes it.
pub(super) fn foreign(host: &str, response: &Response, what: &str) -> Error {
    http::foreign(host, response, what, CHECK_THE_ADDRESS)
}

fn advised(kind: Kind, name: &str, detail: &str) -> Error {
    match advice::service(name) {
        Some(advice) => Error::new(kind, advice.cause.replace("{}", detail), advice.hint()),
        None => Error::new(
            kind,
            "the exchange service refused the request",
            "See the cause above.",
        ),
    }
}
