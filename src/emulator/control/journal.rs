//! The journal of requests.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::route::{Body, Call, Parameter, Route, done, shown};
use crate::emulator::journal::{CAPACITY, Entry, LoggedRequest};

pub(super) const SHOW: Route = Route {
    method: Method::GET,
    path: "/journal",
    id: "getJournal",
    summary: "List the latest requests, oldest first",
    description: "Tokens are decoded and have no signature. No entry has a secret.",
    parameters: &[
        Parameter {
            name: "after",
            description: "Only the requests with a higher sequence number",
            schema: || json!({"type": "integer", "minimum": 0}),
        },
        Parameter {
            name: "operation",
            description: "Only the requests of this operation, such as exchange",
            schema: || json!({"type": "string", "minLength": 1}),
        },
        Parameter {
            name: "service",
            description: "Only the requests to this service",
            schema: service,
        },
        Parameter {
            name: "status",
            description: "Only the requests with this status; 0 is a dropped connection",
            schema: || json!({"type": "integer", "minimum": 0, "maximum": 599}),
        },
        Parameter {
            name: "outcome",
            description: "Only the requests with this outcome",
            schema: outcome,
        },
        Parameter {
            name: "flow",
            description: "Only the requests of this sign-in",
            schema: || json!({"type": "string", "minLength": 1}),
        },
        Parameter {
            name: "limit",
            description: "Only the newest requests that match, up to this number",
            schema: || json!({"type": "integer", "minimum": 1, "maximum": CAPACITY}),
        },
    ],
    body: Body::None,
    success: (
        "The requests, and the numbers of all requests since the journal was cleared",
        Some(schema),
    ),
    refusals: &[],
    handler: |call| shown(&journal(call)),
};

pub(super) const CLEAR: Route = Route {
    method: Method::DELETE,
    path: "/journal",
    id: "clearJournal",
    summary: "Delete all entries and counts",
    description: "Sequence numbers continue.",
    parameters: &[],
    body: Body::None,
    success: ("The journal is empty", None),
    refusals: &[],
    handler: |call| {
        call.context().state().journal.clear();
        done()
    },
};

fn journal(call: &Call<'_>) -> Value {
    let state = call.context().state();
    let number = |name: &str| call.parameters.get(name).and_then(Value::as_u64);
    let is_wanted = |entry: &&Entry| {
        let status = number("status");
        let flow = call.text("flow");
        let operation = call.text("operation");
        (operation.is_empty() || operation == entry.operation)
            && status.is_none_or(|status| status == u64::from(entry.status))
            && (flow.is_empty() || entry.notes.flow.is_some_and(|own| own.to_string() == flow))
            && is_word(call.text("service"), json!(entry.service))
            && is_word(call.text("outcome"), json!(entry.outcome()))
    };
    let all = state.journal.after(number("after").unwrap_or_default());
    let mut found: Vec<&Entry> = all.filter(is_wanted).collect();
    let limit = number("limit").and_then(|limit| usize::try_from(limit).ok());
    let skipped = limit.map_or(0, |limit| found.len().saturating_sub(limit));
    let entries = found.drain(skipped..).map(LoggedRequest::from);
    let counts = &state.journal.counts;
    json!({
        "entries": entries.collect::<Vec<_>>(),
        "latest": state.journal.latest,
        "total": counts.total, "accepted": counts.accepted, "refused": counts.refused,
        "counts": counts.operations,
    })
}

/// Returns whether a filter is absent or the word of this value.
fn is_word(filter: &str, value: Value) -> bool {
    filter.is_empty() || value == *filter
}

fn service() -> Value {
    json!({"type": "string", "enum": ["entra", "graph", "acs", "emulator"]})
}

fn outcome() -> Value {
    json!({"type": "string", "enum": ["accepted", "refused", "pending"]})
}

/// The members of an entry that have a value in some entries only, and their descriptions.
const OPTIONAL: [(&str, &str); 13] = [
    ("reason", "The reason of a refusal"),
    (
        "authenticatedBy",
        "The proof of the caller that was accepted",
    ),
    (
        "remark",
        "The fault of a malformed request that was accepted",
    ),
    ("fault", "The fault that was applied"),
    ("flow", "The id that joins the requests of one sign-in"),
    ("grant", "The grant of a request to the token endpoint"),
    ("clientId", "The client id"),
    ("user", "The user"),
    (
        "resource",
        "The audience of the Entra token, or the ACS resource's id",
    ),
    ("scopes", "The scopes"),
    (
        "stringToSign",
        "The expected string-to-sign of a request with a wrong signature",
    ),
    (
        "mistake",
        "The known mistake that explains the wrong signature",
    ),
    ("path", "The path, without the query"),
];

fn schema() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    json!({
        "type": "object", "additionalProperties": false,
        "required": ["entries", "latest", "total", "accepted", "refused", "counts"],
        "properties": {
            "entries": {"type": "array", "items": entry()},
            "latest": {"type": "integer", "minimum": 0, "description": "The sequence number of the latest request"},
            "total": count, "accepted": count, "refused": count,
            "counts": {"type": "object", "additionalProperties": {"type": "integer"}, "description": "The number of all requests by operation"},
        },
    })
}

fn entry() -> Value {
    let token = json!({
        "type": "object", "additionalProperties": false, "required": ["kind"],
        "properties": {
            "kind": {"type": "string"},
            "header": {"type": "object"}, "claims": {"type": "object"},
        },
    });
    let mut properties = Map::new();
    for (name, description) in OPTIONAL {
        let text = json!({"type": "string", "description": description});
        properties.insert(name.to_owned(), text);
    }
    let others = json!({
        "sequence": {"type": "integer", "minimum": 1},
        "time": {"type": "string", "format": "date-time", "description": "By the emulator's clock"},
        "method": {"type": "string"}, "operation": {"type": "string"}, "service": service(),
        "status": {"type": "integer", "description": "0 if a fault dropped the connection"},
        "outcome": outcome(),
        "received": {"type": "array", "items": token}, "issued": {"type": "array", "items": token},
        "microseconds": {"type": "integer", "minimum": 0},
    });
    if let Value::Object(others) = others {
        properties.extend(others);
    }
    let required = [
        "sequence",
        "time",
        "method",
        "path",
        "operation",
        "service",
        "status",
        "outcome",
        "received",
        "issued",
        "microseconds",
    ];
    json!({
        "type": "object", "additionalProperties": false,
        "required": required, "properties": properties,
    })
}
