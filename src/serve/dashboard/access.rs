//! Decides which requests the dashboard's port allows.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{Method, Uri};
use axum::response::Response;
use url::form_urlencoded;

use crate::entra::browser::Link;
use crate::error::Result;
use crate::loopback::peer::{Admission, PeerCheck};
use crate::loopback::serve::Caller;
use crate::serve::response::Refusal;
use crate::time::Clock;

use super::origin::{
    check_dashboard_request, check_page_request, check_sent_by_page, is_from_file,
};
use super::pages::{self, ClosedReason, OpenedFrom, PAGE, closed};
use super::sessions::{Sessions, no_session};
use super::tickets::{DashboardLink, Redeemer, Tickets};

/// The path that redeems a ticket, without a cookie. Without a ticket it is the start page, which is
/// on the browser's command line.
const OPEN_PATH: &str = "/open";
/// The path that returns the page's key.
pub(super) const KEY_PATH: &str = "/dashboard/key";
/// The path that issues tickets, for the owner of the service's secret.
pub(super) const TICKETS_PATH: &str = "/dashboard/tickets";

/// The tickets and the sessions of the dashboard.
pub(in crate::serve) struct Access {
    pub(in crate::serve) tickets: Arc<Tickets>,
    pub(super) sessions: Sessions,
    port: u16,
}

/// The id of the session that a request belongs to.
#[derive(Clone)]
pub(super) struct SessionId(pub(super) String);

impl Access {
    pub(super) fn new(clock: Arc<dyn Clock>, port: u16) -> Self {
        Access {
            tickets: Arc::new(Tickets::new(clock)),
            sessions: Sessions::default(),
            port,
        }
    }

    /// Issues a ticket, and returns its link. The link has a start page if `redeemer` allows it and
    /// the system reports the owners of connections.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if the system gives no random bytes.
    pub(in crate::serve) fn link(&self, redeemer: Redeemer) -> Result<DashboardLink> {
        let has_start = redeemer == Redeemer::SecretOrStart && PeerCheck::is_available();
        let redeemer = match has_start {
            true => Redeemer::SecretOrStart,
            false => Redeemer::Secret,
        };
        let (number, ticket) = self.tickets.issue(redeemer)?;
        let start = format!("http://localhost:{}{OPEN_PATH}", self.port);
        let link = Link::new(format!("{start}?ticket={}", ticket.expose()));
        let link = match has_start {
            true => link.with_start(start),
            false => link,
        };
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
        check_dashboard_request(request, self.port)?;
        let Some((id, path)) = split_session(&request.uri) else {
            return Ok(Some(closed(ClosedReason::NotOpened)));
        };
        match self.check_session(id, path, request) {
            Ok(()) => Caller::trust(&request.extensions),
            // A browser that looks for the page gets the reason as a page.
            Err(_) if path == PAGE => return Ok(Some(closed(ClosedReason::NotOpened))),
            Err(refusal) => return Err(refusal),
        }
        if is_read(&request.method)
            && let Some(asset) = pages::asset(path)
        {
            return Ok(Some(asset));
        }
        let id = SessionId(id.to_owned());
        let below = match request.uri.query() {
            Some(query) => format!("{path}?{query}").parse(),
            None => path.parse(),
        };
        request.uri =
            below.map_err(|_| Refusal::of_request("the path cannot be read", "reload the page"))?;
        request.extensions.insert(id);
        Ok(None)
    }

    /// Checks what each request of a session requires: the page itself the cookie, its key the cookie
    /// and the right origin, all others the key too.
    fn check_session(&self, id: &str, path: &str, request: &Parts) -> Result<(), Refusal> {
        let headers = &request.headers;
        self.sessions.check_cookie(id, headers)?;
        let is_read = is_read(&request.method);
        if is_read && pages::is_asset(path) {
            return Ok(());
        }
        if path == KEY_PATH {
            return check_sent_by_page(headers);
        }
        let is_for_page = path.starts_with("/dashboard/")
            || path == "/token"
            || path == "/identities"
            || path.starts_with("/identities/");
        if !is_for_page || path == TICKETS_PATH {
            return Err(no_session());
        }
        if !is_read {
            check_sent_by_page(headers)?;
        }
        self.sessions.check_key(id, headers)
    }

    /// Opens a session for a ticket, or for a request without a ticket that is certainly this user's.
    fn open(&self, request: &Parts) -> Result<Response, Refusal> {
        let query = request.uri.query();
        let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let ticket = pairs.find(|(name, _)| name == "ticket");
        // Only the page in a redirect file has a ticket; a page of another site has none.
        let from = match ticket.is_some() && is_from_file(&request.headers) {
            true => OpenedFrom::File,
            false => OpenedFrom::Direct,
        };
        check_page_request(request, self.port, from == OpenedFrom::File)?;
        if request.method != Method::GET {
            return Err(Refusal::no_such_method());
        }
        let is_trusted = request.extensions.get::<Admission>() == Some(&Admission::Trusted);
        let is_redeemed = match ticket {
            Some((_, ticket)) => self.tickets.redeem(&ticket),
            None if query.is_some() => false,
            None if is_trusted => self.tickets.redeem_by_start(),
            None => return Ok(closed(ClosedReason::UnknownOwner)),
        };
        let opened = match is_redeemed {
            true => pages::opened(&self.sessions.open()?, from),
            false => None,
        };
        Ok(opened.unwrap_or_else(|| closed(ClosedReason::SpentTicket)))
    }
}

fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// Splits `/SESSION/rest` into the session's id and `/rest`.
fn split_session(uri: &Uri) -> Option<(&str, &str)> {
    let path = uri.path().strip_prefix('/')?;
    Some(path.split_at(path.find('/')?))
}
