//! Who may ask: the host, then the web origin, then the secret, on every route.
//!
//! A page on a name that an attacker points at 127.0.0.1 fails by its host, a page that the user
//! has not approved by its origin, and another user's program by the secret. Nothing else looks at
//! a request before.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use subtle::ConstantTimeEq;

use crate::loopback::{self, WebOrigin};
use crate::secret::ServiceSecret;

use super::answer::Refusal;
use super::dashboard::{self, Passes};

/// The one route that needs no secret, for it tells nothing.
pub(super) const OPEN_PATH: &str = "/healthz";

/// What a request came in by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entrance {
    /// The port on loopback.
    Port(u16),
    /// The socket in the file system, that only its owner reaches.
    Socket,
}

/// The secret of this run, and the pages that may ask.
pub(super) struct Gate {
    secret: ServiceSecret,
    origins: Vec<WebOrigin>,
    passes: Arc<Passes>,
}

impl Gate {
    pub(super) fn new(secret: ServiceSecret, origins: Vec<WebOrigin>, passes: Arc<Passes>) -> Self {
        Gate {
            secret,
            origins,
            passes,
        }
    }

    /// The first two questions: was this meant for us, and may this page ask? The origin to answer
    /// to comes out, where a page asks.
    pub(super) fn check_sender(
        &self,
        request: &Parts,
        entrance: Entrance,
    ) -> Result<Option<HeaderValue>, Refusal> {
        if !is_for_us(request, entrance) {
            return Err(Refusal::new(
                StatusCode::MISDIRECTED_REQUEST,
                "WrongHost",
                "the request was meant for another host",
                "call the service by the address that `acspass serve` printed",
            ));
        }
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
            if is_own_page(headers) && matches!(entrance, Entrance::Port(_)) {
                return Ok(None);
            }
            let is_approved = self.origins.iter().any(|origin| origin.as_str() == *sent);
            return match is_approved {
                true => Ok(Some(sent.clone())),
                false => Err(not_approved()),
            };
        }
        // Requests without an `Origin` may still be a foreign page's: its images, its links.
        let sites = headers.get_all("sec-fetch-site").iter();
        match sites
            .into_iter()
            .all(|site| site == "none" || site == "same-origin")
        {
            true => Ok(None),
            false => Err(not_approved()),
        }
    }

    /// The third question: does whoever asks know the secret? Every way in is in this function.
    pub(super) fn check_secret(&self, request: &Parts) -> Result<(), Refusal> {
        if [OPEN_PATH, dashboard::OPEN_PATH].contains(&request.uri.path()) {
            return Ok(());
        }
        let headers = &request.headers;
        if !headers.contains_key(header::AUTHORIZATION) && self.passes.are_meant(headers) {
            return self.passes.admit(request);
        }
        let sent = only(headers, header::AUTHORIZATION.as_str())
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
        "authorization, content-type, teams-user-aad-token",
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
            HeaderValue::from_static("retry-after"),
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

fn is_for_us(request: &Parts, entrance: Entrance) -> bool {
    let is_ours = |host: &str| match entrance {
        Entrance::Port(port) => loopback::is_our_host(host, port),
        Entrance::Socket => loopback::is_our_host(host, 80),
    };
    let host = only(&request.headers, header::HOST.as_str()).and_then(|host| host.to_str().ok());
    // A request line with a whole address outranks the header (RFC 9112, section 3.2.2).
    let line = request.uri.authority();
    host.is_some_and(is_ours) && line.is_none_or(|line| is_ours(line.as_str()))
}

/// A header that was sent exactly once.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}
