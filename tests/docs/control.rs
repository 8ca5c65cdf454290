//! `docs/reference/emulator-api.md`, from the OpenAPI document of the control API.

use acspass::emulator::Emulator;
use serde_json::Value;

use crate::markdown::{anchors, code, table};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// The statuses that every route can have, which are listed once.
const COMMON: [&str; 5] = ["400", "403", "408", "413", "421"];

pub(crate) fn page() -> String {
    let document = Emulator::control_api();
    let description = text(&document["info"], "description");
    let base = text(&document["servers"][0], "url");
    let mut page = format!(
        "# Control API of the emulator\n\n{description}\n\n\
         The paths are below `{base}`. A running emulator returns the OpenAPI document at\n\
         `GET {base}/openapi.json`. An error is `{{\"error\": {{\"code\": …, \"message\": …}}}}`.\n\n"
    );
    let mut rows = Vec::new();
    let mut sections = String::new();
    let mut common = std::collections::BTreeMap::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in METHODS {
            let operation = &item[method];
            if operation.is_null() {
                continue;
            }
            let title = format!("{} {path}", method.to_uppercase());
            let anchor = anchors(&format!("## {title}\n")).into_iter().next();
            let anchor = anchor.expect("an anchor");
            rows.push([
                format!("[`{title}`](#{anchor})"),
                text(operation, "summary").to_owned(),
            ]);
            sections.push_str(&section(&title, operation));
            for (status, response) in operation["responses"].as_object().expect("responses") {
                if COMMON.contains(&status.as_str()) {
                    common.insert(status.clone(), text(response, "description").to_owned());
                }
            }
        }
    }
    page.push_str(&table(["route", "purpose"], &rows));
    page.push_str(&sections);
    page.push_str("\n## Statuses of every route\n\n");
    let common = common
        .into_iter()
        .map(|(status, meaning)| [code(&status), meaning]);
    page.push_str(&table(["status", "meaning"], &common.collect::<Vec<_>>()));
    page
}

fn section(title: &str, operation: &Value) -> String {
    let mut section = format!("\n## {title}\n\n{}.\n", text(operation, "summary"));
    let description = text(operation, "description");
    if !description.is_empty() {
        section.push_str(&format!("\n{description}\n"));
    }
    let mut rows = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let place = text(parameter, "in");
        if place != "header" {
            let name = code(text(parameter, "name"));
            let described = described(&parameter["schema"], text(parameter, "description"));
            rows.push([name, place.to_owned(), described]);
        }
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    for (name, member) in body["properties"].as_object().into_iter().flatten() {
        let described = described(member, text(member, "description"));
        rows.push([code(name), "body".to_owned(), described]);
    }
    if !rows.is_empty() {
        section.push_str(&format!("\n{}", table(["parameter", "in", ""], &rows)));
    }
    let responses = operation["responses"].as_object().expect("responses");
    let own = responses
        .iter()
        .filter(|(status, _)| !COMMON.contains(&status.as_str()));
    let rows = own.map(|(status, response)| {
        let schema = &response["content"]["application/json"]["schema"];
        let members = schema["properties"].as_object().into_iter().flatten();
        let members: Vec<String> = members.map(|(name, _)| code(name)).collect();
        [
            code(status),
            text(response, "description").to_owned(),
            members.join(", "),
        ]
    });
    let rows = table(
        ["status", "meaning", "members of the JSON"],
        &rows.collect::<Vec<_>>(),
    );
    section.push_str(&format!("\n{rows}"));
    section
}

/// Returns type, limits and description of a value.
fn described(schema: &Value, description: &str) -> String {
    let mut parts = Vec::new();
    match &schema["type"] {
        Value::String(kind) => parts.push(kind.clone()),
        Value::Array(kinds) => {
            let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
            parts.push(kinds.join(" or "));
        }
        _ => {}
    }
    let values = schema["enum"].as_array().into_iter().flatten();
    let values: Vec<String> = values
        .map(|value| code(value.as_str().unwrap_or(&value.to_string())))
        .collect();
    if !values.is_empty() {
        parts.push(values.join(", "));
    }
    if let (Some(least), Some(most)) = (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        parts.push(format!("{least} to {most}"));
    }
    if !description.is_empty() {
        parts.push(description.to_owned());
    }
    parts.join("; ")
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}
