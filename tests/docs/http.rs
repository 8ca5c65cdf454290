//! `docs/reference/serve-http.md`, from the OpenAPI document of the token service.

use serde_json::Value;

use crate::files::read;
use crate::markdown::{code, table};

const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

pub(crate) fn page() -> String {
    let document: Value = serde_json::from_str(&read("assets/openapi.json")).expect("JSON");
    let info = text(&document["info"], "description");
    let mut page = format!(
        "# HTTP routes of serve\n\n{info}\n\n\
         A running service returns the document itself at `GET /openapi.json`.\n\n"
    );
    let paths = document["paths"].as_object().expect("paths");
    let mut rows = Vec::new();
    let mut sections = String::new();
    for (path, item) in paths {
        for method in METHODS {
            let operation = &item[method];
            if operation.is_null() {
                continue;
            }
            let title = format!("{} {path}", method.to_uppercase());
            let anchor = anchor(&title);
            let summary = text(operation, "summary");
            rows.push([format!("[`{title}`](#{anchor})"), summary.to_owned()]);
            sections.push_str(&section(&document, &title, item, operation));
        }
    }
    page.push_str(&table(["route", "purpose"], &rows));
    page.push_str(&sections);
    let failed = &document["components"]["responses"]["Failed"];
    page.push_str("\n## Other responses\n\nThe same for every route, with the member `error`:\n\n");
    page.push_str(&table(
        ["status", "meaning"],
        &statuses(text(failed, "description")),
    ));
    page
}

/// Splits `400 one thing; 408, 413 another` into rows.
fn statuses(description: &str) -> Vec<[String; 2]> {
    let rows = description.split("; ").map(|part| {
        let is_status = |c: char| c.is_ascii_digit() || c == ',' || c == ' ';
        let end = part.find(|c| !is_status(c)).expect("a meaning");
        let (numbers, meaning) = part.split_at(end);
        let meaning = meaning.trim_start_matches([':', ' ']);
        assert!(!numbers.trim().is_empty(), "{part} has no status");
        let numbers = numbers.split(',').map(|number| code(number.trim()));
        [numbers.collect::<Vec<_>>().join(", "), meaning.to_owned()]
    });
    rows.collect()
}

fn anchor(title: &str) -> String {
    let anchors = crate::markdown::anchors(&format!("## {title}\n"));
    anchors.into_iter().next().expect("an anchor")
}

fn section(document: &Value, title: &str, item: &Value, operation: &Value) -> String {
    let mut section = format!("\n## {title}\n\n{}.\n", text(operation, "summary"));
    let description = text(operation, "description");
    if !description.is_empty() {
        section.push_str(&format!("\n{}.\n", description.trim_end_matches('.')));
    }
    if operation["security"].as_array().is_some_and(Vec::is_empty) {
        section.push_str("\nThe route needs no secret.\n");
    }
    let parameters = [&item["parameters"], &operation["parameters"]];
    let parameters = parameters.into_iter().filter_map(Value::as_array).flatten();
    let mut rows: Vec<[String; 3]> = parameters
        .map(|parameter| {
            let parameter = resolve(document, parameter);
            [
                code(text(parameter, "name")),
                text(parameter, "in").to_owned(),
                text(parameter, "description").to_owned(),
            ]
        })
        .collect();
    let body = resolve(document, &operation["requestBody"]);
    let schema = &body["content"]["application/json"]["schema"];
    if !schema.is_null() {
        let schema = resolve(document, schema);
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let place = "JSON body".to_owned();
            rows.push([code(name), place, body_member(member)]);
        }
    }
    if !rows.is_empty() {
        section.push_str(&format!("\n{}", table(["parameter", "in", ""], &rows)));
    }
    let mut rows = Vec::new();
    for (status, response) in operation["responses"].as_object().expect("responses") {
        if status == "default" {
            let others = response["$ref"].as_str().unwrap_or_default();
            assert!(
                others.ends_with("/Failed"),
                "{title} has other responses of its own"
            );
            continue;
        }
        let response = resolve(document, response);
        let schema = &response["content"]["application/json"]["schema"];
        let status = code(status);
        let description = text(response, "description").to_owned();
        rows.push([status, description, members(document, schema)]);
    }
    let rows = table(["status", "meaning", "members of the JSON"], &rows);
    section.push_str(&format!(
        "\n{rows}\nAnd the [other responses](#other-responses).\n"
    ));
    section
}

fn body_member(member: &Value) -> String {
    let kind = text(member, "type");
    let mut parts = vec![kind.to_owned()];
    if let (Some(least), Some(most)) = (member["minimum"].as_i64(), member["maximum"].as_i64()) {
        parts.push(format!("{least} to {most}"));
    }
    if !member["default"].is_null() {
        parts.push(format!("default {}", member["default"]));
    }
    let description = text(member, "description");
    if !description.is_empty() {
        parts.push(description.to_owned());
    }
    parts.join("; ")
}

/// Returns the names of the members of an object.
fn members(document: &Value, schema: &Value) -> String {
    let schema = resolve(document, schema);
    let names = schema["properties"].as_object();
    let names: Vec<String> = names
        .into_iter()
        .flatten()
        .map(|(name, _)| code(name))
        .collect();
    names.join(", ")
}

fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.strip_prefix('#').expect("within the document");
            document
                .pointer(pointer)
                .expect("the reference leads to a value")
        }
        None => value,
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}
