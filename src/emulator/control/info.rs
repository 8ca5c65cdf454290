//! The addresses, ids and users of the emulator.

use axum::http::Method;
use serde_json::{Value, json};

use super::route::{Body, Call, Route, shown};
use crate::emulator::context::base;
use crate::emulator::directory::{
    APP_NAME, CLIENT_ID, CONTOSO, FABRIKAM, RESOURCE_ID, SERVICE_APPS, connection_string,
};
use crate::emulator::http::without_nulls;
use crate::emulator::users::everyone;

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
    let http = base("http", "localhost", context.http_port);
    let https = context
        .https_port
        .map(|port| base("https", "localhost", port));
    let uptime = context.options.clock.now().since(context.started);
    let tenants = [&CONTOSO, &FABRIKAM];
    let tenants = tenants.map(|tenant| json!({"id": tenant.id, "domain": tenant.domain}));
    let users = everyone().map(|user| {
        json!({
            "username": user.username,
            "name": user.name,
            "objectId": user.home.oid,
            "tenantId": user.home.directory.id,
            "note": user.note,
        })
    });
    let resource = without_nulls(json!({
        "id": RESOURCE_ID,
        "httpConnectionString": connection_string(&http),
        "connectionString": https.as_deref().map(connection_string),
    }));
    without_nulls(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "ready": true,
        "uptimeSeconds": uptime.as_secs(),
        "now": context.now().to_string(),
        "httpUrl": http,
        "httpsUrl": https,
        "caFile": context.state().ca_file,
        "tenants": tenants,
        "applications": applications(),
        "resources": [resource],
        "users": users.collect::<Vec<_>>(),
    }))
}

fn applications() -> Vec<Value> {
    let first = json!({"clientId": CLIENT_ID, "name": APP_NAME});
    let services = SERVICE_APPS
        .iter()
        .map(|app| json!({"clientId": app.client_id}));
    [first].into_iter().chain(services).collect()
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
        "required": ["version", "ready", "uptimeSeconds", "now", "httpUrl", "tenants", "applications", "resources", "users"],
        "properties": {
            "version": text,
            "ready": {"type": "boolean", "description": "True when the emulator responds"},
            "uptimeSeconds": {"type": "integer", "description": "By the machine's clock"},
            "now": {"type": "string", "format": "date-time", "description": "The emulator's time"},
            "httpUrl": text,
            "httpsUrl": text,
            "caFile": {"type": "string", "description": "The certificate of the authority for httpsUrl"},
            "tenants": list(&["id", "domain"], json!({"id": id, "domain": text})),
            "applications": list(&["clientId"], json!({"clientId": id, "name": text})),
            "resources": list(
                &["id", "httpConnectionString"],
                json!({"id": id, "connectionString": text, "httpConnectionString": text}),
            ),
            "users": list(
                &["username", "name", "objectId", "tenantId", "note"],
                json!({"username": text, "name": text, "objectId": id, "tenantId": id, "note": text}),
            ),
        },
    })
}
