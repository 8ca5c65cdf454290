//! The front page, and the sign-in page's words about application and tenant.

use std::path::Path;

use super::harness::{Fixture, published};
use crate::emulator::{Emulator, Options};

fn with_https() -> Fixture {
    Fixture::with(Options {
        https_port: Some(0),
        host_names: vec!["login.example.test".to_owned()],
        ..Options::default()
    })
}

/// Returns the front page as text, without the escapes of quotes.
fn page(fixture: &Fixture, host: &str) -> String {
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let answer = fixture.raw(&request);
    assert_eq!(answer.status, 200, "{host}");
    answer.body.replace("&#39;", "'")
}

#[test]
fn front_page_has_the_settings_of_each_client() {
    let fixture = with_https();
    let emulator: &Emulator = &fixture.emulator;
    emulator.set_ca_file(Path::new("/tmp/the ca.pem"));
    let bundle = Path::new("/tmp/the ca's.pem");
    emulator.set_bundle(bundle);
    let page = page(&fixture, &fixture.host());
    let https = emulator.https_url().expect("https");
    for text in [
        emulator.connection_string(),
        emulator.http_connection_string(),
        format!("AZURE_AUTHORITY_HOST={https}"),
        format!("AZURE_AUTHORITY_HOST={}", emulator.http_url()),
        format!("AZURE_CLIENT_SECRET={}", emulator.service_client_secret()),
        r"NODE_EXTRA_CA_CERTS='/tmp/the ca'\''s.pem'".to_owned(),
        // A credential would ask login.microsoftonline.com about this authority without it.
        "disable_instance_discovery=True".to_owned(),
        "disableInstanceDiscovery: true".to_owned(),
        "DisableInstanceDiscovery = true".to_owned(),
    ] {
        assert!(page.contains(&text), "no {text} in {page}");
    }
    for line in emulator.environment(Some(bundle)).shell().lines() {
        assert!(page.contains(line), "no {line} in {page}");
    }
    for (user, note) in emulator.personas() {
        assert!(page.contains(user) && page.contains(note), "{user}");
    }
}

#[test]
fn front_page_uses_the_host_name_that_the_browser_used() {
    let fixture = with_https();
    let port = fixture.emulator.context.main_ports().http;
    let page = page(&fixture, &format!("login.example.test:{port}"));
    let address = format!("http://login.example.test:{port}");
    let line = format!("export AZURE_AUTHORITY_HOST={address}");
    assert!(page.contains(&line), "{page}");
    assert!(!page.contains("//localhost"), "{page}");
}

#[test]
fn front_page_without_https_has_no_settings_of_sdks() {
    let fixture = Fixture::new();
    let page = page(&fixture, &fixture.host());
    assert!(page.contains(&fixture.emulator.http_connection_string()));
    for absent in ["https://localhost", "NODE_EXTRA_CA_CERTS", "Azure SDKs"] {
        assert!(!page.contains(absent), "{absent}");
    }
}

#[test]
fn sign_in_page_names_application_and_tenant() {
    let fixture = Fixture::new();
    for (segment, tenant) in [
        ("organizations", "any tenant (organizations)"),
        ("common", "any tenant (common)"),
        ("contoso.example", "contoso.example"),
        (published::TENANT_ID, "contoso.example"),
    ] {
        let page = fixture.authorize(segment, &[("login_hint", "")]).body;
        let sentence = format!(
            "<strong>Emulated app</strong> asks you to sign in to <strong>{tenant}</strong>."
        );
        assert!(page.contains(&sentence), "{page}");
    }
}

#[test]
fn journal_page_may_connect_to_the_emulator_only() {
    let fixture = Fixture::new();
    for target in ["/_emulator", "/_emulator/"] {
        let page = fixture.get(target);
        assert_eq!(page.status, 200, "{target}");
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.contains("connect-src 'self'; "), "{policy}");
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(page.body.contains("/_emulator/v1/"), "{target}");
    }
    assert!(fixture.emulator.requests().is_empty());
    let front = page(&fixture, &fixture.host());
    assert!(front.contains("<a href=\"/_emulator/\">"), "{front}");
    assert!(
        !fixture
            .get("/")
            .header("content-security-policy")
            .expect("a policy")
            .contains("connect-src")
    );
}
