//! The routes, each named once: the router is built from the list, and the OpenAPI document in
//! `assets/openapi.json` is held against it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use url::form_urlencoded;

use crate::error::Result;
use crate::input;
use crate::json;
use crate::loopback::serve::Caller;
use crate::secret::EntraToken;
use crate::session::Overview;
use crate::text::quoted;
use crate::time::{Clock, parse_duration};

use super::Factory;
use super::access::{self, Authorizer, OPEN_PATH, Transport};
use super::accounts::{Accounts, blocking};
use super::dashboard::{self, Authorized, Dashboard};
use super::events::Events;
use super::identities::Identities;
use super::proof::PROOF;
use super::response::{self, Refusal};

/// The OpenAPI document of these routes.
pub(super) const OPENAPI: &str = include_str!("../../assets/openapi.json");
/// Where a client of the authentication hero sample sends the user's Entra token.
const TEAMS_TOKEN: &str = "teams-user-aad-token";

/// What can be asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Route {
    Health,
    OpenApi,
    Token,
    Status,
    TeamsToken,
    CreateIdentity,
    IssueToken,
    RevokeTokens,
    DeleteIdentity,
}

/// Method, path and what it means.
pub(super) const ROUTES: [(&str, MethodFilter, &str, Route); 9] = [
    ("get", MethodFilter::GET, OPEN_PATH, Route::Health),
    ("get", MethodFilter::GET, "/openapi.json", Route::OpenApi),
    ("get", MethodFilter::GET, "/token", Route::Token),
    ("get", MethodFilter::GET, "/status", Route::Status),
    (
        "get",
        MethodFilter::GET,
        "/api/token/teams",
        Route::TeamsToken,
    ),
    (
        "post",
        MethodFilter::POST,
        "/identities",
        Route::CreateIdentity,
    ),
    (
        "post",
        MethodFilter::POST,
        "/identities/{id}/tokens",
        Route::IssueToken,
    ),
    (
        "post",
        MethodFilter::POST,
        "/identities/{id}/revoke",
        Route::RevokeTokens,
    ),
    (
        "delete",
        MethodFilter::DELETE,
        "/identities/{id}",
        Route::DeleteIdentity,
    ),
];

/// What all requests share.
pub(super) struct Service {
    pub(super) authorizer: Authorizer,
    pub(super) dashboard: Dashboard,
    pub(super) events: Arc<Events>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) identities: Identities,
    pub(super) overview: Factory<Overview>,
    pub(super) profile: String,
    pub(super) clock: Arc<dyn Clock>,
}

pub(super) fn router(service: Arc<Service>) -> Router {
    let mut router = Router::new();
    for (_, method, path, route) in ROUTES {
        let handler = move |State(service): State<Arc<Service>>,
                            params: RawPathParams,
                            request: Request| async move {
            let id = params.iter().next().map(|(_, id)| id.to_owned());
            let id = id.unwrap_or_default();
            match service.answer(route, &id, request).await {
                Ok(response) => response,
                Err(refusal) => refusal.into(),
            }
        };
        router = router.route(path, on(method, handler));
    }
    for (method, path, route) in dashboard::ROUTES {
        let handler = move |State(service): State<Arc<Service>>, request: Request| async move {
            let (parts, body) = request.into_parts();
            match service.dashboard.answer(route, &parts, body).await {
                Ok(response) => response,
                Err(refusal) => refusal.into(),
            }
        };
        router = router.route(path, on(method, handler));
    }
    let nowhere = async || {
        Response::from(Refusal::new(
            StatusCode::NOT_FOUND,
            "NoSuchRoute",
            "there is nothing at this path",
            "see GET /openapi.json",
        ))
    };
    let not_so = async || Response::from(response::no_such_method());
    router
        .fallback(nowhere)
        .method_not_allowed_fallback(not_so)
        .with_state(service)
}

/// The service as one listener sees it: who asks is checked before the router sees anything.
pub(super) fn handle(
    service: &Arc<Service>,
    router: &Router,
    entrance: Transport,
) -> impl hyper::service::Service<
    hyper::Request<Incoming>,
    Response = Response,
    Error = Infallible,
    Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>,
> + Clone
+ Send
+ 'static {
    let (service, router) = (service.clone(), router.clone());
    hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let (service, router) = (service.clone(), router.clone());
        Box::pin(async move { Ok(service.authorize(router, entrance, request).await) })
            as Pin<Box<_>>
    })
}

impl Service {
    async fn authorize(
        &self,
        router: Router,
        entrance: Transport,
        request: hyper::Request<Incoming>,
    ) -> Response {
        let (mut parts, body) = request.into_parts();
        let is_chunked = parts.headers.contains_key(header::TRANSFER_ENCODING);
        let (mut response, origin) = match entrance {
            Transport::Dashboard => match self.dashboard.authorize(&mut parts) {
                Authorized::Done(response) => (response, None),
                Authorized::Route => (routed(router, parts, body).await, None),
                Authorized::Refused(refusal) => (self.refused(refusal), None),
            },
            Transport::Port(_) | Transport::Socket => {
                self.authorize_by_secret(router, entrance, parts, body)
                    .await
            }
        };
        response::common_headers(response.headers_mut());
        access::origin_headers(origin, response.headers_mut());
        if is_chunked {
            // What follows such a body could be read in two ways, where a length was told as well
            // (RFC 9112, section 6.1).
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response
    }

    /// The response to a request that has to know the secret, and the page that may read it.
    async fn authorize_by_secret(
        &self,
        router: Router,
        entrance: Transport,
        parts: Parts,
        body: Incoming,
    ) -> (Response, Option<HeaderValue>) {
        let origin = match self.authorizer.check_host_and_origin(&parts, entrance) {
            Ok(origin) => origin,
            Err(refusal) => return (self.refused(refusal), None),
        };
        let proof = self.authorizer.proof(&parts, entrance);
        let mut response = self.is_authorized_by_secret(router, parts, body).await;
        if let Some(proof) = proof {
            response.headers_mut().insert(PROOF, proof);
        }
        (response, origin)
    }

    /// The response to a sender that may ask.
    async fn is_authorized_by_secret(
        &self,
        router: Router,
        parts: Parts,
        body: Incoming,
    ) -> Response {
        if access::is_preflight(&parts) {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::NO_CONTENT;
            access::preflight_headers(&parts, response.headers_mut());
            return response;
        }
        match self.authorizer.check_secret(&parts) {
            Ok(()) => {
                if parts.uri.path() != OPEN_PATH {
                    Caller::trust(&parts.extensions);
                }
                routed(router, parts, body).await
            }
            // A person who looks for the dashboard is told so on a page.
            Err(_) if ["/", "/dashboard"].contains(&parts.uri.path()) => {
                dashboard::closed(dashboard::Closed::NotOpened)
            }
            Err(refusal) => self.refused(refusal),
        }
    }

    fn refused(&self, refusal: Refusal) -> Response {
        self.events.refused(&refusal.error);
        refusal.into()
    }

    async fn answer(&self, route: Route, id: &str, request: Request) -> Result<Response, Refusal> {
        let (parts, body) = request.into_parts();
        let headers = &parts.headers;
        match route {
            Route::Health => Ok(response::json(StatusCode::OK, &json!({"status": "ok"}))),
            Route::OpenApi => Ok(response::text(StatusCode::OK, "application/json", OPENAPI)),
            Route::Token => self.token(parts.uri.query()).await,
            Route::Status => self.status().await,
            Route::TeamsToken => self.teams_token(headers).await,
            Route::CreateIdentity => {
                let done = self.identities.create(headers, body).await;
                self.told(done, "An identity was created")
            }
            Route::IssueToken => {
                let done = self.identities.issue(id, headers, body).await;
                self.told(done, "A token was issued for an identity")
            }
            Route::RevokeTokens => {
                let done = self.identities.revoke(id).await;
                self.told(done, "An identity's tokens were revoked")
            }
            Route::DeleteIdentity => {
                let done = self.identities.delete(id).await;
                self.told(done, "An identity was deleted")
            }
        }
    }

    fn told<T>(&self, done: Result<T, Refusal>, what: &'static str) -> Result<T, Refusal> {
        match &done {
            Ok(_) => self.events.good(what),
            Err(refusal) => self
                .events
                .bad("The resource's service failed", &refusal.error),
        }
        done
    }

    async fn token(&self, query: Option<&str>) -> Result<Response, Refusal> {
        let (user, min_validity) = wanted(query.unwrap_or_default())?;
        let (credential, held) = self.accounts.token(user.as_deref(), min_validity).await?;
        self.events.handed_out(&credential.account);
        let shape = json::TokenShape {
            account: (&credential.account).into(),
            expires_in_seconds: held.left(self.clock.as_ref()).as_secs(),
            expires_on: held.expires_on,
            token: held.token.expose(),
        };
        Ok(response::json(StatusCode::OK, &shape))
    }

    async fn status(&self) -> Result<Response, Refusal> {
        let overview = self.overview.clone();
        let overview = blocking(move || overview()).await?;
        let store = self.accounts.store_name();
        let accounts = overview.accounts();
        let json = json::status(&self.profile, store, &accounts);
        Ok(response::json(StatusCode::OK, &json))
    }

    /// As the hero sample answers: 201, and nothing but the token.
    async fn teams_token(&self, headers: &HeaderMap) -> Result<Response, Refusal> {
        let (token, expires_on) = match headers.get(TEAMS_TOKEN) {
            Some(sent) => {
                let sent = input::token(sent.to_str().unwrap_or_default());
                let sent = EntraToken::new(sent.into_owned());
                let issued = self.identities.exchange(sent).await?;
                (issued.token, issued.expires_on)
            }
            None => {
                let (credential, held) = self.accounts.token(None, None).await?;
                self.events.handed_out(&credential.account);
                (held.token.clone(), held.expires_on)
            }
        };
        let json = json!({"token": token.expose(), "expiresOn": expires_on.to_string()});
        Ok(response::json(StatusCode::CREATED, &json))
    }
}

async fn routed(router: Router, parts: Parts, body: Incoming) -> Response {
    let request = hyper::Request::from_parts(parts, body);
    let Ok(response) = TowerToHyperService::new(router).call(request).await;
    response
}

/// What `GET /token` is asked for.
fn wanted(query: &str) -> Result<(Option<String>, Option<Duration>), Refusal> {
    let (mut user, mut min_validity) = (None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "account" if user.is_none() => {
                user = Some(input::bare(&value).to_owned());
            }
            "min-validity" if min_validity.is_none() => {
                min_validity = Some(parse_duration(input::bare(&value))?);
            }
            _ => {
                return Err(Refusal::of_request(
                    format!(
                        "{} is no parameter here, or stands there twice",
                        quoted(&name)
                    ),
                    "the parameters are `account` and `min-validity`",
                ));
            }
        }
    }
    Ok((user, min_validity))
}
