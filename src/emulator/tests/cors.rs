//! The paths that pages of other origins may use.

use super::harness::{Answer, Fixture};
use crate::emulator::{Options, Seed};

const ANY: &str = "https://any.example";
const SPA: &str = "https://app.example";
const SEED: &str = r#"
[[applications]]
name = "Browser"
platforms.spa = ["https://app.example/"]
"#;

fn with_spa() -> Fixture {
    Fixture::with(Options {
        seed: Seed::parse(SEED).expect("a seed"),
        ..Options::default()
    })
}

fn preflight(fixture: &Fixture, target: &str, origin: &str, method: &str) -> Answer {
    let headers = format!(
        "Origin: {origin}\r\nAccess-Control-Request-Method: {method}\r\n\
         Access-Control-Request-Headers: authorization,content-type\r\n"
    );
    fixture.send("OPTIONS", target, &headers, "")
}

fn readers(response: &Answer) -> Option<&str> {
    response.header("access-control-allow-origin")
}

#[test]
fn every_page_reads_metadata_and_keys() {
    let fixture = with_spa();
    let endpoint = format!("http://{}/common/oauth2/v2.0/authorize", fixture.host());
    let instance =
        format!("/common/discovery/instance?api-version=1.1&authorization_endpoint={endpoint}");
    for target in [
        "/common/v2.0/.well-known/openid-configuration",
        "/contoso.example/.well-known/openid-configuration",
        "/common/discovery/v2.0/keys",
        "/common/discovery/keys",
        &instance,
    ] {
        let response = fixture.send("GET", target, &format!("Origin: {ANY}\r\n"), "");
        assert_eq!(
            (response.status, readers(&response)),
            (200, Some("*")),
            "{target}"
        );
        assert_eq!(readers(&fixture.get(target)), None, "{target}");
        let response = preflight(&fixture, target, ANY, "GET");
        assert_eq!(
            (response.status, readers(&response)),
            (204, Some("*")),
            "{target}"
        );
    }
    let unknown = "/unknown.example/v2.0/.well-known/openid-configuration";
    let response = fixture.send("GET", unknown, &format!("Origin: {ANY}\r\n"), "");
    assert_eq!((response.status, readers(&response)), (400, Some("*")));
}

#[test]
fn a_preflight_of_the_token_endpoint_is_for_browser_apps() {
    let fixture = with_spa();
    let target = "/common/oauth2/v2.0/token";
    let response = preflight(&fixture, target, SPA, "POST");
    assert_eq!((response.status, readers(&response)), (204, Some(SPA)));
    assert_eq!(
        response.header("access-control-allow-methods"),
        Some("POST")
    );
    let response = preflight(&fixture, target, ANY, "POST");
    assert_eq!((response.status, readers(&response)), (204, None));
    assert_eq!(fixture.emulator.count("preflight"), 2);
    assert_eq!(fixture.emulator.count("token"), 0);
}

#[test]
fn every_page_may_use_the_resource() {
    let fixture = with_spa();
    let version = "?api-version=2025-03-02-preview";
    for (path, methods) in [
        ("/access/entra/:exchangeAccessToken", "POST"),
        ("/access/teamsExtension/:exchangeAccessToken", "POST"),
        ("/identities", "POST"),
        ("/identities/8:acs:x", "DELETE, PATCH, GET"),
        ("/access/entra/assignments", "GET, PATCH"),
    ] {
        let target = format!("{path}{version}");
        let response = preflight(&fixture, &target, ANY, "POST");
        assert_eq!(
            (response.status, readers(&response)),
            (204, Some("*")),
            "{path}"
        );
        assert_eq!(
            response.header("access-control-allow-methods"),
            Some(methods)
        );
        assert_eq!(
            response.header("access-control-allow-headers"),
            Some("authorization,content-type")
        );
        let headers = format!("Origin: {ANY}\r\nAuthorization: Bearer x\r\n");
        let method = methods.split(',').next().expect("a method");
        let response = fixture.send(method, &target, &headers, "");
        assert_eq!(
            (response.status, readers(&response)),
            (401, Some("*")),
            "{path}"
        );
        let exposed = response.header("access-control-expose-headers");
        assert!(exposed.is_some_and(|names| names.contains("retry-after")));
    }
    assert_eq!(
        preflight(&fixture, "/identities/x/y", ANY, "POST").status,
        404
    );
}

#[test]
fn no_page_uses_any_other_path() {
    let fixture = with_spa();
    for (method, target) in [
        ("POST", "/common/oauth2/v2.0/devicecode"),
        ("GET", "/common/oauth2/v2.0/authorize"),
        ("GET", "/_emulator/v1"),
        ("POST", "/_emulator/v1/clock"),
        ("GET", "/emulator/whoami"),
        ("GET", "/"),
    ] {
        let headers = format!("Origin: {SPA}\r\nX-Acspass-Emulator: 1\r\n");
        let response = fixture.send(method, target, &headers, "");
        assert_eq!(readers(&response), None, "{target}");
        let response = preflight(&fixture, target, SPA, method);
        assert_eq!(readers(&response), None, "{target}");
        assert_eq!(response.header("access-control-allow-methods"), None);
    }
    // An OPTIONS request that is no preflight.
    let response = fixture.send("OPTIONS", "/identities", &format!("Origin: {ANY}\r\n"), "");
    assert_eq!(response.status, 405);
}
