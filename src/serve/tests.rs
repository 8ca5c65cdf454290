//! What needs no socket: the document and the list of routes say the same.

use std::collections::BTreeSet;

use serde_json::Value;

use super::routes::{OPENAPI, ROUTES};
use super::*;

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

#[test]
fn the_document_names_every_route_and_no_other() {
    let document: Value = serde_json::from_str(OPENAPI).expect("JSON");
    let routes: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|(method, _, path, _)| ((*method).to_owned(), (*path).to_owned()))
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

#[test]
fn an_origin_is_a_scheme_a_host_and_a_port() {
    for (text, origin) in [
        ("https://app.contoso.com", "https://app.contoso.com"),
        ("https://app.contoso.com/", "https://app.contoso.com"),
        (
            "https://app.contoso.com:8443",
            "https://app.contoso.com:8443",
        ),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ] {
        assert_eq!(Origin::parse(text).expect(text).to_string(), origin);
    }
    for text in [
        "null",
        "*",
        "app.contoso.com",
        "https://app.contoso.com/page",
        "https://app.contoso.com?x",
        "https://user@app.contoso.com",
        "HTTPS://app.contoso.com",
        "http://app.contoso.com",
        "file:///tmp/page.html",
        "",
    ] {
        assert!(Origin::parse(text).is_err(), "{text}");
    }
}
