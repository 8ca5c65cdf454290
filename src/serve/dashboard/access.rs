//! The dashboard, and which requests its port allows.

use std::sync::Arc;

use axum::Json;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use url::form_urlencoded;

use crate::entra::browser::Link;
use crate::error::Result;
use crate::loopback::peer::{Admission, PeerCheck};
use crate::loopback::serve::Caller;
use crate::loopback::{FetchMetadata, Navigation, PURPOSES};
use crate::serve::access::{check_host, is_fetch_site, single};
use crate::serve::accounts::Accounts;
use crate::serve::instance::Running;
use crate::serve::response::Refusal;

use super::pages::{self, NOT_OPENED, PAGE, SPENT_TICKET, UNKNOWN_OWNER, closed};
use super::sessions::Sessions;
use super::sign_in::SignIns;

/// The path that redeems a ticket, without a cookie. Without a ticket it is the start page, which is
/// on the browser's command line.
const OPEN_PATH: &str = "/open";
/// The path that returns the page's key.
const KEY_PATH: &str = "/dashboard/key";
/// The path that issues tickets, for the owner of the service's secret.
pub(super) const TICKETS_PATH: &str = "/dashboard/tickets";

/// The dashboard of a service: its sessions, its sign-in and what its page shows.
pub(in crate::serve) struct Dashboard {
    pub(super) accounts: Arc<Accounts>,
    pub(in crate::serve) sessions: Sessions,
    pub(super) sign_ins: SignIns,
    /// The service, as the page shows it.
    pub(super) running: Running,
    port: u16,
}

/// The address that opens the dashboard once, and the number of its ticket.
pub struct DashboardLink {
    /// The target contains the ticket; the start page, if there is one, contains no secret.
    pub link: Link,
    /// The ticket's number, which is no secret.
    pub number: u64,
}

impl Dashboard {
    /// A dashboard at this port of its own.
    pub(in crate::serve) fn new(accounts: Arc<Accounts>, running: Running, port: u16) -> Self {
        Dashboard {
            sessions: Sessions::new(accounts.context.options.clock.clone()),
            sign_ins: SignIns::new(accounts.clone()),
            accounts,
            running,
            port,
        }
    }

    /// Issues a ticket, and returns its link. With `has_start` the link has a start page, if the
    /// system reports the owners of connections.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if the system gives no random bytes.
    pub(in crate::serve) fn link(&self, has_start: bool) -> Result<DashboardLink> {
        let has_start = has_start && PeerCheck::is_available();
        let (number, ticket) = self.sessions.issue_ticket(has_start)?;
        let start = format!("http://localhost:{}{OPEN_PATH}", self.port);
        let mut link = Link::new(format!("{start}?ticket={}", ticket.expose()));
        if has_start {
            link = link.with_start(start);
        }
        Ok(DashboardLink { link, number })
    }

    /// Checks a request. Returns the response, or `None` if the routes answer the request; then the
    /// path no longer has its session.
    pub(in crate::serve) fn authorize(
        &self,
        request: &mut Parts,
    ) -> Result<Option<Response>, Refusal> {
        if request.uri.path() == OPEN_PATH {
            return self.open(request).map(Some);
        }
        let is_own_site = is_fetch_site(&request.headers, &["none", "same-origin"]);
        check_origin(request, self.port, is_own_site)?;
        let Some((id, path)) = split_session(&request.uri) else {
            return Ok(Some(closed(NOT_OPENED)));
        };
        let response = match self.check_session(id, path, request) {
            // A browser that looks for the page gets the reason as a page.
            Err(_) if path == PAGE => return Ok(Some(closed(NOT_OPENED))),
            checked => checked?,
        };
        Caller::trust(&request.extensions);
        if response.is_none() {
            let below = match request.uri.query() {
                Some(query) => format!("{path}?{query}").parse(),
                None => path.parse(),
            };
            request.uri = below
                .map_err(|_| Refusal::of_request("the path is invalid", "Reload the page."))?;
        }
        Ok(response)
    }

    /// Checks what each request of a session requires: the page itself the cookie, its key the cookie
    /// and the right origin, all others the key too. Returns the page, its assets and its key.
    fn check_session(
        &self,
        id: &str,
        path: &str,
        request: &Parts,
    ) -> Result<Option<Response>, Refusal> {
        let headers = &request.headers;
        let has_key = self.sessions.has_key(id, headers).ok_or_else(no_session)?;
        let is_read = request.method == Method::GET || request.method == Method::HEAD;
        if is_read && let Some(asset) = pages::asset(path) {
            return Ok(Some(asset));
        }
        if path == KEY_PATH {
            check_sent_by_page(headers)?;
            return Ok(Some(self.issue_key(id, &request.method)));
        }
        let is_for_page = path.starts_with("/dashboard/") && path != TICKETS_PATH
            || path == "/token"
            || path == "/identities"
            || path.starts_with("/identities/");
        if is_for_page && !is_read {
            check_sent_by_page(headers)?;
        }
        match is_for_page && has_key {
            true => Ok(None),
            false => Err(no_session()),
        }
    }

    /// Returns the key, or the refusal to the page of a session: an error like that of a route.
    fn issue_key(&self, id: &str, method: &Method) -> Response {
        if method != Method::POST {
            return ([(header::ALLOW, "POST")], Refusal::no_such_method()).into_response();
        }
        match self.sessions.issue_key(id) {
            Some(key) => Json(json!({"key": key.expose()})).into_response(),
            None => no_session().into_response(),
        }
    }

    /// Opens a session for a ticket, or for a request without a ticket that is certainly this user's.
    fn open(&self, request: &Parts) -> Result<Response, Refusal> {
        let query = request.uri.query();
        let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let ticket = pairs.find(|(name, _)| name == "ticket");
        let fetch = fetch_metadata(&request.headers);
        // Only the page in a redirect file has a ticket; a page of another site has none. The page
        // may be of the same site: a site has no port, and a terminal in a page of localhost prints
        // links too.
        let is_from_file = ticket.is_some()
            && fetch.purpose.is_none()
            && matches!(fetch.site, Some("cross-site" | "same-site"))
            && fetch.mode == Some("navigate")
            && fetch.dest == Some("document");
        let may_open = is_from_file || fetch.navigation() == Navigation::Direct;
        check_origin(request, self.port, may_open)?;
        if request.method != Method::GET {
            return Err(Refusal::no_such_method());
        }
        let is_trusted = request.extensions.get::<Admission>() == Some(&Admission::Trusted);
        let opened = match &ticket {
            Some((_, ticket)) => self.sessions.open(Some(ticket))?,
            None if query.is_some() => None,
            None if is_trusted => self.sessions.open(None)?,
            None => return Ok(closed(UNKNOWN_OWNER)),
        };
        let opened = opened.and_then(|(path, cookie)| pages::opened(&path, &cookie, is_from_file));
        Ok(opened.unwrap_or_else(|| closed(SPENT_TICKET)))
    }
}

fn no_session() -> Refusal {
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        "DashboardClosed",
        "the session of this page has ended, or another tab or browser has it",
        "Run `acspass serve --open`.",
    )
}

/// Splits `/SESSION/rest` into the session's id and `/rest`.
fn split_session(uri: &Uri) -> Option<(&str, &str)> {
    let path = uri.path().strip_prefix('/')?;
    Some(path.split_at(path.find('/')?))
}

/// Rejects a request for another host, of another origin, or without `is_own_site`.
fn check_origin(request: &Parts, port: u16, is_own_site: bool) -> Result<(), Refusal> {
    check_host(request, port)?;
    let headers = &request.headers;
    let is_own_origin = !headers.contains_key(header::ORIGIN) || is_own_page(headers);
    match is_own_origin && is_own_site {
        true => Ok(()),
        false => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "OriginNotApproved",
            "another web page sent this request to the dashboard",
            "Run `acspass serve --open` to open the dashboard.",
        )),
    }
}

/// Rejects a request that the dashboard's own page did not send.
fn check_sent_by_page(headers: &HeaderMap) -> Result<(), Refusal> {
    match is_own_page(headers) && is_fetch_site(headers, &["same-origin"]) {
        true => Ok(()),
        false => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "NotOurPage",
            "the dashboard's page did not send this request",
            "Use the buttons of the page, or send the service's secret.",
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

/// Browsers send each of these headers once, as text.
fn fetch_metadata(headers: &HeaderMap) -> FetchMetadata<'_> {
    let sent = |name: &str| {
        let text = single(headers, name).and_then(|value| value.to_str().ok());
        headers.contains_key(name).then(|| text.unwrap_or_default())
    };
    FetchMetadata {
        site: sent("sec-fetch-site"),
        mode: sent("sec-fetch-mode"),
        dest: sent("sec-fetch-dest"),
        purpose: PURPOSES.iter().find_map(|name| sent(name)),
    }
}
