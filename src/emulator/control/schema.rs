//! Checks JSON against a schema, with the keywords that the control API's schemas use. The OpenAPI
//! document publishes the same schemas.

use serde_json::{Map, Number, Value};

use crate::text::quoted;
use crate::time::Timestamp;

/// A difference from the schema.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// The JSON path of the value, which begins with `$`.
    pub(super) path: String,
    pub(super) text: String,
}

fn problem(path: &str, text: impl Into<String>) -> Result<(), Problem> {
    Err(Problem {
        path: path.to_owned(),
        text: text.into(),
    })
}

/// The keywords that [`check`] applies. `description`, `examples` and `default` have no effect.
#[cfg(test)]
pub(super) const KEYWORDS: [&str; 19] = [
    "type",
    "enum",
    "const",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "minLength",
    "maxLength",
    "format",
    "items",
    "minItems",
    "maxItems",
    "properties",
    "required",
    "additionalProperties",
    "minProperties",
    "description",
    "examples",
    "default",
];

/// Checks a value. A number like `1.0` becomes `1` if the schema requires an integer.
pub(super) fn check(schema: &Value, value: &mut Value, path: &str) -> Result<(), Problem> {
    check_type(&schema["type"], value, path)?;
    let is_listed = schema["enum"]
        .as_array()
        .is_none_or(|list| list.contains(value));
    if !is_listed {
        return problem(path, format!("must be one of {}", listed(&schema["enum"])));
    }
    if let Some(only) = schema.get("const").filter(|only| *only != value) {
        return problem(path, format!("must be {only}"));
    }
    match value {
        Value::Number(number) => check_number(schema, number, path),
        Value::String(text) => check_text(schema, text, path),
        Value::Array(items) => check_items(schema, items, path),
        Value::Object(members) => check_members(schema, members, path),
        Value::Null | Value::Bool(_) => Ok(()),
    }
}

fn listed(values: &Value) -> String {
    let values = values.as_array().into_iter().flatten();
    let values: Vec<String> = values.map(Value::to_string).collect();
    values.join(", ")
}

fn check_type(types: &Value, value: &mut Value, path: &str) -> Result<(), Problem> {
    let types = match types {
        Value::Null => return Ok(()),
        Value::Array(types) => types.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut names = types.iter().filter_map(Value::as_str);
    match names.any(|name| is_of_type(name, value)) {
        true => Ok(()),
        false => {
            let names: Vec<&str> = types.iter().filter_map(Value::as_str).collect();
            problem(path, format!("must be of type {}", names.join(" or ")))
        }
    }
}

fn is_of_type(name: &str, value: &mut Value) -> bool {
    if name == "integer"
        && let Some(whole) = whole(value)
    {
        *value = Value::from(whole);
    }
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

/// Returns the integer that a number with a fraction of zero is equal to (JSON Schema, 6.1.1).
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn whole(value: &Value) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = value.as_f64().filter(|_| value.is_f64())?;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

fn check_number(schema: &Value, number: &Number, path: &str) -> Result<(), Problem> {
    let number = number.as_f64().unwrap_or(f64::NAN);
    if let Some(least) = schema["minimum"].as_f64().filter(|least| number < *least) {
        return problem(path, format!("must be at least {least}"));
    }
    let above = schema["exclusiveMinimum"].as_f64();
    if let Some(above) = above.filter(|above| number <= *above) {
        return problem(path, format!("must be above {above}"));
    }
    match schema["maximum"].as_f64().filter(|most| number > *most) {
        Some(most) => problem(path, format!("must be at most {most}")),
        None => Ok(()),
    }
}

fn check_text(schema: &Value, text: &str, path: &str) -> Result<(), Problem> {
    check_count(
        schema,
        ["minLength", "maxLength"],
        text.chars().count(),
        path,
        "characters",
    )?;
    match schema["format"].as_str() {
        Some("date-time") if Timestamp::parse_rfc3339(text).is_none() => {
            let latest = Timestamp::END;
            let text =
                format!("must be a time of RFC 3339 until {latest}, like 2026-01-31T12:00:00Z");
            problem(path, text)
        }
        Some("uuid") if !crate::emulator::verify::is_guid(text) => problem(path, "must be a GUID"),
        _ => Ok(()),
    }
}

fn check_items(schema: &Value, items: &mut [Value], path: &str) -> Result<(), Problem> {
    check_count(schema, ["minItems", "maxItems"], items.len(), path, "items")?;
    if let Some(of_item) = schema.get("items") {
        for (index, item) in items.iter_mut().enumerate() {
            check(of_item, item, &format!("{path}[{index}]"))?;
        }
    }
    Ok(())
}

fn check_members(
    schema: &Value,
    members: &mut Map<String, Value>,
    path: &str,
) -> Result<(), Problem> {
    check_count(
        schema,
        ["minProperties", ""],
        members.len(),
        path,
        "members",
    )?;
    let required = schema["required"].as_array().into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !members.contains_key(name) {
            return problem(path, format!("lacks the member {}", quoted(name)));
        }
    }
    for (name, value) in members {
        let inner = format!("{path}.{}", crate::text::one_line(name, 60));
        let known = schema["properties"].get(name);
        match known.or(schema.get("additionalProperties")) {
            Some(Value::Bool(false)) => return problem(&inner, "is not a member of this object"),
            Some(Value::Bool(true)) | None => {}
            Some(of_member) => check(of_member, value, &inner)?,
        }
    }
    Ok(())
}

fn check_count(
    schema: &Value,
    [least, most]: [&str; 2],
    count: usize,
    path: &str,
    unit: &str,
) -> Result<(), Problem> {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    if let Some(least) = schema[least].as_u64().filter(|least| count < *least) {
        return problem(path, format!("must have at least {least} {unit}"));
    }
    match schema[most].as_u64().filter(|most| count > *most) {
        Some(most) => problem(path, format!("must have at most {most} {unit}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(schema: &Value, mut value: Value) -> Result<Value, String> {
        let outcome = check(schema, &mut value, "$");
        outcome.map_err(|problem| format!("{}: {}", problem.path, problem.text))?;
        Ok(value)
    }

    #[test]
    fn each_keyword_refuses_a_value_and_names_its_path() {
        for (schema, wrong, right, text) in [
            (
                json!({"type": "string"}),
                json!(1),
                json!("1"),
                "$: must be of type string",
            ),
            (
                json!({"type": ["string", "null"]}),
                json!(1),
                json!(null),
                "$: must be of type string or null",
            ),
            (
                json!({"type": "integer"}),
                json!(1.5),
                json!(2),
                "$: must be of type integer",
            ),
            (
                json!({"enum": ["a", "b"]}),
                json!("c"),
                json!("b"),
                "$: must be one of \"a\", \"b\"",
            ),
            (json!({"const": 1}), json!(2), json!(1), "$: must be 1"),
            (
                json!({"minimum": 1}),
                json!(0),
                json!(1),
                "$: must be at least 1",
            ),
            (
                json!({"exclusiveMinimum": 1}),
                json!(1),
                json!(2),
                "$: must be above 1",
            ),
            (
                json!({"maximum": 1}),
                json!(2),
                json!(1),
                "$: must be at most 1",
            ),
            (
                json!({"minLength": 1}),
                json!(""),
                json!("ü"),
                "$: must have at least 1 characters",
            ),
            (
                json!({"maxLength": 1}),
                json!("ab"),
                json!("ü"),
                "$: must have at most 1 characters",
            ),
            (
                json!({"format": "uuid"}),
                json!("x"),
                json!("ac5ba55e-7e4a-4000-8000-000000000001"),
                "$: must be a GUID",
            ),
            (
                json!({"format": "date-time"}),
                json!("x"),
                json!("2026-01-31T12:00:00Z"),
                "$: must be a time of RFC 3339 until 9999-12-30T22:00:00Z, like 2026-01-31T12:00:00Z",
            ),
            (
                json!({"minItems": 1}),
                json!([]),
                json!([1]),
                "$: must have at least 1 items",
            ),
            (
                json!({"maxItems": 1}),
                json!([1, 2]),
                json!([1]),
                "$: must have at most 1 items",
            ),
            (
                json!({"items": {"type": "null"}}),
                json!([null, 1]),
                json!([null]),
                "$[1]: must be of type null",
            ),
            (
                json!({"required": ["a"]}),
                json!({}),
                json!({"a": 1}),
                "$: lacks the member `a`",
            ),
            (
                json!({"minProperties": 1}),
                json!({}),
                json!({"a": 1}),
                "$: must have at least 1 members",
            ),
            (
                json!({"properties": {"a": {"properties": {"b": {"type": "null"}}}}}),
                json!({"a": {"b": 1}}),
                json!({"a": {"b": null}}),
                "$.a.b: must be of type null",
            ),
            (
                json!({"additionalProperties": false}),
                json!({"a": 1}),
                json!({}),
                "$.a: is not a member of this object",
            ),
            (
                json!({"additionalProperties": {"type": "null"}}),
                json!({"a": 1}),
                json!({"a": null}),
                "$.a: must be of type null",
            ),
        ] {
            assert_eq!(checked(&schema, wrong), Err(text.to_owned()), "{schema}");
            assert!(checked(&schema, right).is_ok(), "{schema}");
        }
    }

    #[test]
    fn a_whole_number_is_an_integer() {
        let schema = json!({"type": "integer"});
        assert_eq!(checked(&schema, json!(3.0)), Ok(json!(3)));
        assert_eq!(checked(&schema, json!(u64::MAX)), Ok(json!(u64::MAX)));
        assert!(checked(&schema, json!(1e300)).is_err());
        // JSON numbers are read exactly, without the parser's rounding.
        let large = serde_json::from_str("2231448982480031.0").expect("a number");
        let expected = json!(2_231_448_982_480_031_u64);
        assert_eq!(checked(&schema, large), Ok(expected));
        assert_eq!(
            checked(&json!({"type": "number"}), json!(3.0)),
            Ok(json!(3.0))
        );
    }
}
