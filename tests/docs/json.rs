//! `docs/reference/json.md`, from the JSON Schemas.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::files::{below, read};
use crate::markdown::{code, table};
use crate::schema::{check, resolve};

/// The schemas, in the order of the page.
const ORDER: [&str; 31] = [
    "get",
    "login",
    "status",
    "account-list",
    "user-create",
    "user-delete",
    "token-issue",
    "access-list",
    "access-grant",
    "access-revoke",
    "api",
    "inspect",
    "config-list",
    "profile-list",
    "session-export",
    "session-import",
    "store-migrate",
    "doctor",
    "serve-ready",
    "emulator-ready",
    "emulator-seed",
    "emulator-clock",
    "emulator-verify",
    "emulator-fault",
    "emulator-faults",
    "emulator-env",
    "emulator-ca",
    "emulator-trust",
    "emulator-token",
    "version",
    "error",
];

/// Returns the schemas by their names.
pub(crate) fn schemas() -> BTreeMap<String, Value> {
    let schemas = below("docs/schemas", "json").into_iter().map(|path| {
        let schema =
            serde_json::from_str(&read(&path)).unwrap_or_else(|why| panic!("{path}: {why}"));
        let name = path
            .rsplit('/')
            .next()
            .and_then(|name| name.strip_suffix(".json"));
        (name.expect("a name").to_owned(), schema)
    });
    schemas.collect()
}

pub(crate) fn page() -> String {
    let schemas = schemas();
    let mut page = String::from(
        "# JSON\n\n\
         With `-o json` a command prints one JSON object on standard output, and messages on standard\n\
         error. On a terminal the object is indented; otherwise it is one line. Times are RFC 3339 in\n\
         UTC. The folder `docs/schemas` has a JSON Schema (2020-12) of each object. A test checks\n\
         the output of the commands against the schemas, which allow no other member.\n\n\
         Commands without a result, such as `logout`, `token revoke` and `config set`, print `{}`.\n",
    );
    for name in order(&schemas) {
        page.push_str(&section(name, &schemas[name]));
    }
    page
}

/// Returns the names in the order of the page; names that the order lacks come last.
fn order(schemas: &BTreeMap<String, Value>) -> Vec<&str> {
    let listed = ORDER.into_iter().filter(|name| schemas.contains_key(*name));
    let others = schemas.keys().map(String::as_str);
    listed
        .chain(others.filter(|name| !ORDER.contains(name)))
        .collect()
}

fn section(name: &str, schema: &Value) -> String {
    let title = schema["title"].as_str().expect("a title");
    let description = schema["description"].as_str().expect("a description");
    let mut rows = Vec::new();
    members(schema, schema, "", &mut rows);
    let mut section =
        format!("\n## {title}\n\n{description} Schema: [`{name}.json`](../schemas/{name}.json).\n");
    for example in schema["examples"].as_array().expect("examples") {
        let example = serde_json::to_string_pretty(example).expect("JSON");
        section.push_str(&format!("\n```json\n{example}\n```\n"));
    }
    section.push_str(&format!(
        "\n{}",
        table(["member", "type", "description"], &rows)
    ));
    section
}

/// Collects the members of an object and of the objects in it.
fn members(root: &Value, schema: &Value, path: &str, rows: &mut Vec<[String; 3]>) {
    let schema = resolve(root, schema).expect("a schema");
    let names = schema["properties"].as_object().into_iter().flatten();
    let required = schema["required"].as_array();
    for (name, unresolved) in names {
        let member = resolve(root, unresolved).expect("a schema");
        let is_required = required.is_some_and(|names| names.iter().any(|one| one == name));
        let path = format!("{path}{name}");
        let description = [unresolved, member]
            .into_iter()
            .find_map(|schema| schema["description"].as_str());
        let description = description.unwrap_or_else(|| panic!("{path} has no description"));
        let optional = if is_required { "" } else { "Optional. " };
        rows.push([
            code(&path),
            type_of(member),
            format!("{optional}{description}"),
        ]);
        members(root, member, &format!("{path}."), rows);
        let items = &member["items"];
        if !items.is_null() {
            members(root, items, &format!("{path}[]."), rows);
        }
        for kind in member["anyOf"].as_array().into_iter().flatten() {
            members(root, kind, &format!("{path}."), rows);
        }
        let others = &member["additionalProperties"];
        if others.is_object() {
            members(root, others, &format!("{path}.*."), rows);
        }
    }
    let others = &schema["additionalProperties"];
    if others.is_object() && path.is_empty() {
        members(root, others, "*.", rows);
    }
}

fn type_of(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values
            .iter()
            .map(|value| code(&value.to_string()))
            .collect();
        return values.join(", ");
    }
    if let Some(kinds) = schema["anyOf"].as_array() {
        let kinds: Vec<String> = kinds.iter().map(type_of).collect();
        return kinds.join(", or ");
    }
    let name = match &schema["type"] {
        Value::Array(names) => {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            names.join(" or ")
        }
        name => name.as_str().unwrap_or_default().to_owned(),
    };
    match schema["format"].as_str() {
        Some("date-time") => name.replace("string", "time"),
        _ => name,
    }
}

#[test]
fn every_schema_describes_its_examples_and_closes_every_object() {
    for (name, schema) in schemas() {
        let dialect = "https://json-schema.org/draft/2020-12/schema";
        assert_eq!(schema["$schema"], dialect, "{name}");
        let examples = schema["examples"].as_array().expect("examples");
        assert!(!examples.is_empty(), "{name}");
        for example in examples {
            check(&schema, &schema, example, &name).unwrap_or_else(|why| panic!("{why}"));
        }
        assert_closed(&schema, &name);
    }
}

/// Fails if an object allows members that the schema does not describe, except if it says so.
fn assert_closed(schema: &Value, at: &str) {
    if let Some(members) = schema.as_object() {
        if schema["properties"].is_object() {
            let others = &schema["additionalProperties"];
            assert!(!others.is_null(), "{at}: `additionalProperties` is missing");
        }
        for (name, member) in members.iter().filter(|(name, _)| *name != "examples") {
            assert_closed(member, &format!("{at}/{name}"));
        }
    }
}
