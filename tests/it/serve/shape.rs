//! Holds answers against the schemas of the OpenAPI document.

#[path = "../../docs/schema.rs"]
mod schema;

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
        schema::resolve(&self.0, value).expect("a reference within the document")
    }

    fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        schema::check(&self.0, schema, value, at)
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
