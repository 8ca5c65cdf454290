//! Checks which page sent a request to the dashboard's port.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::loopback::{FetchMetadata, Navigation, PURPOSES};
use crate::serve::headers::{FETCH_SITE, check_host, is_fetch_site, single};
use crate::serve::response::Refusal;

/// Rejects a request of another page than the dashboard.
pub(super) fn check_dashboard_request(request: &Parts, port: u16) -> Result<(), Refusal> {
    let is_own_site = is_fetch_site(&request.headers, &["none", "same-origin"]);
    check_own_origin(request, port, is_own_site)
}

/// Rejects a request for the page that opens the dashboard, unless the browser's user, a program or
/// the page in a redirect file opened it.
pub(super) fn check_page_request(
    request: &Parts,
    port: u16,
    is_from_file: bool,
) -> Result<(), Refusal> {
    let may_open = is_from_file || navigation(&request.headers) == Navigation::Direct;
    check_own_origin(request, port, may_open)
}

/// Whether a link of another page led to this request, as in a redirect file. The page may be of the
/// same site: a site has no port, and a terminal in a page of localhost prints links too.
pub(super) fn is_from_file(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &str| single(headers, name).is_some_and(|sent| sent == value);
    let is_ahead = PURPOSES.iter().any(|name| headers.contains_key(*name));
    !is_ahead
        && (is("sec-fetch-site", "cross-site") || is("sec-fetch-site", "same-site"))
        && is("sec-fetch-mode", "navigate")
        && is("sec-fetch-dest", "document")
}

/// Rejects a request that the dashboard's own page did not send.
pub(super) fn check_sent_by_page(headers: &HeaderMap) -> Result<(), Refusal> {
    match is_own_page(headers) && is_fetch_site(headers, &["same-origin"]) {
        true => Ok(()),
        false => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "NotOurPage",
            "the dashboard's own page did not send this",
            "use the buttons of the page, or send the service's secret",
        )),
    }
}

/// How a browser opened this page. Browsers send each header once, as text.
fn navigation(headers: &HeaderMap) -> Navigation {
    let sent = |name: &str| match headers.contains_key(name) {
        true => Some(single(headers, name).map_or("", |it| it.to_str().unwrap_or_default())),
        false => None,
    };
    FetchMetadata {
        site: sent(FETCH_SITE.as_str()),
        mode: sent("sec-fetch-mode"),
        dest: sent("sec-fetch-dest"),
        purpose: PURPOSES.iter().find_map(|name| sent(name)),
    }
    .navigation()
}

fn check_own_origin(request: &Parts, port: u16, is_own_site: bool) -> Result<(), Refusal> {
    check_host(request, port)?;
    let headers = &request.headers;
    let is_own_origin = !headers.contains_key(header::ORIGIN) || is_own_page(headers);
    match is_own_origin && is_own_site {
        true => Ok(()),
        false => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "OriginNotApproved",
            "another web page sent this to the dashboard",
            "open the dashboard by `acspass serve --open`",
        )),
    }
}

/// Whether the origin of the sender is the host of the request.
fn is_own_page(headers: &HeaderMap) -> bool {
    let host = single(headers, header::HOST).map(HeaderValue::as_bytes);
    let sender = single(headers, header::ORIGIN)
        .and_then(|origin| origin.as_bytes().strip_prefix(b"http://"));
    sender.is_some() && sender == host
}
