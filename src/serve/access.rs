//! Decides on each route which requests are allowed: by the host, then the origin, then the secret.
//!
//! The host check stops a page on a name that an attacker points at 127.0.0.1. The origin check
//! stops a page that the user has not approved, and the secret other users' programs. No other code
//! sees a request before these checks.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::loopback;
use crate::loopback::serve::Caller;
use crate::secret::ServiceSecret;

use super::dashboard::pages::{NOT_OPENED, closed};
use super::instance::is_secret;
use super::origins::{Origins, PageId, Verifier, has_page};
use super::response::Refusal;

/// The one route without a secret. Its response contains no information.
pub(super) const OPEN_PATH: &str = "/healthz";
/// The one route that the key of an approved page opens.
const TOKEN_PATH: &str = "/token";
/// The fetch metadata header that names the relation of the sending page to this origin.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// The fetch metadata header that names the kind of the request.
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The listener of a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Listener {
    /// The port on loopback.
    Port(u16),
    /// The Unix socket, which only the user can open.
    #[cfg(unix)]
    Socket,
    /// The dashboard's port.
    Dashboard,
}

/// Checks the host and the origin. Returns the origin if an approved page sent the request.
pub(super) fn check_host_and_origin(
    request: &Parts,
    listener: Listener,
    origins: &Origins,
) -> Result<Option<HeaderValue>, Refusal> {
    let port = match listener {
        Listener::Port(port) => port,
        _ => 80,
    };
    check_host(request, port)?;
    let headers = &request.headers;
    let approved = single(headers, header::ORIGIN)
        .filter(|sent| sent.to_str().is_ok_and(|sent| origins.is_approved(sent)));
    note_page(request, origins);
    // A page sends images and links without `Origin`. This origin has no page of ours; a page there
    // belongs to another program.
    let is_no_page = !headers.contains_key(header::ORIGIN) && is_fetch_site(headers, &["none"]);
    match approved.is_some() || is_no_page {
        true => Ok(approved.cloned()),
        false => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "OriginNotApproved",
            "the origin of this web page is not approved",
            "Run `acspass serve --open` to approve it on the dashboard, or start the service \
             with `acspass serve --allow-origin ORIGIN`.",
        )),
    }
}

/// Lists a web page for the user if it is not approved. A browser sent the request, as far as its
/// headers tell: a program can only put a name into the list, which the user then rejects. A page that
/// was approved names its page id instead of its verifier; it is not listed before it asks again.
fn note_page(request: &Parts, origins: &Origins) {
    let origin = single(&request.headers, header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let query = request.uri.query().unwrap_or_default();
    let asks = is_script_of_page(&request.headers) && !has_page(query);
    if let Some(origin) = origin.filter(|_| asks) {
        origins.note(origin, Verifier::in_query(query));
    }
}

/// Whether a script of a page of another origin sent the request, by the headers that browsers set.
fn is_script_of_page(headers: &HeaderMap) -> bool {
    let is = |name, values: &[&str]| {
        single(headers, name).is_some_and(|sent| values.iter().any(|value| sent == value))
    };
    is(FETCH_MODE, &["cors"]) && is(FETCH_SITE, &["cross-site", "same-site"])
}

/// Returns the verifier of the page that sent a request, if the user approved it with this origin: the
/// proof is then made with it, because the page does not know the service's secret.
pub(super) fn approved_page(
    request: &Parts,
    origin: Option<&HeaderValue>,
    origins: &Origins,
) -> Option<Verifier> {
    let page = PageId::in_query(request.uri.query()?)?;
    let origin = origin?.to_str().ok()?;
    origins.verifier(origin, page)
}

/// Checks the secret, or for `GET /token` the key of an approved page of `origin`. This function
/// contains every exception. Returns the response, or `None` if the routes answer the request.
pub(super) fn check_secret(
    request: &Parts,
    secret: &ServiceSecret,
    origin: Option<&HeaderValue>,
    origins: &Origins,
) -> Result<Option<Response>, Refusal> {
    let path = request.uri.path();
    if is_preflight(request) {
        return Ok(Some(preflight_response(&request.headers)));
    }
    if path == OPEN_PATH {
        return Ok(None);
    }
    let sent = single(&request.headers, header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().split_at_checked("Bearer ".len()))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "));
    let has_page_key = |key: &[u8]| {
        let origin = origin.and_then(|origin| origin.to_str().ok());
        request.method == Method::GET
            && path == TOKEN_PATH
            && is_script_of_page(&request.headers)
            && origin.is_some_and(|origin| origins.has_key(origin, key))
    };
    if sent.is_some_and(|(_, sent)| is_secret(secret, sent) || has_page_key(sent)) {
        Caller::trust(&request.extensions);
        return Ok(None);
    }
    // A browser that looks for the dashboard gets the reason as a page.
    if ["/", "/dashboard"].contains(&path) {
        return Ok(Some(closed(NOT_OPENED)));
    }
    Err(Refusal::new(
        StatusCode::UNAUTHORIZED,
        "SecretNeeded",
        "the service's secret is missing or wrong",
        "Send `Authorization: Bearer` and the contents of the secret file. `acspass serve --status` \
         prints its path. Each run has another secret.",
    ))
}

/// Whether a browser asks if a page may send a request (Fetch, section 3.2.2).
fn is_preflight(request: &Parts) -> bool {
    let has = |name: HeaderName| request.headers.contains_key(name);
    request.method == Method::OPTIONS
        && has(header::ORIGIN)
        && has(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Allows the requests of an approved page. Chrome's Local Network Access needs no header; its
/// predecessor, Private Network Access, does.
fn preflight_response(request: &HeaderMap) -> Response {
    const ALLOWED: [(HeaderName, &str); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, teams-user-aad-token, acspass-nonce",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    let network = request.get("access-control-request-private-network");
    let network = network.is_some_and(|network| network == "true");
    let network = network.then_some([("access-control-allow-private-network", "true")]);
    (StatusCode::NO_CONTENT, ALLOWED, network, ()).into_response()
}

/// Sets the headers that let an approved page read the response.
pub(super) fn origin_headers(origin: Option<HeaderValue>, response: &mut HeaderMap) {
    // Needed without an origin too: a cache must not return one page's response to another.
    response.insert(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("retry-after, acspass-proof"),
        );
    }
}

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
            "the request names another host",
            "Use the URL that `acspass serve --status` prints.",
        )),
    }
}
