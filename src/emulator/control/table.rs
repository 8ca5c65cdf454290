//! The table of all routes.

use axum::http::Method;
use serde_json::{Value, json};

use super::route::{Body, Route, shown};
use super::{
    clock, faults, info, journal, keys, openapi, reset, resources, sessions, snapshot, tokens,
    users,
};

/// The routes, in the order of the documentation.
pub(super) static ROUTES: &[Route] = &[
    info::SHOW,
    OPENAPI,
    reset::RESET,
    snapshot::SHOW,
    snapshot::RESTORE,
    clock::SHOW,
    clock::CHANGE,
    faults::SHOW,
    faults::ADD,
    faults::CLEAR,
    faults::REMOVE,
    journal::SHOW,
    journal::CLEAR,
    tokens::FORGE,
    keys::ROTATE,
    resources::CHANGE,
    resources::REGENERATE,
    users::CHANGE,
    sessions::REVOKE,
];

const OPENAPI: Route = Route {
    method: Method::GET,
    path: "/openapi.json",
    id: "getOpenApi",
    summary: "This document",
    description: "",
    parameters: &[],
    body: Body::None,
    success: (
        "OpenAPI 3.1",
        Some(|| json!({"type": "object", "required": ["openapi", "paths"]})),
    ),
    refusals: &[],
    handler: |_| shown(&document()),
};

/// Returns the OpenAPI document of the control API.
pub(crate) fn document() -> Value {
    openapi::document(ROUTES)
}
