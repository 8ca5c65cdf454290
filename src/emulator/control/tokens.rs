//! Forged tokens.

use axum::http::Method;
use serde_json::{Value, json};

use super::route::{Body, Call, Refusal, Route, shown};
use crate::emulator::forge::{ForgedToken, NotForged};
use crate::emulator::http::Reply;

pub(super) const FORGE: Route = Route {
    method: Method::POST,
    path: "/tokens",
    id: "forgeToken",
    summary: "Forge a token with any claims or with a fault",
    description: "Without a fault the token is valid here. Each forged token has the claims emulator and emulatorForged.",
    parameters: &[],
    body: Body::Required(wanted),
    success: ("The token", Some(token)),
    refusals: &[
        (404, "No user or identity has this name"),
        (409, "A scope is not known"),
    ],
    handler: forge,
};

fn wanted() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["kind"],
        "properties": {
            "kind": {"enum": ["entraAccessToken", "idToken", "communicationToken"]},
            "user": {"type": "string", "minLength": 1, "description": "The username of an Entra token's user; without it the first user"},
            "identity": {"type": "string", "minLength": 1, "description": "The id of a Communication token's identity; without it a new identity"},
            "scopes": {"type": "array", "minItems": 1, "maxItems": 50, "items": {"type": "string", "minLength": 1, "maxLength": 200}, "description": "Without it those of the Teams exchange, or chat and voip"},
            "claims": {"type": "object", "additionalProperties": true, "description": "Claims that replace those of the token; null removes one"},
            "expired": {"type": "boolean", "default": false, "description": "The token expired one minute ago"},
            "wrongAudience": {"type": "boolean", "default": false, "description": "The audience is another API, or the resource another one"},
            "signature": {"enum": ["none", "bad", "otherKey"], "default": "none", "description": "The fault of the signature: none, a wrong bit, or a key that is not published"},
        },
    })
}

fn token() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["token"],
        "properties": {"token": {"type": "string"}},
    })
}

fn forge(call: &Call<'_>) -> Result<Reply, Refusal> {
    let wanted: ForgedToken = call.read()?;
    let token = call.context().forge(&call.request.base, wanted);
    let token = token.map_err(|error| match error {
        NotForged::UnknownUser(name) => Refusal::unknown("user", &name),
        NotForged::UnknownIdentity => Refusal::new(404, "NotFound", "The identity does not exist."),
        NotForged::Scope => Refusal::new(409, "Conflict", "A scope is not known."),
    })?;
    shown(&json!({"token": token}))
}
