//! The routes, and the checks in front of them.
//!
//! The list of routes builds the router, and a test compares it with the OpenAPI document in
//! `assets/openapi.json`.

use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use crate::loopback::serve::{Handler, handler};
use crate::secret::ServiceSecret;

use super::access::{
    Listener, OPEN_PATH, approved_page, check_host_and_origin, check_secret, origin_headers,
};
use super::accounts::Accounts;
use super::context::Context;
use super::dashboard::{self, Dashboard};
use super::instance::{PROOF, proof_header};
use super::managed_identity::{self, ManagedIdentity};
use super::response::{Refusal, common_headers};
use super::{identities, tokens};

/// Defines a function that builds the router of these routes, and for tests the list of their methods
/// and paths.
macro_rules! routes {
    ($function:ident, $list:ident: $($method:ident $path:expr => $handler:path,)*) => {
        #[cfg(test)]
        pub(super) const $list: &[(&str, &str)] = &[$((stringify!($method), $path)),*];

        fn $function() -> Router<Arc<Accounts>> {
            Router::new()$(.route($path, $method($handler)))*
        }
    };
}

routes! { token_routes, TOKEN_ROUTES:
    get OPEN_PATH => tokens::health,
    get "/openapi.json" => tokens::openapi,
    get "/token" => tokens::token,
    get "/status" => tokens::status,
    get "/api/token/teams" => tokens::teams_token,
}

routes! { identity_routes, IDENTITY_ROUTES:
    post "/identities" => identities::create,
    post "/identities/{id}/tokens" => identities::issue_token,
    post "/identities/{id}/revoke" => identities::revoke,
    delete "/identities/{id}" => identities::delete,
}

/// Returns all routes. They have no checks yet.
pub(super) fn router(accounts: Arc<Accounts>, dashboard: Option<Arc<Dashboard>>) -> Router {
    let mut service = token_routes();
    if accounts.context.options.only.is_none() {
        service = service.merge(identity_routes());
    }
    if accounts.context.options.managed_identity.is_some() {
        service = service.route(managed_identity::PATH, get(tokens::managed_identity));
    }
    let mut router = service.with_state(accounts);
    if let Some(dashboard) = dashboard {
        router = router.merge(dashboard::routes(dashboard));
    }
    router
        .fallback(async || Refusal::no_such_route())
        .method_not_allowed_fallback(async || Refusal::no_such_method())
}

/// The routes, and the checks in front of them.
pub(super) struct Service {
    pub(super) router: Router,
    pub(super) secret: ServiceSecret,
    pub(super) context: Arc<Context>,
    pub(super) dashboard: Option<Arc<Dashboard>>,
}

impl Service {
    /// Returns the handler of a listener.
    pub(super) fn at(self: &Arc<Self>, listener: Listener) -> Handler {
        let service = self.clone();
        handler(move |request| {
            let service = service.clone();
            async move { Some(service.respond(listener, request).await) }
        })
    }

    /// Returns the managed identity if the request is for its endpoint. SDKs find it at the port, and it
    /// needs its own secret at the socket as well.
    fn identity_for(&self, request: &Parts) -> Option<&ManagedIdentity> {
        let identity = self.context.options.managed_identity.as_ref();
        identity.filter(|_| request.uri.path() == managed_identity::PATH)
    }

    /// Checks a request before its path is matched. A layer of axum would run after it, or need a
    /// second router for each request.
    async fn respond(&self, listener: Listener, request: Request<Incoming>) -> Response {
        let (mut parts, body) = request.into_parts();
        let is_chunked = parts.headers.contains_key(header::TRANSFER_ENCODING);
        let origins = &self.context.origins;
        let (mut origin, mut proof) = (None, None);
        let checked = match listener {
            Listener::Dashboard => match &self.dashboard {
                Some(dashboard) => dashboard.authorize(&mut parts),
                None => Err(Refusal::no_such_route()),
            },
            _ => check_host_and_origin(&parts, listener, origins).and_then(|approved| {
                origin = approved;
                // The socket needs no proof: no other program can listen there.
                if let Listener::Port(port) = listener {
                    let page = approved_page(&parts, origin.as_ref(), origins);
                    let page = page.map(|page| ServiceSecret::new(page.text()));
                    let key = page.as_ref().unwrap_or(&self.secret);
                    proof = proof_header(key, port, &parts.headers);
                }
                match self.identity_for(&parts) {
                    Some(identity) => Ok(identity.check(&parts)),
                    None => check_secret(&parts, &self.secret, origin.as_ref(), origins),
                }
            }),
        };
        let mut response = match checked {
            Ok(Some(response)) => response,
            Ok(None) => {
                let router = TowerToHyperService::new(self.router.clone());
                let Ok(response) = router.call(Request::from_parts(parts, body)).await;
                response
            }
            Err(refusal) => {
                self.context.events.refused(&refusal.error);
                refusal.into_response()
            }
        };
        let headers = response.headers_mut();
        if let Some(proof) = proof {
            headers.insert(PROOF, proof);
        }
        origin_headers(origin, headers);
        common_headers(headers);
        // A request with a length as well can be read in two ways (RFC 9112, section 6.1).
        if is_chunked {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
