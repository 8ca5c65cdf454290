//! Checks of request headers that both ports need.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::loopback;

use super::response::Refusal;

/// The fetch metadata header that names the relation of the sending page to this origin.
pub(super) const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Returns the value of a header that was sent exactly once.
pub(super) fn single(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// Whether each `Sec-Fetch-Site` header has one of these values.
pub(super) fn is_fetch_site(headers: &HeaderMap, allowed: &[&str]) -> bool {
    let mut sites = headers.get_all(FETCH_SITE).iter();
    sites.all(|site| allowed.iter().any(|allowed| site == allowed))
}

/// Rejects a request if its host is not this port of loopback.
pub(super) fn check_host(request: &Parts, port: u16) -> Result<(), Refusal> {
    let is_ours = |host: &str| loopback::is_our_host(host, port);
    let host = single(&request.headers, header::HOST).and_then(|host| host.to_str().ok());
    // An absolute request target outranks the header (RFC 9112, section 3.2.2).
    let target = request.uri.authority();
    match host.is_some_and(is_ours) && target.is_none_or(|target| is_ours(target.as_str())) {
        true => Ok(()),
        false => Err(Refusal::new(
            StatusCode::MISDIRECTED_REQUEST,
            "WrongHost",
            "the request was meant for another host",
            "call the service by the address that `acspass serve` printed",
        )),
    }
}
