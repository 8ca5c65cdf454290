//! Decides on each route which requests are allowed: by the host, then the origin, then the secret.
//!
//! The host check stops a page on a name that an attacker points at 127.0.0.1. The origin check
//! stops a page that the user has not approved, and the secret other users' programs. No other code
//! sees a request before these checks.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::loopback::WebOrigin;
use crate::secret::ServiceSecret;

use super::headers::{check_host, is_fetch_site, single};
use super::instance::is_secret;
use super::proof;
use super::response::Refusal;

/// The one route without a secret. Its response contains no information.
pub(super) const OPEN_PATH: &str = "/healthz";

/// The listener of a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Transport {
    /// The port on loopback.
    Port(u16),
    /// The Unix socket, which only the user can open.
    Socket,
}

/// The secret of this run, and the approved origins.
pub(super) struct Authorizer {
    secret: ServiceSecret,
    origins: Vec<WebOrigin>,
}

impl Authorizer {
    pub(super) fn new(secret: ServiceSecret, origins: Vec<WebOrigin>) -> Self {
        Authorizer { secret, origins }
    }

    /// Checks the host and the origin. Returns the origin if an approved page sent the request.
    pub(super) fn check_host_and_origin(
        &self,
        request: &Parts,
        transport: Transport,
    ) -> Result<Option<HeaderValue>, Refusal> {
        let port = match transport {
            Transport::Port(port) => port,
            Transport::Socket => 80,
        };
        check_host(request, port)?;
        let headers = &request.headers;
        let is_allowed = match headers.contains_key(header::ORIGIN) {
            true => {
                let sent = single(headers, header::ORIGIN);
                let approved =
                    sent.filter(|sent| self.origins.iter().any(|origin| origin.as_str() == *sent));
                if let Some(origin) = approved {
                    return Ok(Some(origin.clone()));
                }
                false
            }
            // A page sends images and links without `Origin`. This origin has no page of ours; a
            // page there belongs to another program.
            false => is_fetch_site(headers, &["none"]),
        };
        match is_allowed {
            true => Ok(None),
            false => Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "OriginNotApproved",
                "this web page's origin has not been approved",
                "restart the service with `--allow-origin` and the page's origin",
            )),
        }
    }

    /// Checks the secret. This function contains every exception.
    pub(super) fn check_secret(&self, request: &Parts) -> Result<(), Refusal> {
        if request.uri.path() == OPEN_PATH {
            return Ok(());
        }
        let sent = single(&request.headers, header::AUTHORIZATION)
            .and_then(|value| value.as_bytes().split_at_checked("Bearer ".len()))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
            .map(|(_, secret)| secret);
        let is_ours = sent.is_some_and(|sent| is_secret(&self.secret, sent));
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

    /// Returns the proof that this service has the secret, if the request asks for it by a nonce.
    /// The socket needs no proof: no other program can listen there.
    pub(super) fn proof(&self, request: &Parts, transport: Transport) -> Option<HeaderValue> {
        match transport {
            Transport::Port(port) => proof::answer(&self.secret, port, &request.headers),
            Transport::Socket => None,
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

/// Sets the headers that allow requests of an approved page. Chrome's Local Network Access needs no
/// header; its predecessor, Private Network Access, does.
pub(super) fn preflight_headers(request: &Parts, response: &mut HeaderMap) {
    const ALLOW_NETWORK: HeaderName =
        HeaderName::from_static("access-control-allow-private-network");
    let mut allow = |name, value| response.insert(name, HeaderValue::from_static(value));
    allow(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE");
    allow(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "authorization, content-type, teams-user-aad-token, acspass-nonce",
    );
    allow(header::ACCESS_CONTROL_MAX_AGE, "600");
    let network = request
        .headers
        .get("access-control-request-private-network");
    if network.is_some_and(|network| network == "true") {
        allow(ALLOW_NETWORK, "true");
    }
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
