//! The OpenAPI document of the service.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::error::{Error, Result};

/// The document of `acspass serve`.
pub(super) const OPENAPI: &str = include_str!("../../assets/openapi.json");

/// Returns the document of a service for one account, which has no operations of identities and exchanges
/// no Entra token.
///
/// # Errors
/// [`Kind::Internal`](crate::Kind::Internal) if the document is not JSON, which a test excludes.
pub(super) fn of_one_account() -> Result<String> {
    let wrong = |cause| Error::internal("the OpenAPI document is not JSON").caused_by(cause);
    let mut document: Value = serde_json::from_str(OPENAPI).map_err(wrong)?;
    document["info"]["title"] = json!("acspass exec --server");
    if let Some(paths) = document["paths"].as_object_mut() {
        paths.retain(|path, _| !path.starts_with("/identities"));
    }
    let teams_token = &mut document["paths"]["/api/token/teams"]["get"];
    teams_token["description"] = json!("The service exchanges no Entra token of the request.");
    if let Some(operation) = teams_token.as_object_mut() {
        operation.remove("parameters");
    }
    while remove_unused(&mut document) {}
    Ok(document.to_string())
}

/// Removes the components to which nothing refers. Returns whether there was one.
fn remove_unused(document: &mut Value) -> bool {
    let mut used = BTreeSet::new();
    collect_references(document, &mut used);
    let mut is_removed = false;
    let kinds = ["parameters", "requestBodies", "responses", "schemas"];
    for kind in kinds {
        let Some(components) = document["components"][kind].as_object_mut() else {
            continue;
        };
        let before = components.len();
        components.retain(|name, _| used.contains(&format!("#/components/{kind}/{name}")));
        is_removed |= components.len() < before;
    }
    is_removed
}

fn collect_references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str().filter(|_| name == "$ref") {
                    Some(reference) => {
                        found.insert(reference.to_owned());
                    }
                    None => collect_references(member, found),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                collect_references(item, found);
            }
        }
        _ => {}
    }
}
