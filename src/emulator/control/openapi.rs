//! The OpenAPI document, made from the table of routes.

use serde_json::{Map, Value, json};

use super::route::{Body, HEADER, Route};
use crate::emulator::http::CONTROL_PREFIX;

const DESCRIPTION: &str = "Reads and changes a running emulator. Each request that changes something needs the header X-Acspass-Emulator: 1. No response allows other web origins. Objects have no members that are not listed here; a request with another member is refused, and the message begins with the member's JSON path. Control requests are not in the journal.";

/// Returns the OpenAPI 3.1 document of these routes.
pub(super) fn document(routes: &[Route]) -> Value {
    let mut paths = Map::new();
    for route in routes {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "acspass emulator",
            "version": "1",
            "description": DESCRIPTION,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": CONTROL_PREFIX}],
        "paths": paths,
        "components": {"schemas": {"Error": error_schema()}},
    })
}

fn error_schema() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["error"],
        "properties": {"error": {
            "type": "object", "additionalProperties": false, "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "description": "A word for programs, such as InvalidRequest"},
                "message": {"type": "string", "description": "A sentence for people"},
            },
        }},
    })
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.summary,
        "parameters": parameters(route),
        "responses": responses(route),
    });
    if !route.description.is_empty() {
        operation["description"] = json!(route.description);
    }
    if let Some(schema) = route.body.schema() {
        operation["requestBody"] = json!({
            "required": matches!(route.body, Body::Required(_)),
            "content": {"application/json": {"schema": schema()}},
        });
    }
    operation
}

fn parameters(route: &Route) -> Vec<Value> {
    let header = route.changes().then(|| {
        json!({
            "name": HEADER.0, "in": "header", "required": true,
            "description": "Proves that no web page sent the request",
            "schema": {"type": "string", "enum": [HEADER.1]},
        })
    });
    let of = |in_path: bool| {
        let parameters = route.parameters(in_path);
        parameters.map(move |parameter| {
            json!({
                "name": parameter.name,
                "in": if in_path { "path" } else { "query" },
                "required": in_path,
                "description": parameter.description,
                "schema": (parameter.schema)(),
            })
        })
    };
    of(true).chain(of(false)).chain(header).collect()
}

/// Returns the responses: of success, of this route, and of every route of its kind.
fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    let (description, schema) = route.success;
    match schema {
        Some(schema) => {
            let content = json!({"application/json": {"schema": schema()}});
            responses.insert(
                "200".into(),
                json!({"description": description, "content": content}),
            );
        }
        None => {
            responses.insert("204".into(), json!({"description": description}));
        }
    }
    let mut refusals = vec![
        (
            400,
            "A parameter or the body does not match its schema; the message has the JSON path",
        ),
        (408, "The body did not arrive within 10 s"),
        (413, "The body is too large or incomplete"),
        (421, "The Host header does not name the emulator"),
    ];
    if route.changes() {
        refusals.push((403, "The header X-Acspass-Emulator is missing"));
    }
    if route.body.schema().is_some() {
        refusals.push((415, "The body is not application/json"));
    }
    if route.parameters(true).next().is_some() {
        refusals.push((404, "The object does not exist"));
    }
    refusals.extend(route.refusals);
    for (status, description) in refusals {
        let schema = json!({"$ref": "#/components/schemas/Error"});
        let content = json!({"application/json": {"schema": schema}});
        let response = json!({"description": description, "content": content});
        responses.insert(status.to_string(), response);
    }
    Value::Object(responses)
}
