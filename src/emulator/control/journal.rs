//! The journal of requests.

use axum::http::Method;
use serde_json::{Value, json};

use super::route::{Body, Call, Parameter, Route, done, shown};
use crate::emulator::http::without_nulls;
use crate::emulator::state::requests::{Journal, LoggedRequest};

pub(super) const SHOW: Route = Route {
    method: Method::GET,
    path: "/journal",
    id: "getJournal",
    summary: "List the latest requests, oldest first",
    description: "",
    parameters: &[Parameter {
        name: "operation",
        description: "Only the requests of this operation, such as exchange",
        schema: || json!({"type": "string", "minLength": 1}),
    }],
    body: Body::None,
    success: (
        "The requests, and the number of all requests by operation",
        Some(schema),
    ),
    refusals: &[],
    handler: |call| shown(&entries(call)),
};

pub(super) const CLEAR: Route = Route {
    method: Method::DELETE,
    path: "/journal",
    id: "clearJournal",
    summary: "Delete all entries and counts",
    description: "",
    parameters: &[],
    body: Body::None,
    success: ("The journal is empty", None),
    refusals: &[],
    handler: |call| {
        call.context().state().journal = Journal::default();
        done()
    },
};

fn entries(call: &Call<'_>) -> Value {
    let state = call.context().state();
    let wanted = call.text("operation");
    let is_wanted = |entry: &&LoggedRequest| wanted.is_empty() || entry.operation == wanted;
    let latest = state.journal.latest.iter().filter(is_wanted).map(|entry| {
        without_nulls(json!({
            "method": entry.method, "path": entry.path, "operation": entry.operation,
            "status": entry.status, "reason": entry.reason, "remark": entry.remark,
        }))
    });
    json!({"entries": latest.collect::<Vec<_>>(), "counts": state.journal.counts})
}

fn schema() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object", "additionalProperties": false, "required": ["entries", "counts"],
        "properties": {
            "entries": {"type": "array", "items": {
                "type": "object", "additionalProperties": false,
                "required": ["method", "path", "operation", "status"],
                "properties": {
                    "method": text, "path": text, "operation": text,
                    "status": {"type": "integer"}, "reason": text, "remark": text,
                },
            }},
            "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
        },
    })
}
