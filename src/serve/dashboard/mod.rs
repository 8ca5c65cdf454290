//! The dashboard: one page of the service's own, and what it asks for.
//!
//! In come the page's requests, at a listener that serves nothing else; out come the page, a state
//! without secrets, and the acts of signing in and out. Tokens and identities it gets from the
//! service's own routes, as any app does.
//!
//! The listener has a free port in every run, so that the page's origin is another one each time:
//! what a program at the service's fixed port put into a browser while the service was down
//! (service workers, caches) does not belong to it.

mod pages;
mod sessions;
mod sign_in;
mod state;
mod tickets;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use axum::routing::MethodFilter;
use serde_json::{Value, json};
use url::form_urlencoded;

pub(super) use pages::{Closed, closed};
pub(super) use sessions::DashboardSessions;
pub use sign_in::Options as DashboardSignIn;
pub use tickets::DashboardLink;
pub(super) use tickets::Redeemer;

use crate::acs::Endpoint;
use crate::entra::browser::Link;
use crate::error::Result;
use crate::json;
use crate::jwt;
use crate::loopback::peer::{Admission, PeerCheck};
use crate::loopback::serve::Caller;
use crate::session::{Overview, Session};
use crate::text::secret_form;
use crate::time::Clock;

use super::Factory;
use super::access;
use super::accounts::{Accounts, blocking};
use super::body::read;
use super::events::Events;
use super::response::{self, Refusal};
use pages::OpenedFrom;
use sign_in::SignIns;
use tickets::TICKET_LIFE;

/// How long a request waits for a ticket to be used: a service that stops waits for its answers.
const TICKET_WAIT: Duration = Duration::from_secs(1);
/// Where a ticket is spent, at the dashboard's own port: it needs no cookie. Without a ticket it is
/// the start page, whose address is on the browser's command line.
const OPEN_PATH: &str = "/open";
/// Where the page gets its key.
const KEY_PATH: &str = "/dashboard/key";
/// Where a ticket is made.
pub(super) const TICKETS_PATH: &str = "/dashboard/tickets";
/// The query with which a ticket may be redeemed by the start page.
pub(super) const START_QUERY: &str = "start";

/// What the page can ask.
#[derive(Debug, Clone, Copy)]
pub(super) enum Route {
    Tickets,
    AwaitTicket,
    Key,
    State,
    Claims,
    BeginSignIn,
    EndSignIn,
    Switch,
    SignOut,
}

/// Method, path and what it means. They serve the page and change with it, so that the OpenAPI
/// document does not name them.
pub(super) const ROUTES: [(MethodFilter, &str, Route); 9] = [
    (MethodFilter::POST, TICKETS_PATH, Route::Tickets),
    (MethodFilter::GET, TICKETS_PATH, Route::AwaitTicket),
    (MethodFilter::POST, KEY_PATH, Route::Key),
    (MethodFilter::GET, "/dashboard/state", Route::State),
    (MethodFilter::GET, "/dashboard/claims", Route::Claims),
    (MethodFilter::POST, "/dashboard/sign-in", Route::BeginSignIn),
    (MethodFilter::DELETE, "/dashboard/sign-in", Route::EndSignIn),
    (MethodFilter::POST, "/dashboard/switch", Route::Switch),
    (MethodFilter::POST, "/dashboard/sign-out", Route::SignOut),
];

/// What the page tells of the service.
pub(super) struct ServiceInfo {
    pub(super) url: String,
    /// The port of the dashboard alone.
    pub(super) port: u16,
    pub(super) secret_file: String,
    pub(super) socket: Option<String>,
    pub(super) profile: String,
    pub(super) min_validity_seconds: u64,
}

/// See the module.
pub(super) struct Dashboard {
    passes: DashboardSessions,
    facts: ServiceInfo,
    session: Session,
    overview: Factory<Overview>,
    owner: Factory<Endpoint>,
    sign_ins: SignIns,
    accounts: Arc<Accounts>,
    events: Arc<Events>,
    clock: Arc<dyn Clock>,
}

/// What a dashboard is made of, beside its passes and facts.
pub(super) struct Dependencies {
    pub(super) session: Session,
    pub(super) scopes: Vec<String>,
    pub(super) overview: Factory<Overview>,
    pub(super) owner: Factory<Endpoint>,
    pub(super) sign_in: DashboardSignIn,
    pub(super) events: Arc<Events>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) clock: Arc<dyn Clock>,
}

/// What becomes of a request at the dashboard's own port.
pub(super) enum Authorized {
    /// This is the answer.
    Done(Response),
    /// It is one of the page's: the routes answer it.
    Route,
    /// It is refused.
    Refused(Refusal),
}

/// The session that a request belongs to.
#[derive(Clone)]
struct SessionId(String);

/// The account that a request is about, if it names one.
async fn account(headers: &HeaderMap, body: Body) -> Result<Option<String>, Refusal> {
    let mut members = read(headers, body).await?;
    let account = members.text("account")?;
    members.end()?;
    // It would be the sign-in's `login_hint`, in an address that the browser keeps.
    match account.as_deref().and_then(secret_form) {
        Some(form) => Err(Refusal::of_request(
            format!("the body's member `account` has the form of {form}"),
            "name a username or a home account id",
        )),
        None => Ok(account),
    }
}

fn named(account: Option<String>) -> Result<String, Refusal> {
    account.ok_or_else(|| {
        Refusal::of_request("no account is named", "name it, like {\"account\": \"…\"}")
    })
}

impl Dashboard {
    pub(super) fn new(
        passes: DashboardSessions,
        facts: ServiceInfo,
        parents: Dependencies,
    ) -> Self {
        let Dependencies {
            session,
            scopes,
            overview,
            owner,
            sign_in,
            events,
            accounts,
            clock,
        } = parents;
        Dashboard {
            passes,
            facts,
            sign_ins: SignIns::new(sign_in, session.clone(), scopes, accounts.clone()),
            session,
            overview,
            owner,
            accounts,
            events,
            clock,
        }
    }

    /// A new ticket, with the address that opens the dashboard once. The link has a start page if
    /// `redeemer` allows it and the system reports the owners of connections.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if the system gives no random bytes.
    pub(super) fn opening(&self, redeemer: Redeemer) -> Result<DashboardLink> {
        let has_start = redeemer == Redeemer::SecretOrStart && PeerCheck::is_available();
        let redeemer = match has_start {
            true => Redeemer::SecretOrStart,
            false => Redeemer::Secret,
        };
        let (number, ticket) = self.passes.issue(redeemer)?;
        let start = format!("http://localhost:{}{OPEN_PATH}", self.facts.port);
        let link = Link::new(format!("{start}?ticket={}", ticket.expose()));
        let link = match has_start {
            true => link.with_start(start),
            false => link,
        };
        Ok(DashboardLink { link, number })
    }

    /// Ends once the ticket with this number is used or too old.
    pub(super) fn gone(&self, number: u64) -> impl Future<Output = ()> + use<> {
        self.passes.gone(number)
    }

    /// Decides about a request at the dashboard's own port.
    pub(super) fn authorize(&self, parts: &mut Parts) -> Authorized {
        match self.try_authorize(parts) {
            Ok(entered) => entered,
            Err(refusal) => Authorized::Refused(refusal),
        }
    }

    fn try_authorize(&self, parts: &mut Parts) -> Result<Authorized, Refusal> {
        if parts.uri.path() == OPEN_PATH {
            return self.open(parts).map(Authorized::Done);
        }
        access::check_dashboard_request(parts, self.facts.port)?;
        let path = parts.uri.path();
        let Some((session, below)) = below_session(path) else {
            return Ok(Authorized::Done(closed(Closed::NotOpened)));
        };
        let (session, below) = (session.to_owned(), below.to_owned());
        match self.passes.admit(&session, &below, parts) {
            Ok(()) => Caller::trust(&parts.extensions),
            // A person who looks for the page is told so on a page.
            Err(_) if below == "/" => return Ok(Authorized::Done(closed(Closed::NotOpened))),
            Err(refusal) => return Err(refusal),
        }
        let reads = parts.method == Method::GET || parts.method == Method::HEAD;
        if reads && let Some(page) = pages::asset_at(&below) {
            return Ok(Authorized::Done(page));
        }
        let below = match parts.uri.query() {
            Some(query) => format!("{below}?{query}"),
            None => below,
        };
        parts.uri = below
            .parse()
            .map_err(|_| Refusal::of_request("the path cannot be read", "reload the page"))?;
        parts.extensions.insert(SessionId(session));
        Ok(Authorized::Route)
    }

    pub(super) async fn answer(
        &self,
        route: Route,
        parts: &Parts,
        body: Body,
    ) -> Result<Response, Refusal> {
        let (headers, query) = (&parts.headers, parts.uri.query().unwrap_or_default());
        match route {
            Route::Tickets => self.issue(query),
            Route::AwaitTicket => self.await_ticket(query).await,
            Route::Key => {
                let session = parts.extensions.get::<SessionId>();
                let session = session.map(|SessionId(id)| id.as_str());
                let key = self
                    .passes
                    .hand_out_key(session.unwrap_or_default(), headers)?;
                Ok(response::json(
                    StatusCode::OK,
                    &json!({"key": key.expose()}),
                ))
            }
            Route::State => self.state().await,
            Route::Claims => claims(query, &self.accounts).await,
            Route::BeginSignIn => self.begin_sign_in(headers, body).await,
            Route::EndSignIn => {
                self.sign_ins.end();
                Ok(response::done())
            }
            Route::Switch => self.switch(headers, body).await,
            Route::SignOut => self.sign_out(headers, body).await,
        }
    }

    /// Opens the dashboard for a ticket, or for a request without a ticket that can only be this
    /// user's own. The ticket is worth nothing afterwards.
    fn open(&self, parts: &Parts) -> Result<Response, Refusal> {
        let mut pairs = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let ticket = pairs.find(|(name, _)| name == "ticket");
        // A page of another site has no ticket: the page in a redirect file has.
        let is_from_file = ticket.is_some() && access::is_from_file(&parts.headers);
        let arrival = match is_from_file {
            true => OpenedFrom::FromFile,
            false => OpenedFrom::Direct,
        };
        access::check_page_request(parts, self.facts.port, is_from_file)?;
        if parts.method != Method::GET {
            return Err(response::no_such_method());
        }
        let admission = parts.extensions.get::<Admission>();
        let opened = match ticket {
            Some((_, ticket)) => self.passes.redeem(Some(&ticket))?,
            None if parts.uri.query().is_some() => None,
            None if admission == Some(&Admission::Trusted) => self.passes.redeem(None)?,
            None => return Ok(closed(Closed::UnknownOwner)),
        };
        let opened = opened.and_then(|opened| pages::opened(&opened, arrival));
        Ok(opened.unwrap_or_else(|| closed(Closed::SpentTicket)))
    }

    /// `POST /dashboard/tickets`; with `?start`, for a browser that is about to be started.
    fn issue(&self, query: &str) -> Result<Response, Refusal> {
        let redeemer = match query {
            START_QUERY => Redeemer::SecretOrStart,
            _ => Redeemer::Secret,
        };
        let opening = self.opening(redeemer)?;
        let json = json!({
            "url": opening.link.target(),
            "start": opening.link.start(),
            "number": opening.number,
            "expiresInSeconds": TICKET_LIFE.as_secs(),
        });
        Ok(response::json(StatusCode::CREATED, &json))
    }

    /// `GET /dashboard/tickets?number=N`: whether a ticket still waits, once that changes or a second
    /// has passed.
    async fn await_ticket(&self, query: &str) -> Result<Response, Refusal> {
        let number = query.strip_prefix("number=").and_then(|n| n.parse().ok());
        let number = number.ok_or_else(|| {
            Refusal::of_request("no ticket is named", "name it, like `?number=1`")
        })?;
        let is_gone = tokio::time::timeout(TICKET_WAIT, self.gone(number)).await;
        let json = json!({"waits": is_gone.is_err()});
        Ok(response::json(StatusCode::OK, &json))
    }

    async fn state(&self) -> Result<Response, Refusal> {
        // First: once it shows no sign-in, the accounts show what the sign-in brought.
        let (waiting, failed) = self.sign_ins.json();
        let (overview, owner) = (self.overview.clone(), self.owner.clone());
        let (states, owner) = blocking(move || Ok((overview()?.accounts(), owner()))).await?;
        let clock = self.clock.as_ref();
        let list: Vec<Value> = states
            .iter()
            .map(|state| {
                let held = self.accounts.held(&state.account.home_account_id);
                state::account(state, &held, clock)
            })
            .collect();
        let owner = match owner {
            Ok(endpoint) => json!({"endpoint": endpoint.as_str()}),
            Err(error) => json::error(&error),
        };
        let facts = &self.facts;
        let json = json!({
            "now": self.clock.now().to_string(),
            "version": env!("CARGO_PKG_VERSION"),
            "profile": facts.profile,
            "store": self.session.store_name(),
            "service": {
                "url": facts.url,
                "secretFile": facts.secret_file,
                "socket": facts.socket,
                "minValiditySeconds": facts.min_validity_seconds,
            },
            "accounts": list,
            "signIn": waiting,
            "signInFailed": failed,
            "owner": owner,
            "events": self.events.json(),
        });
        Ok(response::json(StatusCode::OK, &json))
    }

    async fn begin_sign_in(&self, headers: &HeaderMap, body: Body) -> Result<Response, Refusal> {
        let account = account(headers, body).await?;
        let url = self.sign_ins.begin(account).await?;
        Ok(response::json(StatusCode::OK, &json!({"url": url})))
    }

    async fn switch(&self, headers: &HeaderMap, body: Body) -> Result<Response, Refusal> {
        let user = named(account(headers, body).await?)?;
        let session = self.session.clone();
        let account = blocking(move || session.activate(&user)).await?;
        self.accounts.expire_cache().await;
        self.events
            .good(format!("{} is the active account", account.username));
        Ok(response::done())
    }

    async fn sign_out(&self, headers: &HeaderMap, body: Body) -> Result<Response, Refusal> {
        let user = named(account(headers, body).await?)?;
        let session = self.session.clone();
        let forgotten = blocking(move || session.forget(&user)).await;
        // What the index has forgotten is gone, also where the store keeps its item.
        self.accounts.expire_cache().await;
        let account = forgotten?;
        self.events
            .good(format!("{} was signed out", account.username));
        Ok(response::done())
    }
}

/// Splits `/SESSION/rest` into the session's id and `/rest`.
fn below_session(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    let end = path.find('/')?;
    Some(path.split_at(end))
}

/// What the token of this account says of itself, and not the token.
async fn claims(query: &str, accounts: &Accounts) -> Result<Response, Refusal> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let user = pairs
        .find(|(name, _)| name == "account")
        .map(|(_, user)| user.into_owned());
    let (_, held) = accounts.token(user.as_deref(), None).await?;
    let decoded = jwt::decode(held.token.expose()).ok_or_else(|| {
        Refusal::new(
            StatusCode::CONFLICT,
            "OpaqueToken",
            "this token cannot be read: it is not three parts of JSON",
            "it is as good as any; there is nothing to show of it",
        )
    })?;
    let json = json!({
        "header": decoded.header,
        "claims": decoded.claims,
        "expiresOn": held.expires_on.to_string(),
    });
    Ok(response::json(StatusCode::OK, &json))
}
