//! The OpenAPI document and the list of routes are the same.

use std::collections::BTreeSet;

use serde_json::Value;

use super::PORT;
use super::routes::{IDENTITY_ROUTES, TOKEN_ROUTES};
use super::tokens::OPENAPI;

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

#[test]
fn the_document_names_every_route_and_no_other() {
    let document: Value = serde_json::from_str(OPENAPI).expect("JSON");
    let routes: BTreeSet<(String, String)> = TOKEN_ROUTES
        .iter()
        .chain(IDENTITY_ROUTES)
        .map(|(method, path)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("methods").keys() {
            if METHODS.contains(&method.as_str()) {
                documented.insert((method.clone(), path.clone()));
            }
        }
    }
    assert_eq!(documented, routes);
    assert!(OPENAPI.contains(&format!("http://127.0.0.1:{PORT}\"")));
}
