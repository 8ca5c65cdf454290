//! The routers of the two listeners.

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use super::service::Service;
use super::{health, identity, response, token};
use crate::exchange_service::exchange::{Reason, Refusal};

const OPENAPI: &str = include_str!("../../../assets/exchange-service/openapi.json");
// Where the routes of each port are named.
const OF_SERVICE: &str = "See /openapi.json.";
const OF_METRICS: &str = "This port has /metrics, /livez, /readyz and /startupz.";

/// Returns the routes of the service.
pub(in crate::exchange_service) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/v1/token", post(token::token))
        .route(
            "/v1/identity/token",
            get_only(get(identity::identity_token)),
        )
        .route("/api/token/teams", get_only(get(token::teams)))
        .route("/openapi.json", get(openapi))
        .merge(probes())
        .fallback(async || no_route(OF_SERVICE))
        .method_not_allowed_fallback(wrong_method)
        .with_state(service)
}

/// Returns the routes of the metrics' port. It has the probes too: a prober has no client certificate.
pub(in crate::exchange_service) fn metrics_router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/metrics", get(health::metrics))
        .merge(probes())
        .fallback(async || no_route(OF_METRICS))
        .method_not_allowed_fallback(wrong_method_of_metrics)
        .with_state(service)
}

fn probes() -> Router<Arc<Service>> {
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/startupz", get(health::startup))
}

/// Refuses `HEAD`, which would request a token that the response cannot have.
fn get_only(route: MethodRouter<Arc<Service>>) -> MethodRouter<Arc<Service>> {
    let refuse = async |method: Method| {
        let allow = [(header::ALLOW, "GET")];
        (allow, wrong_method(method).await).into_response()
    };
    route.head(refuse).fallback(refuse)
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

async fn wrong_method(method: Method) -> Response {
    no_method(&method, OF_SERVICE)
}

async fn wrong_method_of_metrics(method: Method) -> Response {
    no_method(&method, OF_METRICS)
}

fn no_method(method: &Method, routes: &str) -> Response {
    let (status, reason) = (StatusCode::METHOD_NOT_ALLOWED, Reason::NoSuchMethod);
    let mut refused = other(status, reason, routes);
    if *method == Method::HEAD {
        *refused.body_mut() = axum::body::Body::empty();
    }
    refused
}

fn no_route(routes: &str) -> Response {
    other(StatusCode::NOT_FOUND, Reason::NoSuchRoute, routes)
}

/// Returns the response to a request that is none of this port. It is no decision.
fn other(status: StatusCode, reason: Reason, routes: &str) -> Response {
    let description = format!("This path or method does not exist. {routes}");
    let refusal = Refusal::new(status, "invalid_request", reason, &description);
    let id = uuid::Uuid::new_v4().to_string();
    response::with_common_headers(response::refused(&refusal, &id), &id, false)
}
