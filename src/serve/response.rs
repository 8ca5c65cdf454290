//! Responses: JSON, refusals with their HTTP status, and the headers of every response.

use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::error::{Error, Kind};
use crate::json;

/// The default of `Retry-After`, in seconds.
const RETRY_AFTER_SECONDS: u64 = 5;
/// The longest `Retry-After`. Other services can name any time, also none; then it is a second.
const MAX_RETRY_AFTER_SECONDS: u64 = 60 * 60;

/// The result of a handler.
pub(super) type Reply = Result<Response, Refusal>;

/// A request that gets no result: the status and the reason.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) error: Error,
}

impl Refusal {
    /// A refusal by this service; `code` identifies it for programs.
    pub(super) fn new(status: StatusCode, code: &str, message: &str, hint: &str) -> Self {
        Refusal {
            status,
            error: Error::new(Kind::Refused, message, hint).with_code(code),
        }
    }

    /// The request is wrong.
    pub(super) fn of_request(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Error::new(Kind::Usage, message, hint).into()
    }

    /// Returns the header that names the pause before another attempt.
    pub(super) fn retry_after(&self) -> Option<(HeaderName, HeaderValue)> {
        let seconds = match (self.error.retry_after(), self.status) {
            (Some(pause), _) => {
                let part = u64::from(pause.subsec_nanos() > 0);
                let seconds = pause.as_secs().saturating_add(part);
                seconds.clamp(1, MAX_RETRY_AFTER_SECONDS)
            }
            (None, StatusCode::SERVICE_UNAVAILABLE) => RETRY_AFTER_SECONDS,
            _ => return None,
        };
        Some((header::RETRY_AFTER, HeaderValue::from(seconds)))
    }

    /// There is no such path.
    pub(super) fn no_such_route() -> Self {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "NoSuchRoute",
            "this path does not exist",
            "See `GET /openapi.json`.",
        )
    }

    /// The path does not take the request's method.
    pub(super) fn no_such_method() -> Self {
        Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "NoSuchMethod",
            "this path does not support the method",
            "See `GET /openapi.json`.",
        )
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            Kind::Usage => StatusCode::BAD_REQUEST,
            Kind::SignInNeeded => StatusCode::UNAUTHORIZED,
            Kind::SignInRefused => StatusCode::FORBIDDEN,
            // The status that ACS gives to an identity applies to the route of that identity too.
            Kind::Refused => match error.service_response().map(|response| response.status) {
                Some(400) => StatusCode::BAD_REQUEST,
                Some(404) => StatusCode::NOT_FOUND,
                _ => StatusCode::FORBIDDEN,
            },
            Kind::Unreachable | Kind::Interrupted => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Store | Kind::Internal | Kind::Expectation => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Refusal { status, error }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let retry_after = self.retry_after().map(|header| [header]);
        let is_secret_needed = self.status == StatusCode::UNAUTHORIZED;
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer realm=\"acspass\"")];
        let challenge = is_secret_needed.then_some(challenge);
        let json = Json(json::error(&self.error));
        (self.status, retry_after, challenge, json).into_response()
    }
}

/// The empty JSON object with status 200.
pub(super) fn done() -> Response {
    Json(json!({})).into_response()
}

/// Sets the headers of every response: no cache, no other media type, no use by other sites.
pub(super) fn common_headers(headers: &mut HeaderMap) {
    const COMMON: [(HeaderName, &str); 3] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in COMMON {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_pause_is_a_second_at_least_and_an_hour_at_most() {
        for (seconds, expected) in [(0, "1"), (17, "17"), (u64::MAX, "3600")] {
            let error = Error::unreachable("busy", "wait");
            let error = error.with_retry_after(Duration::from_secs(seconds));
            let header = Refusal::from(error).retry_after();
            let (_, value) = header.expect("the header");
            assert_eq!(value, expected);
        }
    }
}
