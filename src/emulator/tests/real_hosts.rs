//! The hosts of the services themselves.

use serde_json::Value;

use super::harness::{Answer, Fixture, claims, encode};
use crate::emulator::Options;

fn fixture() -> Fixture {
    Fixture::with(Options {
        real_hosts: true,
        ..Options::default()
    })
}

fn get(fixture: &Fixture, host: &str, target: &str) -> Answer {
    let port = fixture.emulator.context.main_ports().http;
    fixture.raw(&format!(
        "GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    ))
}

#[test]
fn each_host_serves_its_own_service_only() {
    let fixture = fixture();
    let metadata = "/common/v2.0/.well-known/openid-configuration";
    for (host, entra, resource) in [
        ("login.microsoftonline.com", 200, 404),
        ("login.microsoftonline.us", 200, 404),
        ("contoso.communication.azure.com", 404, 405),
        ("contoso.europe.communication.azure.us", 404, 405),
        ("localhost", 200, 405),
        ("communication.azure.com", 421, 421),
        ("contoso.communication.azure.com.evil.test", 421, 421),
        ("graph.microsoft.com", 404, 404),
        ("management.azure.com", 421, 421),
    ] {
        assert_eq!(get(&fixture, host, metadata).status, entra, "{host}");
        let identities = get(&fixture, host, "/identities?api-version=2023-10-01");
        assert_eq!(identities.status, resource, "{host}");
        let users = get(&fixture, host, "/v1.0/users").status;
        let is_refused = match host {
            "graph.microsoft.com" | "localhost" => users == 401,
            _ => users == 404 || users == 421,
        };
        assert!(is_refused, "{host}: {users}");
    }
}

#[test]
fn without_the_option_the_hosts_are_not_the_emulators() {
    let fixture = Fixture::new();
    for host in [
        "login.microsoftonline.com",
        "contoso.communication.azure.com",
    ] {
        assert_eq!(get(&fixture, host, "/").status, 421, "{host}");
    }
}

#[test]
fn the_issuer_of_version_1_is_another_host() {
    let fixture = fixture();
    let document = |host: &str, path: &str| {
        let target = format!("/contoso.example/{path}.well-known/openid-configuration");
        get(&fixture, host, &target).json()
    };
    let tenant = fixture.emulator.tenant_id();
    let sts = format!("https://sts.windows.net/{tenant}/");
    for host in ["login.microsoftonline.com", "sts.windows.net"] {
        let first = document(host, "");
        assert_eq!(first["issuer"], Value::from(sts.as_str()), "{host}");
        assert_eq!(first["cloud_instance_name"], "microsoftonline.com");
        assert_eq!(first["msgraph_host"], "graph.microsoft.com");
    }
    let own = fixture.host();
    let local = document("localhost", "");
    let issuer = format!("http://{own}/{tenant}/");
    assert_eq!(
        (&local["issuer"], &local["msgraph_host"]),
        (&issuer.into(), &own.clone().into())
    );

    // The resource accepts the tokens of this issuer.
    let port = fixture.emulator.context.main_ports().http;
    let form = encode(
        &[
            ("grant_type", "client_credentials"),
            ("client_id", fixture.emulator.service_client_id()),
            ("client_secret", fixture.emulator.service_client_secret()),
            ("scope", "https://communication.azure.com//.default"),
        ],
        &[],
    );
    let response = fixture.raw(&format!(
        "POST /{tenant}/oauth2/v2.0/token HTTP/1.1\r\nHost: login.microsoftonline.com:{port}\r\n\
         Connection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    ));
    let token = response.json()["access_token"].as_str().map(str::to_owned);
    let token = token.expect("a token");
    assert_eq!(claims(&token)["iss"], Value::from(sts));
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let created = fixture.send("POST", "/identities?api-version=2023-10-01", &bearer, "");
    assert_eq!(created.status, 201, "{created:?}");
}

#[test]
fn instance_discovery_knows_entras_aliases() {
    let fixture = fixture();
    let target = "/common/discovery/instance?api-version=1.1&authorization_endpoint=https://";
    let of = |host: &str| {
        let target = format!("{target}{host}/common/oauth2/v2.0/authorize");
        get(&fixture, "login.microsoftonline.com", &target)
    };
    let found = of("sts.windows.net").json();
    let endpoint = "https://sts.windows.net/common/v2.0/.well-known/openid-configuration";
    assert_eq!(found["tenant_discovery_endpoint"], endpoint);
    assert_eq!(found["metadata"][0]["preferred_cache"], "login.windows.net");
    let aliases = found["metadata"][0]["aliases"].as_array().map(Vec::len);
    assert_eq!(aliases, Some(4), "{found}");
    assert_eq!(
        found["metadata"][1]["aliases"][0],
        "login.microsoftonline.us"
    );
    let other = of("contoso.communication.azure.com");
    assert_eq!(other.json()["error"], Value::from("invalid_instance"));
}
