//! The durable state as a whole.

use axum::http::Method;
use serde_json::{Value, json};

use super::route::{Body, Call, Refusal, Route, done, shown};
use crate::emulator::http::Reply;
use crate::emulator::snapshot::{Snapshot, VERSION};

pub(super) const SHOW: Route = Route {
    method: Method::GET,
    path: "/snapshot",
    id: "getSnapshot",
    summary: "Show the durable state",
    description: "It has the data of the services, the identities with the validity of their tokens, assignments, consents, sessions, the clock, the keys and the life of tokens. Authorization codes, device codes, faults and the journal are no part of it.",
    parameters: &[],
    body: Body::None,
    success: ("The snapshot", Some(schema)),
    refusals: &[],
    handler: |call| shown(&call.context().snapshot()),
};

pub(super) const RESTORE: Route = Route {
    method: Method::PUT,
    path: "/snapshot",
    id: "restoreSnapshot",
    summary: "Replace the durable state, completely or not at all",
    description: "Pending authorization codes and device codes end. Faults and the journal remain. The number of resources cannot change.",
    parameters: &[],
    body: Body::Required(schema),
    success: ("The state is that of the snapshot", None),
    refusals: &[(
        409,
        "A value contradicts another one, or the number of resources differs",
    )],
    handler: restore,
};

fn restore(call: &Call<'_>) -> Result<Reply, Refusal> {
    let conflict =
        |path: &str, message: &str| Refusal::new(409, "Conflict", format!("$.{path}: {message}"));
    let snapshot = Snapshot::read(&call.body.to_string())
        .map_err(|path| conflict(&path, "the value has a wrong type or form"))?;
    let restored = call.context().restore(snapshot);
    restored.map_err(|wrong| conflict(&wrong.path, &wrong.message))?;
    done()
}

/// The largest number that JSON and JavaScript keep exactly.
const MAX_COUNT: u64 = 9_007_199_254_740_991;

fn schema() -> Value {
    let text = json!({"type": "string"});
    let texts = json!({"type": "array", "items": text});
    let count = json!({"type": "integer", "minimum": 0, "maximum": MAX_COUNT});
    let time = json!({"type": ["integer", "null"], "minimum": -MAX_COUNT.cast_signed(), "maximum": MAX_COUNT});
    let object = |required: &[&str], properties: Value| {
        json!({
            "type": "object", "additionalProperties": false,
            "required": required, "properties": properties,
        })
    };
    let identity = object(
        &["name"],
        json!({
            "name": text, "revoked": count, "deleted": {"type": "boolean"},
            "customId": text,
            "lastIssued": {"type": "integer", "minimum": 0, "maximum": MAX_COUNT},
        }),
    );
    let identities = json!({"type": "array", "items": identity});
    let revocation = object(
        &["name", "begins", "serial"],
        json!({
            "name": text, "serial": count,
            "begins": {"type": "integer", "minimum": 0, "maximum": MAX_COUNT},
        }),
    );
    let identities = object(
        &["issued", "issuedBy", "created", "exchanged"],
        json!({
            "issued": count, "created": identities, "exchanged": identities,
            "issuedBy": {"type": "object", "additionalProperties": count},
            "scheduled": {"type": "array", "items": revocation},
        }),
    );
    let assignment = object(
        &[
            "exchange",
            "objectId",
            "tenantId",
            "principalType",
            "clientIds",
        ],
        json!({
            "exchange": {"enum": ["entra", "teamsExtension"]},
            "objectId": text, "tenantId": text, "principalType": text, "clientIds": texts,
        }),
    );
    let resource = object(
        &["identities", "assignments"],
        json!({"identities": identities, "assignments": {"type": "array", "items": assignment}}),
    );
    let sessions = object(
        &[
            "allRevoked",
            "revokedUsers",
            "open",
            "reused",
            "usedTokens",
            "retired",
        ],
        json!({
            "allRevoked": {"type": "boolean"}, "revokedUsers": texts, "reused": texts,
            "usedTokens": texts, "retired": texts, "open": {"type": "object", "additionalProperties": text},
        }),
    );
    let consents = json!({"type": "array", "items": {
        "type": "array", "items": text, "minItems": 3, "maxItems": 3,
    }});
    let mut schema = object(
        &[
            "version",
            "world",
            "clock",
            "keys",
            "tokenLifeSeconds",
            "withheldScopes",
            "idTokenClaims",
            "consents",
            "sessions",
            "resources",
        ],
        json!({
            "version": {"const": VERSION},
            "world": {"type": "object", "additionalProperties": true, "description": "The data of the services, in the form of a seed"},
            "clock": object(
                &["offsetSeconds"],
                json!({
                    "offsetSeconds": {"type": "integer", "minimum": -MAX_COUNT.cast_signed(), "maximum": MAX_COUNT},
                    "frozenAt": time,
                }),
            ),
            "keys": object(
                &["current"],
                json!({
                    "current": {"type": "integer", "minimum": 0, "maximum": 3},
                    "previous": {"type": ["integer", "null"], "minimum": 0, "maximum": 3},
                }),
            ),
            "tokenLifeSeconds": count,
            "withheldScopes": texts,
            "idTokenClaims": {"type": "object", "additionalProperties": true},
            "accessRevoked": time,
            "consents": consents,
            "sessions": sessions,
            "resources": {"type": "array", "items": resource},
        }),
    );
    schema["description"] = json!("The durable state of an emulator");
    schema
}
