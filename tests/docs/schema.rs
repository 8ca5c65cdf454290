//! Checks values against JSON Schemas. It knows the keywords that this repository's schemas use, and
//! fails on any other: a keyword that nothing checks would be no promise.

use serde_json::Value;

/// Checks a value against a schema; `root` is the document that references lead into. The error
/// names the place.
pub(crate) fn check(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let schema = resolve(root, schema)?;
    let object = schema.as_object().ok_or(format!("{at}: no schema"))?;
    for (keyword, said) in object {
        let list = || said.as_array().into_iter().flatten();
        let holds = match keyword.as_str() {
            "type" => is_of(said, value)?,
            "const" => said == value,
            "enum" => list().any(|one| one == value),
            "minimum" => value.as_f64() >= said.as_f64(),
            "minItems" => value
                .as_array()
                .is_none_or(|items| Some(items.len() as u64) >= said.as_u64()),
            "pattern" => match value.as_str() {
                Some(text) => matches(said.as_str().unwrap_or_default(), text)?,
                None => true,
            },
            "required" => value.as_object().is_none_or(|members| {
                list().all(|name| members.contains_key(name.as_str().unwrap_or_default()))
            }),
            "additionalProperties" => {
                for (name, member) in value.as_object().into_iter().flatten() {
                    let is_known = !schema["properties"][name].is_null();
                    if !is_known && said == &Value::Bool(false) {
                        return Err(format!("{at}: unknown member `{name}`"));
                    }
                    if !is_known && said.is_object() {
                        check(root, said, member, &format!("{at}.{name}"))?;
                    }
                }
                true
            }
            "properties" => {
                for (name, schema) in said.as_object().into_iter().flatten() {
                    if let Some(member) = value.get(name) {
                        check(root, schema, member, &format!("{at}.{name}"))?;
                    }
                }
                true
            }
            "items" => {
                for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, said, item, &format!("{at}[{place}]"))?;
                }
                true
            }
            "allOf" => {
                for schema in list() {
                    check(root, schema, value, at)?;
                }
                true
            }
            "anyOf" => {
                let mut outcomes = list().map(|schema| check(root, schema, value, at));
                outcomes.any(|outcome| outcome.is_ok())
            }
            "format" if said == "date-time" => value
                .as_str()
                .is_none_or(|text| acspass::time::Timestamp::parse_rfc3339(text).is_some()),
            "$schema" | "$defs" | "title" | "description" | "examples" | "default" => true,
            other => return Err(format!("{at}: `{other}` is not checked by anything")),
        };
        if !holds {
            return Err(format!(
                "{at}: {value} does not satisfy `{keyword}`: {said}"
            ));
        }
    }
    Ok(())
}

/// Follows a reference within the document.
pub(crate) fn resolve<'s>(root: &'s Value, schema: &'s Value) -> Result<&'s Value, String> {
    let Some(reference) = schema["$ref"].as_str() else {
        return Ok(schema);
    };
    let target = reference
        .strip_prefix('#')
        .and_then(|path| root.pointer(path));
    target.ok_or(format!("{reference} leads nowhere"))
}

fn is_of(types: &Value, value: &Value) -> Result<bool, String> {
    let is_one = |name: &Value| {
        Ok(match name.as_str().unwrap_or_default() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_u64() || value.is_i64(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            other => return Err(format!("`{other}` is no type")),
        })
    };
    match types {
        Value::Array(types) => types
            .iter()
            .map(is_one)
            .try_fold(false, |any, one| Ok(any || one?)),
        name => is_one(name),
    }
}

/// A pattern is a start (`^8:`) or an end (`Z$`).
fn matches(pattern: &str, text: &str) -> Result<bool, String> {
    match (pattern.strip_prefix('^'), pattern.strip_suffix('$')) {
        (Some(start), None) => Ok(text.starts_with(start)),
        (None, Some(end)) => Ok(text.ends_with(end)),
        _ => Err(format!("`{pattern}` is a pattern that nothing checks")),
    }
}

#[test]
fn values_that_do_not_fit_are_refused() {
    let root = serde_json::json!({
        "type": "object", "additionalProperties": false, "required": ["id"],
        "properties": {
            "id": {"type": "string", "pattern": "^8:"},
            "at": {"$ref": "#/$defs/time"},
            "list": {"type": "array", "minItems": 1, "items": {"enum": ["a", null]}},
        },
        "$defs": {"time": {"type": ["string", "null"], "format": "date-time", "pattern": "Z$"}},
    });
    let fits = |value: Value| check(&root, &root, &value, "x");
    for right in [
        serde_json::json!({"id": "8:acs"}),
        serde_json::json!({"id": "8:acs", "at": null, "list": ["a", null]}),
        serde_json::json!({"id": "8:acs", "at": "2026-01-01T00:00:00Z"}),
    ] {
        assert_eq!(fits(right.clone()), Ok(()), "{right}");
    }
    for wrong in [
        serde_json::json!([]),
        serde_json::json!({}),
        serde_json::json!({"id": "7:acs"}),
        serde_json::json!({"id": 8}),
        serde_json::json!({"id": "8:acs", "more": 1}),
        serde_json::json!({"id": "8:acs", "at": "soon Z"}),
        serde_json::json!({"id": "8:acs", "at": 1}),
        serde_json::json!({"id": "8:acs", "list": []}),
        serde_json::json!({"id": "8:acs", "list": ["b"]}),
    ] {
        assert!(fits(wrong.clone()).is_err(), "{wrong}");
    }
    for unknown in [
        serde_json::json!({"oneOf": []}),
        serde_json::json!({"$ref": "#/nowhere"}),
        serde_json::json!({"type": "number"}),
    ] {
        assert!(check(&unknown, &unknown, &Value::Null, "x").is_err());
    }
}
