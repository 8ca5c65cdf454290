//! The routes, and the checks in front of them.
//!
//! The list of routes builds the router, and a test compares it with the OpenAPI document in
//! `assets/openapi.json`.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use crate::loopback::serve::{Caller, Handler, handler};

use super::access::{self, Authorizer, OPEN_PATH, Transport};
use super::context::Context;
use super::dashboard::{self, ClosedReason, Dashboard};
use super::proof::PROOF;
use super::response::{Refusal, common_headers};
use super::service::Service;
use super::{identities, tokens};

/// Builds the router of these routes, and for tests the list of their methods and paths.
macro_rules! routes {
    ($($method:ident $path:expr => $handler:path,)*) => {
        #[cfg(test)]
        pub(super) const ROUTES: &[(&str, &str)] = &[$((stringify!($method), $path)),*];

        fn service_routes() -> Router<Service> {
            Router::new()$(.route($path, $method($handler)))*
        }
    };
}

routes! {
    get OPEN_PATH => tokens::health,
    get "/openapi.json" => tokens::openapi,
    get "/token" => tokens::token,
    get "/status" => tokens::status,
    get "/api/token/teams" => tokens::teams_token,
    post "/identities" => identities::create,
    post "/identities/{id}/tokens" => identities::issue_token,
    post "/identities/{id}/revoke" => identities::revoke,
    delete "/identities/{id}" => identities::delete,
}

/// Returns all routes. They have no checks yet.
pub(super) fn router(service: Service, dashboard: Arc<Dashboard>) -> Router {
    service_routes()
        .with_state(service)
        .merge(dashboard::routes(dashboard))
        .fallback(async || {
            Refusal::new(
                StatusCode::NOT_FOUND,
                "NoSuchRoute",
                "there is nothing at this path",
                "see GET /openapi.json",
            )
        })
        .method_not_allowed_fallback(async || Refusal::no_such_method())
}

/// The checks of a listener that requires the secret.
pub(super) struct SecretCheck {
    pub(super) authorizer: Arc<Authorizer>,
    pub(super) context: Arc<Context>,
    pub(super) transport: Transport,
}

/// Puts the checks of the secret in front of the routes. They run before the path is matched. A layer
/// of axum would run after it, or need a second router for each request.
pub(super) fn behind_secret(router: Router, check: SecretCheck) -> Handler {
    let shared = Arc::new((router, check));
    handler(move |request| {
        let shared = shared.clone();
        async move {
            let (router, check) = &*shared;
            Some(check_secret(check, router, request).await)
        }
    })
}

/// Puts the checks of the dashboard in front of the routes.
pub(super) fn behind_dashboard(router: Router, dashboard: Arc<Dashboard>) -> Handler {
    handler(move |request| {
        let (router, dashboard) = (router.clone(), dashboard.clone());
        async move { Some(check_dashboard(&dashboard, &router, request).await) }
    })
}

async fn routed(router: &Router, request: Request<Incoming>) -> Response {
    let Ok(response) = TowerToHyperService::new(router.clone()).call(request).await;
    response
}

async fn check_secret(
    check: &SecretCheck,
    router: &Router,
    request: Request<Incoming>,
) -> Response {
    let (parts, body) = request.into_parts();
    let is_chunked = parts.headers.contains_key(header::TRANSFER_ENCODING);
    let (authorizer, transport) = (&check.authorizer, check.transport);
    let (mut response, origin) = match authorizer.check_host_and_origin(&parts, transport) {
        Err(refusal) => (refused(&check.context, refusal), None),
        Ok(origin) => {
            let proof = authorizer.proof(&parts, transport);
            let mut response = match authorizer.check_secret(&parts) {
                _ if access::is_preflight(&parts) => {
                    let mut response = StatusCode::NO_CONTENT.into_response();
                    access::preflight_headers(&parts, response.headers_mut());
                    response
                }
                Ok(()) => {
                    if parts.uri.path() != OPEN_PATH {
                        Caller::trust(&parts.extensions);
                    }
                    routed(router, Request::from_parts(parts, body)).await
                }
                // A browser that looks for the dashboard gets the reason as a page.
                Err(_) if ["/", "/dashboard"].contains(&parts.uri.path()) => {
                    dashboard::closed(ClosedReason::NotOpened)
                }
                Err(refusal) => refused(&check.context, refusal),
            };
            if let Some(proof) = proof {
                response.headers_mut().insert(PROOF, proof);
            }
            (response, origin)
        }
    };
    access::origin_headers(origin, response.headers_mut());
    finish(response, is_chunked)
}

async fn check_dashboard(
    dashboard: &Dashboard,
    router: &Router,
    request: Request<Incoming>,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let is_chunked = parts.headers.contains_key(header::TRANSFER_ENCODING);
    let mut response = match dashboard.access.authorize(&mut parts) {
        Ok(None) => routed(router, Request::from_parts(parts, body)).await,
        Ok(Some(response)) => response,
        Err(refusal) => refused(&dashboard.context, refusal),
    };
    access::origin_headers(None, response.headers_mut());
    finish(response, is_chunked)
}

fn refused(context: &Context, refusal: Refusal) -> Response {
    context.events.refused(&refusal.error);
    refusal.into_response()
}

/// Sets the headers of every response. The connection ends after a chunked request: a request with a
/// length as well can be read in two ways (RFC 9112, section 6.1).
fn finish(mut response: Response, is_chunked: bool) -> Response {
    let headers = response.headers_mut();
    common_headers(headers);
    if is_chunked {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
