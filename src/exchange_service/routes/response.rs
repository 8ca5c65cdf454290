//! Responses: refusals as RFC 6749 and RFC 6750 define them, and the headers of every response.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::exchange_service::exchange::{Reason, Refusal};
use crate::exchange_service::tokens::Rejection;

/// The longest `Retry-After`. Other services can name any time, also none; then it is a second.
const MAX_RETRY_AFTER_SECONDS: u64 = 60 * 60;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Returns the response to a refused request.
pub(super) fn refused(refusal: &Refusal, request_id: &str) -> Response {
    let body = Json(json!({
        "error": refusal.error,
        "error_description": refusal.description,
        "request_id": request_id,
    }));
    let mut response = (refusal.status, body).into_response();
    let headers = response.headers_mut();
    if let Some(challenge) = challenge(refusal) {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Some(pause) = refusal.retry_after {
        let seconds = pause
            .as_secs()
            .saturating_add(u64::from(pause.subsec_nanos() > 0));
        let seconds = seconds.clamp(1, MAX_RETRY_AFTER_SECONDS);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Returns the challenge of RFC 6750, section 3, with Entra's parameter `claims`.
fn challenge(refusal: &Refusal) -> Option<HeaderValue> {
    let text = match (&refusal.claims, refusal.status.as_u16()) {
        (Some(claims), _) => {
            let claims = STANDARD.encode(claims.as_str());
            format!("Bearer error=\"{}\", claims=\"{claims}\"", refusal.error)
        }
        (None, 401) if refusal.reason == Reason::Bearer(Rejection::Missing) => "Bearer".to_owned(),
        (None, 401) => format!("Bearer error=\"{}\"", refusal.error),
        (None, 403) if refusal.error == "insufficient_scope" => {
            "Bearer error=\"insufficient_scope\"".to_owned()
        }
        _ => return None,
    };
    HeaderValue::from_str(&text).ok()
}

/// Adds the headers of every response. A service that ends closes its connections, so that a load
/// balancer sends no other request over them.
pub(super) fn with_common_headers(
    mut response: Response,
    request_id: &str,
    is_draining: bool,
) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    if is_draining {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_pause_is_a_second_at_least_and_an_hour_at_most() {
        for (seconds, expected) in [(0, "1"), (17, "17"), (u64::MAX, "3600")] {
            let pause = Duration::from_secs(seconds);
            let refusal = Refusal::limited(Reason::ResourceLimit, "no", pause);
            let response = refused(&refusal, "id");
            let found = &response.headers()[header::RETRY_AFTER];
            assert_eq!(found, expected);
        }
    }
}
