//! The OpenAPI document and the list of routes are the same.

use std::collections::BTreeSet;

use serde_json::Value;

use super::PORT;
use super::openapi::{OPENAPI, of_one_account};
use super::routes::{IDENTITY_ROUTES, TOKEN_ROUTES};

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// The methods and paths of a document.
fn documented(document: &Value) -> BTreeSet<(String, String)> {
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("methods").keys() {
            if METHODS.contains(&method.as_str()) {
                documented.insert((method.clone(), path.clone()));
            }
        }
    }
    documented
}

fn owned<'r>(routes: impl Iterator<Item = &'r (&'r str, &'r str)>) -> BTreeSet<(String, String)> {
    routes
        .map(|(method, path)| ((*method).to_owned(), (*path).to_owned()))
        .collect()
}

#[test]
fn the_document_names_every_route_and_no_other() {
    let document: Value = serde_json::from_str(OPENAPI).expect("JSON");
    let routes = owned(TOKEN_ROUTES.iter().chain(IDENTITY_ROUTES));
    assert_eq!(documented(&document), routes);
    assert!(OPENAPI.contains(&format!("http://127.0.0.1:{PORT}\"")));
}

#[test]
fn document_of_one_account_names_its_routes_and_is_whole() {
    let text = of_one_account().expect("a document");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(documented(&document), owned(TOKEN_ROUTES.iter()));
    assert!(
        !text.contains("teams-user-aad-token"),
        "it is not exchanged"
    );
    for (kind, components) in document["components"].as_object().expect("components") {
        for name in components.as_object().expect("a list").keys() {
            let reference = format!("\"#/components/{kind}/{name}\"");
            let is_used = kind == "securitySchemes" || text.contains(&reference);
            assert!(is_used, "{reference}");
        }
    }
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().expect("a pointer");
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}
