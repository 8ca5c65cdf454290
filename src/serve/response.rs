//! Answers: JSON that nobody keeps, and failures with a fitting status.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Kind};
use crate::json;

/// When to come back to a service that cannot be reached just now.
const COME_BACK_SECONDS: u64 = 5;

/// A request that gets no result: the status, and the error that says why.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) error: Error,
}

impl Refusal {
    /// The service's own refusal; `code` names it for programs.
    pub(super) fn new(status: StatusCode, code: &str, message: &str, hint: &str) -> Self {
        Refusal {
            status,
            error: Error::new(Kind::Refused, message, hint).with_code(code),
        }
    }

    /// What was sent is wrong.
    pub(super) fn of_request(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Error::new(Kind::Usage, message, hint).into()
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            Kind::Usage => StatusCode::BAD_REQUEST,
            Kind::SignInNeeded => StatusCode::UNAUTHORIZED,
            Kind::SignInRefused => StatusCode::FORBIDDEN,
            // What the service says of the thing that was named is true of our route as well.
            Kind::Refused => match error.answer().map(|answer| answer.status) {
                Some(400) => StatusCode::BAD_REQUEST,
                Some(404) => StatusCode::NOT_FOUND,
                _ => StatusCode::FORBIDDEN,
            },
            Kind::Unreachable | Kind::Interrupted => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Store | Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Refusal { status, error }
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        let mut response = json(refusal.status, &json::error(&refusal.error));
        let headers = response.headers_mut();
        if let Some(pause) = refusal.error.retry_after() {
            let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        match refusal.status {
            StatusCode::UNAUTHORIZED => {
                let challenge = HeaderValue::from_static("Bearer realm=\"acspass\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                let seconds = HeaderValue::from(COME_BACK_SECONDS);
                headers.entry(header::RETRY_AFTER).or_insert(seconds);
            }
            _ => {}
        }
        response
    }
}

/// The path is known, and does not take the request's method.
pub(super) fn no_such_method() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "NoSuchMethod",
        "this path does not take that method",
        "see GET /openapi.json",
    )
}

/// This value as JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let (status, body) = match serde_json::to_vec(value) {
        Ok(body) => (status, body),
        Err(error) => {
            let error = Error::internal("an answer is no JSON").caused_by(error);
            let body = json::error(&error).to_string().into_bytes();
            (StatusCode::INTERNAL_SERVER_ERROR, body)
        }
    };
    text(status, "application/json", body)
}

/// An answer that says nothing but that it is done.
pub(super) fn done() -> Response {
    json(StatusCode::OK, &Value::Object(serde_json::Map::new()))
}

/// A body of this media type.
pub(super) fn text(
    status: StatusCode,
    media_type: &'static str,
    body: impl Into<Body>,
) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// What every answer carries: it is kept nowhere, taken for nothing else, and no part of a page.
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
