//! The faults of the services.

use axum::http::Method;
use serde_json::{Value, json};

use super::route::{Body, Call, Parameter, Refusal, Route, done, shown};
use crate::emulator::faults::catalogue::row::NamedFault;
use crate::emulator::faults::route::Route as At;
use crate::emulator::faults::selection::FaultSelection;
use crate::emulator::http::Reply;

pub(super) const SHOW: Route = Route {
    method: Method::GET,
    path: "/faults",
    id: "getFaults",
    summary: "List the faults that are left, the seed, and the catalogue",
    description: "",
    parameters: &[],
    body: Body::None,
    success: ("The faults", Some(schema)),
    refusals: &[],
    handler: |call| shown(&faults(call)),
};

pub(super) const ADD: Route = Route {
    method: Method::POST,
    path: "/faults",
    id: "addFault",
    summary: "Add a fault of the catalogue",
    description: "It affects the next request of its routes, unless `times` or `probability` is set. \
                  Without `route` it affects each route that can have it.",
    parameters: &[],
    body: Body::Required(selection),
    success: ("The id of the fault", Some(added)),
    refusals: &[(
        409,
        "A member contradicts the fault or another member, or the user or the resource does not exist",
    )],
    handler: add,
};

pub(super) const CLEAR: Route = Route {
    method: Method::DELETE,
    path: "/faults",
    id: "clearFaults",
    summary: "Delete all faults",
    description: "Ids and random numbers begin again.",
    parameters: &[],
    body: Body::None,
    success: ("No fault is left", None),
    refusals: &[],
    handler: |call| {
        call.context().state().faults.clear();
        done()
    },
};

pub(super) const REMOVE: Route = Route {
    method: Method::DELETE,
    path: "/faults/{id}",
    id: "removeFault",
    summary: "Delete one fault",
    description: "",
    parameters: &[Parameter {
        name: "id",
        description: "The id of the fault",
        schema: || json!({"type": "string", "minLength": 1}),
    }],
    body: Body::None,
    success: ("The fault is deleted", None),
    refusals: &[(404, "No fault has this id")],
    handler: remove,
};

fn faults(call: &Call<'_>) -> Value {
    let state = call.context().state();
    let catalogue: Vec<Value> = NamedFault::all().map(NamedFault::to_json).collect();
    json!({
        "seed": state.faults.seed,
        "faults": state.faults.to_json(),
        "catalogue": catalogue,
    })
}

fn add(call: &Call<'_>) -> Result<Reply, Refusal> {
    let wanted: FaultSelection = call.read()?;
    let added = call.context().select_fault(wanted);
    let id = added.map_err(|wrong| {
        let message = format!("$.{}: {}", wrong.field, wrong.message);
        Refusal::new(409, "Conflict", message)
    })?;
    shown(&json!({"id": id}))
}

fn remove(call: &Call<'_>) -> Result<Reply, Refusal> {
    let text = call.text("id");
    let id = text.parse();
    match id.is_ok_and(|id| call.context().state().faults.remove(id)) {
        true => done(),
        false => Err(Refusal::unknown("fault", text)),
    }
}

fn selection() -> Value {
    let names: Vec<&str> = NamedFault::all().map(|fault| fault.name).collect();
    let text =
        |description: &str| json!({"type": "string", "minLength": 1, "description": description});
    json!({
        "type": "object", "additionalProperties": false, "required": ["name"],
        "properties": {
            "name": {"type": "string", "enum": names, "description": "The fault's name in the catalogue"},
            "route": {"type": "string", "enum": At::ALL, "description": "One of the fault's routes"},
            "times": {"type": "integer", "minimum": 1, "maximum": u32::MAX, "description": "The number of requests; 1 by default"},
            "probability": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "description": "The probability for each request, above 0; excludes `times`"},
            "user": text("A username or an object id"),
            "clientId": text("An application id"),
            "resource": text("The name or id of an ACS resource"),
            "parameters": {
                "type": "object", "additionalProperties": true,
                "description": "The fault's parameters by name",
                "examples": [{"milliseconds": 500}],
            },
        },
    })
}

fn added() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["id"],
        "properties": {"id": {"type": "integer"}},
    })
}

fn schema() -> Value {
    let list = json!({"type": "array", "items": {"type": "object", "additionalProperties": true}});
    json!({
        "type": "object", "additionalProperties": false,
        "required": ["seed", "faults", "catalogue"],
        "properties": {
            "seed": {"type": "integer", "description": "The seed of the random numbers"},
            "faults": list,
            "catalogue": list,
        },
    })
}
