//! The keys that sign Entra's tokens.

use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::route::{Body, Call, Refusal, Route, shown};
use crate::emulator::http::Reply;

pub(super) const ROTATE: Route = Route {
    method: Method::POST,
    path: "/keys/rotate",
    id: "rotateKeys",
    summary: "Sign Entra's tokens with the next published key",
    description: "The key before it stays in the JWKS, and its tokens stay valid, until the next rotation. With retireOld it is removed at once. Communication tokens are not signed by Entra, and do not change. After four rotations the first key signs again.",
    parameters: &[],
    body: Body::Optional(schema),
    success: (
        "The ids of the published keys, the current one first",
        Some(key_ids),
    ),
    refusals: &[],
    handler: rotate,
};

fn schema() -> Value {
    json!({
        "type": "object", "additionalProperties": false,
        "properties": {"retireOld": {"type": "boolean", "default": false, "description": "Removes the old key from the JWKS, so that its tokens are no longer valid"}},
    })
}

fn key_ids() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["keyIds"],
        "properties": {"keyIds": {"type": "array", "items": {"type": "string"}}},
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    #[serde(default)]
    retire_old: bool,
}

fn rotate(call: &Call<'_>) -> Result<Reply, Refusal> {
    let wanted: Wanted = call.read()?;
    let signer = &call.context().signer;
    signer.rotate(wanted.retire_old);
    shown(&json!({"keyIds": signer.key_ids()}))
}
