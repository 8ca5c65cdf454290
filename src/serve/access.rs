//! Who may ask: the host, then the web origin, then the secret, on every route.
//!
//! A page on a name that an attacker points at 127.0.0.1 fails by its host, a page that the user
//! has not approved by its origin, and another user's program by the secret. Nothing else looks at
//! a request before.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use subtle::ConstantTimeEq;

use crate::loopback::{self, FetchMetadata, Navigation, WebOrigin};
use crate::secret::ServiceSecret;

use super::proof;
use super::response::Refusal;

/// The one route that needs no secret, for it tells nothing.
pub(super) const OPEN_PATH: &str = "/healthz";

/// What a request came in by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Transport {
    /// The port on loopback.
    Port(u16),
    /// The socket in the file system, that only its owner reaches.
    Socket,
    /// The dashboard's own port.
    Dashboard,
}

/// The secret of this run, and the pages that may ask.
pub(super) struct Authorizer {
    secret: ServiceSecret,
    origins: Vec<WebOrigin>,
}

impl Authorizer {
    pub(super) fn new(secret: ServiceSecret, origins: Vec<WebOrigin>) -> Self {
        Authorizer { secret, origins }
    }

    /// The first two questions: was this meant for us, and may this page ask? The origin to answer
    /// to comes out, where a page asks.
    pub(super) fn check_host_and_origin(
        &self,
        request: &Parts,
        entrance: Transport,
    ) -> Result<Option<HeaderValue>, Refusal> {
        let port = match entrance {
            Transport::Port(port) => port,
            Transport::Socket | Transport::Dashboard => 80,
        };
        check_host(request, port)?;
        let not_approved = || {
            Refusal::new(
                StatusCode::FORBIDDEN,
                "OriginNotApproved",
                "this web page's origin has not been approved",
                "restart the service with `--allow-origin` and the page's origin",
            )
        };
        let headers = &request.headers;
        if headers.contains_key(header::ORIGIN) {
            let sent = only(headers, header::ORIGIN.as_str()).ok_or_else(not_approved)?;
            let is_approved = self.origins.iter().any(|origin| origin.as_str() == *sent);
            return match is_approved {
                true => Ok(Some(sent.clone())),
                false => Err(not_approved()),
            };
        }
        // Requests without an `Origin` may still be a page's: its images, its links. No page of ours
        // is at this origin; one that another program put there is a stranger's.
        let mut sites = headers.get_all("sec-fetch-site").iter();
        match sites.all(|site| site == "none") {
            true => Ok(None),
            false => Err(not_approved()),
        }
    }

    /// The third question: does whoever asks know the secret? Every way in is in this function.
    pub(super) fn check_secret(&self, request: &Parts) -> Result<(), Refusal> {
        if request.uri.path() == OPEN_PATH {
            return Ok(());
        }
        let sent = only(&request.headers, header::AUTHORIZATION.as_str())
            .and_then(|value| value.as_bytes().split_at_checked("Bearer ".len()))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
            .map(|(_, secret)| secret);
        let is_ours = sent.is_some_and(|sent| self.secret.expose().as_bytes().ct_eq(sent).into());
        match is_ours {
            true => Ok(()),
            false => Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "SecretNeeded",
                "the service's secret is missing or wrong",
                "send `Authorization: Bearer` and the contents of the secret file that `acspass \
                 serve` printed; every run has another",
            )),
        }
    }
}

impl Authorizer {
    /// The proof that this service knows the secret, if the request asks for it by a nonce.
    pub(super) fn proof(&self, request: &Parts, entrance: Transport) -> Option<HeaderValue> {
        match entrance {
            Transport::Port(port) => proof::answer(&self.secret, port, &request.headers),
            // No other program can listen there.
            Transport::Socket | Transport::Dashboard => None,
        }
    }
}

/// Whether a browser asks if a page may send a request (Fetch, section 3.2.2).
pub(super) fn is_preflight(request: &Parts) -> bool {
    request.method == Method::OPTIONS
        && request.headers.contains_key(header::ORIGIN)
        && request
            .headers
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// What an approved page may send. Chrome's Local Network Access asks the user and wants nothing
/// more from here; its forerunner, Private Network Access, wanted a header.
pub(super) fn preflight_headers(request: &Parts, answer: &mut HeaderMap) {
    let mut allow = |name, value| answer.insert(name, HeaderValue::from_static(value));
    allow(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE");
    allow(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "authorization, content-type, teams-user-aad-token, acspass-nonce",
    );
    allow(header::ACCESS_CONTROL_MAX_AGE, "600");
    let asked = request
        .headers
        .get("access-control-request-private-network");
    if asked.is_some_and(|asked| asked == "true") {
        answer.insert(
            "access-control-allow-private-network",
            HeaderValue::from_static("true"),
        );
    }
}

/// Lets an approved page read the answer.
pub(super) fn origin_headers(origin: Option<HeaderValue>, answer: &mut HeaderMap) {
    // Also without an origin: a cache must not give one page's answer to another.
    answer.insert(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("retry-after, acspass-proof"),
        );
    }
}

/// Whether the dashboard's page sent this: it comes from where it asks.
pub(super) fn is_own_page(headers: &HeaderMap) -> bool {
    let host = only(headers, header::HOST.as_str()).map(HeaderValue::as_bytes);
    let sender = only(headers, header::ORIGIN.as_str())
        .and_then(|origin| origin.as_bytes().strip_prefix(b"http://"));
    sender.is_some() && sender == host
}

/// Refuses a request that was meant for another host than this port of loopback.
fn check_host(request: &Parts, port: u16) -> Result<(), Refusal> {
    let is_ours = |host: &str| loopback::is_our_host(host, port);
    let host = only(&request.headers, header::HOST.as_str()).and_then(|host| host.to_str().ok());
    // A request line with a whole address outranks the header (RFC 9112, section 3.2.2).
    let line = request.uri.authority();
    match host.is_some_and(is_ours) && line.is_none_or(|line| is_ours(line.as_str())) {
        true => Ok(()),
        false => Err(Refusal::new(
            StatusCode::MISDIRECTED_REQUEST,
            "WrongHost",
            "the request was meant for another host",
            "call the service by the address that `acspass serve` printed",
        )),
    }
}

/// Refuses what another page than the dashboard's own sent to the dashboard's port.
pub(super) fn check_dashboard_request(request: &Parts, port: u16) -> Result<(), Refusal> {
    let mut sites = request.headers.get_all("sec-fetch-site").iter();
    let is_own_site = sites.all(|site| site == "none" || site == "same-origin");
    check_own_origin(request, port, is_own_site)
}

/// Refuses a request for the page that opens the dashboard, unless a browser's user or a program
/// opened it, or the page in a redirect file did.
pub(super) fn check_page_request(
    request: &Parts,
    port: u16,
    is_from_file: bool,
) -> Result<(), Refusal> {
    let may_open = is_from_file || navigation(&request.headers) == Navigation::Direct;
    check_own_origin(request, port, may_open)
}

/// Whether a browser says that a link of another page led here, as a page in a file does. The page may
/// be of the same site: a site has no port, and a terminal in a page of localhost prints links too.
pub(super) fn is_from_file(headers: &HeaderMap) -> bool {
    let is = |name, value| only(headers, name).is_some_and(|sent| sent == value);
    let is_ahead = loopback::PURPOSES
        .iter()
        .any(|name| headers.contains_key(*name));
    !is_ahead
        && (is("sec-fetch-site", "cross-site") || is("sec-fetch-site", "same-site"))
        && is("sec-fetch-mode", "navigate")
        && is("sec-fetch-dest", "document")
}

/// How a browser came here. A header that was sent twice, or that is no text, is no browser's.
fn navigation(headers: &HeaderMap) -> Navigation {
    let sent = |name| match headers.contains_key(name) {
        true => Some(only(headers, name).map_or("", |value| value.to_str().unwrap_or_default())),
        false => None,
    };
    FetchMetadata {
        site: sent("sec-fetch-site"),
        mode: sent("sec-fetch-mode"),
        dest: sent("sec-fetch-dest"),
        purpose: loopback::PURPOSES.iter().find_map(|name| sent(name)),
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

/// A header that was sent exactly once.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}
