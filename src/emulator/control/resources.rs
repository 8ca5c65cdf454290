//! The ACS resources and their access keys.

use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::route::{Body, Call, Parameter, Refusal, Route, shown};
use super::users::refusal;
use crate::emulator::acs::versions::ALL;
use crate::emulator::changes::{KeyName, ResourceChange};
use crate::emulator::context::{Context, Ports};
use crate::emulator::http::{Reply, without_nulls};
use crate::emulator::options::Options;
use crate::emulator::world::World;
use crate::emulator::world::resource::{AccessKey, Resource, connection_string};

const NAME: &[Parameter] = &[Parameter {
    name: "name",
    description: "The name of the resource",
    schema: || json!({"type": "string", "minLength": 1}),
}];

pub(super) const CHANGE: Route = Route {
    method: Method::PATCH,
    path: "/resources/{name}",
    id: "changeResource",
    summary: "Change a resource: local authentication, limits, revocation delay, API versions",
    description: "The change affects requests that begin later.",
    parameters: NAME,
    body: Body::Required(change),
    success: ("The resource after the change", Some(schema)),
    refusals: &[(409, "A value contradicts another one")],
    handler: patch,
};

pub(super) const REGENERATE: Route = Route {
    method: Method::POST,
    path: "/resources/{name}/keys/regenerate",
    id: "regenerateKey",
    summary: "Replace an access key of a resource by a random one",
    description: "The old key is refused at once. The other key stays valid.",
    parameters: NAME,
    body: Body::Required(which_key),
    success: ("The resource with its new connection strings", Some(schema)),
    refusals: &[],
    handler: regenerate,
};

fn which_key() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["key"],
        "properties": {"key": {"enum": ["primary", "secondary"]}},
    })
}

fn change() -> Value {
    let limit = json!({"type": "integer", "minimum": 0, "maximum": u32::MAX});
    json!({
        "type": "object", "additionalProperties": false, "minProperties": 1,
        "properties": {
            "disableLocalAuth": {"type": "boolean", "description": "Refuses access keys"},
            "revocationDelaySeconds": {"type": "integer", "minimum": 0, "maximum": 86_400, "description": "The time between a revocation and its effect"},
            "limits": {
                "type": ["object", "null"], "additionalProperties": false,
                "description": "The numbers of requests in one window; an absent member is the documented limit, and null is no limit",
                "properties": {
                    "windowSeconds": {"type": "integer", "minimum": 1, "maximum": 86_400},
                    "create": limit, "createWithToken": limit, "issue": limit,
                    "revoke": limit, "delete": limit, "exchange": limit,
                },
            },
            "apiVersions": {
                "type": ["array", "null"], "minItems": 1, "items": {"enum": ALL},
                "description": "The only API versions that the resource supports; null is all",
            },
        },
    })
}

/// Returns the schema of a resource.
pub(super) fn schema() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object", "additionalProperties": false,
        "required": [
            "name", "id", "httpConnectionString", "httpSecondaryConnectionString",
            "disableLocalAuth", "revocationDelaySeconds",
        ],
        "properties": {
            "name": text,
            "id": {"type": "string", "format": "uuid"},
            "connectionString": text, "secondaryConnectionString": text,
            "httpConnectionString": text, "httpSecondaryConnectionString": text,
            "disableLocalAuth": {"type": "boolean"},
            "revocationDelaySeconds": {"type": "integer"},
        },
    })
}

/// Returns all resources.
pub(super) fn all(world: &World, context: &Context) -> Vec<Value> {
    let resources = std::iter::zip(&world.resources, context.ports());
    resources
        .map(|(resource, ports)| one(resource, *ports, &context.options))
        .collect()
}

fn one(resource: &Resource, ports: Ports, options: &Options) -> Value {
    let http = |key: &AccessKey| connection_string(&options.url("http", ports.http), key);
    let https = |key: &AccessKey| {
        let base = options.url("https", ports.https?);
        Some(connection_string(&base, key))
    };
    let keys = &resource.keys;
    without_nulls(json!({
        "name": resource.name,
        "id": resource.id,
        "connectionString": https(&keys.primary),
        "secondaryConnectionString": https(&keys.secondary),
        "httpConnectionString": http(&keys.primary),
        "httpSecondaryConnectionString": http(&keys.secondary),
        "disableLocalAuth": resource.has_no_local_auth,
        "revocationDelaySeconds": resource.revocation_delay.as_secs(),
    }))
}

fn patch(call: &Call<'_>) -> Result<Reply, Refusal> {
    let name = call.text("name");
    let change: ResourceChange = call.read()?;
    let world = call.context().change_resource(name, change);
    let world = world.map_err(|unchanged| refusal(unchanged, "resource", name))?;
    reply(call, &world)
}

#[derive(Deserialize)]
struct WhichKey {
    key: KeyName,
}

fn regenerate(call: &Call<'_>) -> Result<Reply, Refusal> {
    let name = call.text("name");
    let WhichKey { key } = call.read()?;
    let world = call.context().regenerate_key(name, key);
    let world = world.map_err(|unchanged| refusal(unchanged, "resource", name))?;
    reply(call, &world)
}

fn reply(call: &Call<'_>, world: &World) -> Result<Reply, Refusal> {
    let name = call.text("name");
    let all = all(world, call.context());
    shown(&all.iter().find(|resource| resource["name"] == name))
}
