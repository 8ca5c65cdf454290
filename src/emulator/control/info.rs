//! The addresses, ids and users of the emulator.

use axum::http::Method;
use serde_json::{Value, json};

use super::route::{Body, Call, Route, shown};
use super::{resources, users};
use crate::emulator::http::without_nulls;

pub(super) const SHOW: Route = Route {
    method: Method::GET,
    path: "/info",
    id: "getInfo",
    summary: "Show version, addresses, ids and users",
    description: "",
    parameters: &[],
    body: Body::None,
    success: ("The emulator", Some(schema)),
    refusals: &[],
    handler: |call| shown(&info(call)),
};

fn info(call: &Call<'_>) -> Value {
    let context = call.context();
    let world = context.world();
    let ports = context.main_ports();
    let http = context.options.url("http", ports.http);
    let https = ports.https.map(|port| context.options.url("https", port));
    let uptime = context.options.clock.now().since(context.started);
    let tenants = world.tenants.iter();
    let tenants = tenants.map(|tenant| json!({"id": tenant.id, "domain": tenant.domain}));
    let applications = world.applications.iter();
    let applications = applications.map(|app| json!({"clientId": app.client_id, "name": app.name}));
    let fault_seed = context.state().faults.seed;
    without_nulls(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "ready": true,
        "uptimeSeconds": uptime.as_secs(),
        "now": context.now().to_string(),
        "httpUrl": http,
        "httpsUrl": https,
        "caFile": context.state().ca_file,
        "faultSeed": fault_seed,
        "tenants": tenants.collect::<Vec<_>>(),
        "applications": applications.collect::<Vec<_>>(),
        "resources": resources::all(&world, context),
        "users": users::all(&world),
    }))
}

fn schema() -> Value {
    let text = json!({"type": "string"});
    let id = json!({"type": "string", "format": "uuid"});
    let list = |required: &[&str], properties: Value| {
        json!({"type": "array", "items": {
            "type": "object", "additionalProperties": false,
            "required": required, "properties": properties,
        }})
    };
    json!({
        "type": "object", "additionalProperties": false,
        "required": ["version", "ready", "uptimeSeconds", "now", "httpUrl", "faultSeed", "tenants", "applications", "resources", "users"],
        "properties": {
            "version": text,
            "ready": {"type": "boolean", "description": "True when the emulator responds"},
            "uptimeSeconds": {"type": "integer", "description": "By the machine's clock"},
            "now": {"type": "string", "format": "date-time", "description": "The emulator's time"},
            "httpUrl": text,
            "httpsUrl": text,
            "caFile": {"type": "string", "description": "The certificate of the authority for httpsUrl"},
            "faultSeed": {"type": "integer", "description": "The seed of faults with a probability"},
            "tenants": list(&["id", "domain"], json!({"id": id, "domain": text})),
            "applications": list(&["clientId", "name"], json!({"clientId": id, "name": text})),
            "resources": {"type": "array", "items": resources::schema()},
            "users": {"type": "array", "items": users::schema()},
        },
    })
}
