//! The OpenAPI document and the table that it is made from.

use std::collections::BTreeSet;

use serde_json::Value;

use super::show;
use crate::emulator::Emulator;
use crate::emulator::control::route::Body;
use crate::emulator::control::schema::KEYWORDS;
use crate::emulator::control::table::ROUTES;
use crate::emulator::tests::harness::Fixture;

#[test]
fn the_document_has_every_route_and_is_served() {
    let fixture = Fixture::new();
    let served = show(&fixture, "/openapi.json");
    assert_eq!(
        served.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(served.json(), Emulator::control_api());
    let paths = &served.json()["paths"];
    for route in ROUTES {
        let method = route.method.as_str().to_ascii_lowercase();
        assert_eq!(paths[route.path][method]["operationId"], route.id);
    }
    let ids: BTreeSet<&str> = ROUTES.iter().map(|route| route.id).collect();
    assert_eq!(ids.len(), ROUTES.len(), "operation ids are unique");
}

#[test]
fn every_parameter_of_a_path_is_described() {
    for route in ROUTES {
        let in_path = route
            .path
            .split('/')
            .filter(|segment| segment.starts_with('{'));
        assert_eq!(
            in_path.count(),
            route.parameters(true).count(),
            "{}",
            route.path
        );
    }
}

/// Finds the keywords of a schema that the check does not know.
fn unknown(schema: &Value, found: &mut Vec<String>) {
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        if !KEYWORDS.contains(&keyword.as_str()) {
            found.push(keyword.clone());
        }
        match keyword.as_str() {
            "properties" => value
                .as_object()
                .into_iter()
                .flatten()
                .for_each(|(_, inner)| unknown(inner, found)),
            "items" | "additionalProperties" => unknown(value, found),
            _ => {}
        }
    }
}

/// Returns whether every object of a schema states which other members it has.
fn is_closed(schema: &Value) -> bool {
    let is_object = schema["type"] == "object";
    let members = schema["properties"].as_object().into_iter().flatten();
    (!is_object || schema.get("additionalProperties").is_some())
        && members
            .map(|(_, member)| member)
            .chain(schema.get("items"))
            .all(is_closed)
}

#[test]
fn the_check_knows_every_keyword_of_the_requests_schemas() {
    let mut found = Vec::new();
    for route in ROUTES {
        let body = route.body.schema();
        let parameters = route.parameters.iter().map(|parameter| parameter.schema);
        for schema in parameters.chain(body) {
            unknown(&schema(), &mut found);
            assert!(is_closed(&schema()), "{}: an object is open", route.id);
        }
        if let Body::Optional(schema) = route.body {
            let mut empty = serde_json::json!({});
            let outcome = super::super::schema::check(&schema(), &mut empty, "$");
            assert_eq!(
                outcome,
                Ok(()),
                "{}: an absent body is the empty object",
                route.id
            );
        }
    }
    assert!(found.is_empty(), "{found:?}");
    unknown(&serde_json::json!({"items": {"pattern": "x"}}), &mut found);
    assert_eq!(found, ["pattern"]);
}
