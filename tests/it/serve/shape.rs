//! Holds answers against the schemas of the OpenAPI document.
//!
//! It knows the words of JSON Schema that the document uses, and fails on any other: a schema that
//! nothing checks is no schema.

use serde_json::Value;

/// The document as the service gives it.
pub(super) struct Document(pub(super) Value);

impl Document {
    /// Fails unless this answer to a documented operation is as documented.
    #[track_caller]
    pub(super) fn assert_fits(&self, method: &str, path: &str, status: u16, body: &Value) {
        let operation = &self.0["paths"][path][method];
        assert!(operation.is_object(), "{method} {path} is not documented");
        let responses = &operation["responses"];
        let response = match &responses[status.to_string()] {
            Value::Null => &responses["default"],
            named => named,
        };
        let response = self.resolve(response);
        let schema = &response["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{method} {path} {status}: no schema");
        let at = format!("{method} {path} {status}");
        if let Err(wrong) = self.check(schema, body, &at) {
            panic!("{wrong}");
        }
    }

    fn resolve<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value["$ref"].as_str() {
            Some(reference) => {
                let pointer = reference.strip_prefix('#').expect("within the document");
                let target = self.0.pointer(pointer);
                target.unwrap_or_else(|| panic!("{reference} leads nowhere"))
            }
            None => value,
        }
    }

    fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let schema = self.resolve(schema);
        for (word, said) in schema.as_object().expect("a schema") {
            let holds = match word.as_str() {
                "type" => is_of(said, value),
                "const" => said == value,
                "enum" => said.as_array().expect("a list").contains(value),
                "minimum" => value.as_f64() >= said.as_f64(),
                "pattern" => matches(said.as_str().expect("text"), value.as_str()),
                "required" => said.as_array().expect("a list").iter().all(|name| {
                    value.is_null()
                        || !value[name.as_str().expect("a name")].is_null()
                        || value.get(name.as_str().expect("a name")).is_some()
                }),
                "additionalProperties" => value.as_object().is_none_or(|members| {
                    members
                        .keys()
                        .all(|name| !schema["properties"][name].is_null())
                }),
                "properties" => {
                    for (name, schema) in said.as_object().expect("members") {
                        if let Some(member) = value.get(name) {
                            self.check(schema, member, &format!("{at}.{name}"))?;
                        }
                    }
                    true
                }
                "items" => {
                    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(said, item, &format!("{at}[{place}]"))?;
                    }
                    true
                }
                "allOf" => {
                    for schema in said.as_array().expect("a list") {
                        self.check(schema, value, at)?;
                    }
                    true
                }
                // An RFC 3339 time; `pattern` says the rest.
                "format" => value.as_str().is_some_and(|text| text.contains('T')),
                "description" | "examples" | "default" => true,
                other => return Err(format!("{at}: `{other}` is not checked by anything")),
            };
            if !holds {
                return Err(format!("{at}: {value} does not keep `{word}`: {said}"));
            }
        }
        Ok(())
    }
}

fn is_of(types: &Value, value: &Value) -> bool {
    let is_one = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("`{other}` is no type"),
    };
    match types {
        Value::Array(types) => types
            .iter()
            .any(|name| is_one(name.as_str().expect("a name"))),
        name => is_one(name.as_str().expect("a name")),
    }
}

/// The document's patterns are a start (`^8:`) or an end (`Z$`).
fn matches(pattern: &str, text: Option<&str>) -> bool {
    let text = text.unwrap_or_default();
    match (pattern.strip_prefix('^'), pattern.strip_suffix('$')) {
        (Some(start), None) => text.starts_with(start),
        (None, Some(end)) => text.ends_with(end),
        _ => panic!("`{pattern}` is a pattern that nothing checks"),
    }
}

#[test]
fn a_body_that_does_not_fit_is_seen() {
    let document = Document(serde_json::json!({"paths": {"/x": {"get": {"responses": {
        "200": {"content": {"application/json": {"schema": {"$ref": "#/thing"}}}}}}}},
        "thing": {"type": "object", "additionalProperties": false, "required": ["id"],
            "properties": {"id": {"type": "string", "pattern": "^8:"}}}}));
    let fits = |body: Value| {
        let schema = serde_json::json!({"$ref": "#/thing"});
        document.check(&schema, &body, "x").is_ok()
    };
    document.assert_fits("get", "/x", 200, &serde_json::json!({"id": "8:acs"}));
    for wrong in [
        serde_json::json!({}),
        serde_json::json!([]),
        serde_json::json!({"id": "7:acs"}),
        serde_json::json!({"id": 8}),
        serde_json::json!({"id": "8:acs", "more": 1}),
    ] {
        assert!(!fits(wrong.clone()), "{wrong}");
    }
    let unknown = serde_json::json!({"oneOf": []});
    assert!(document.check(&unknown, &Value::Null, "x").is_err());
}
