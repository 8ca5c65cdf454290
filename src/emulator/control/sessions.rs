//! The sessions of users: their refresh tokens.

use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::route::{Body, Call, Refusal, Route, done};
use crate::emulator::http::Reply;

pub(super) const REVOKE: Route = Route {
    method: Method::POST,
    path: "/sessions/revoke",
    id: "revokeSessions",
    summary: "Revoke the refresh tokens of all users, or of one",
    description: "A later renewal is refused as after a change of the password (AADSTS50173).",
    parameters: &[],
    body: Body::Optional(schema),
    success: ("The sessions are revoked", None),
    refusals: &[(404, "No user has this name")],
    handler: revoke,
};

fn schema() -> Value {
    json!({
        "type": "object", "additionalProperties": false,
        "properties": {"user": {"type": "string", "minLength": 1, "description": "A username; without it all users"}},
    })
}

#[derive(Deserialize)]
struct Wanted {
    user: Option<String>,
}

fn revoke(call: &Call<'_>) -> Result<Reply, Refusal> {
    let wanted: Wanted = call.read()?;
    let context = call.context();
    match wanted.user {
        None => context.state().sessions.revoke(None),
        Some(user) if context.revoke_sessions_of(&user) => {}
        Some(user) => return Err(Refusal::unknown("user", &user)),
    }
    done()
}
