//! The probes and the metrics.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::service::Service;
use crate::exchange_service::records::Gauges;

/// The media type of OpenMetrics, which Prometheus asks for.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /livez`: the event loop runs.
pub(super) async fn live() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// `GET /startupz`: the service was ready once.
pub(super) async fn startup(State(service): State<Arc<Service>>) -> Response {
    match service.health.has_started() {
        true => Json(json!({"status": "ok"})).into_response(),
        false => readiness(&service),
    }
}

/// `GET /readyz`: the service can exchange tokens.
pub(super) async fn ready(State(service): State<Arc<Service>>) -> Response {
    readiness(&service)
}

fn readiness(service: &Service) -> Response {
    let (is_ready, checks) = checks(service);
    let status = match is_ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let word = if is_ready { "ok" } else { "unavailable" };
    (status, Json(json!({"status": word, "checks": checks}))).into_response()
}

/// Returns whether the service can exchange tokens.
pub(in crate::exchange_service) fn is_ready(service: &Service) -> bool {
    checks(service).0
}

/// Returns whether the service is ready, and the state of each part.
fn checks(service: &Service) -> (bool, serde_json::Value) {
    let health = &service.health;
    let has_keys = service.keys.are_there_any();
    let (share, remaining) = service.exchanger.budget.remaining();
    // A new replica has no share until the others have reduced theirs.
    let has_share = share.limit > 0;
    let has_audit = !service.audit.is_stalled();
    let has_all = has_keys && health.has_credential() && has_share && has_audit;
    let is_ready = has_all && !health.is_draining();
    let word = |is_ok: bool| if is_ok { "ok" } else { "unavailable" };
    let database = match &service.database {
        Some(_) => word(health.has_database()),
        None => "none",
    };
    let checks = json!({
        // The users of a tenant without keys get 503; the others are served.
        "signingKeys": match service.keys.missing().is_empty() {
            false if has_keys => "partial",
            _ => word(has_keys),
        },
        "credential": word(health.has_credential()),
        "database": database,
        "audit": word(has_audit),
        "budget": {
            "source": share.source.word(),
            "share": share.limit,
            "remaining": remaining,
        },
        "draining": health.is_draining(),
    });
    (is_ready, checks)
}

/// `GET /metrics`.
pub(super) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let (share, remaining) = service.exchanger.budget.remaining();
    let text = service.metrics.text(Gauges {
        cached_tokens: service.exchanger.cache.len(),
        keys_age: service.keys.age(),
        share: share.limit,
        remaining,
        lost_lines: service.audit.lost_lines(),
    });
    ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}
