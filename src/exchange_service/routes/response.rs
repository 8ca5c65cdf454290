//! Responses: refusals as RFC 6749 and RFC 6750 define them, and the headers of every response.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::exchange_service::exchange::{Reason, Refusal};
use crate::exchange_service::tokens::Rejection;

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
        let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
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
