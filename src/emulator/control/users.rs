//! The users.

use axum::http::Method;
use serde_json::{Value, json};

use super::route::{Body, Call, Parameter, Refusal, Route, shown};
use crate::emulator::changes::{Unchanged, UserChange};
use crate::emulator::http::{Reply, without_nulls};
use crate::emulator::seed::model::Simulated;
use crate::emulator::world::World;
use crate::emulator::world::requirement::CONDITIONS;

pub(super) const CHANGE: Route = Route {
    method: Method::PATCH,
    path: "/users/{name}",
    id: "changeUser",
    summary: "Change a user: licence, simulated condition, display name",
    description: "A simulated condition is one that a user of the published seed has, such as disabled or mfa. Without one, the sign-in succeeds. The change affects requests that begin later.",
    parameters: &[Parameter {
        name: "name",
        description: "The username, in any case",
        schema: || json!({"type": "string", "minLength": 1}),
    }],
    body: Body::Required(change),
    success: ("The user after the change", Some(schema)),
    refusals: &[],
    handler: patch,
};

fn change() -> Value {
    let conditions = CONDITIONS.keys().map(|name| json!(name));
    let conditions: Vec<Value> = conditions.chain([Value::Null]).collect();
    json!({
        "type": "object", "additionalProperties": false, "minProperties": 1,
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 256, "description": "The display name"},
            "teamsLicence": {"type": "boolean", "description": "Whether a Teams service plan is assigned"},
            "simulate": {"enum": conditions, "description": "The simulated condition; null is none"},
        },
    })
}

/// Returns the schema of a user.
pub(super) fn schema() -> Value {
    let text = json!({"type": "string"});
    let id = json!({"type": "string", "format": "uuid"});
    json!({
        "type": "object", "additionalProperties": false,
        "required": ["username", "name", "objectId", "tenantId", "teamsLicence", "note"],
        "properties": {
            "username": text, "name": text, "objectId": id, "tenantId": id,
            "teamsLicence": {"type": "boolean"},
            "simulate": {"type": "string", "description": "The simulated condition"},
            "note": {"type": "string", "description": "A description of the condition"},
        },
    })
}

/// Returns all users.
pub(super) fn all(world: &World) -> Vec<Value> {
    let seeds = world.seed.users.iter().flatten();
    let users = std::iter::zip(&world.users, seeds);
    let users = users.map(|(user, seed)| {
        let simulated = match &seed.simulate {
            Some(Simulated::Named(name)) => Some(name.as_str()),
            Some(Simulated::Error(_)) => Some("error"),
            None => None,
        };
        without_nulls(json!({
            "username": user.username,
            "name": user.name,
            "objectId": user.home.oid,
            "tenantId": user.home.tenant.id,
            "teamsLicence": user.has_teams_licence,
            "simulate": simulated,
            "note": user.note,
        }))
    });
    users.collect()
}

fn patch(call: &Call<'_>) -> Result<Reply, Refusal> {
    let name = call.text("name");
    let change: UserChange = call.read()?;
    let world = call.context().change_user(name, change);
    let world = world.map_err(|unchanged| refusal(unchanged, "user", name))?;
    let is_it = |user: &&Value| {
        user["username"]
            .as_str()
            .is_some_and(|own| own.eq_ignore_ascii_case(name))
    };
    shown(&all(&world).iter().find(is_it))
}

/// Returns the refusal of a change.
pub(super) fn refusal(unchanged: Unchanged, kind: &str, name: &str) -> Refusal {
    match unchanged {
        Unchanged::Unknown => Refusal::unknown(kind, name),
        Unchanged::Invalid(invalid) => {
            let message = format!("{}: {}", invalid.path, invalid.message);
            Refusal::new(409, "Conflict", message)
        }
    }
}
