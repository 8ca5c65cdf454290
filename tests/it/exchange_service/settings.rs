//! The settings that commands need, and those that they do not need.

use super::fake::{FakeService, token};
use super::{SCOPE, home, sign_in};
use crate::harness::TestBrowser;

#[test]
fn a_sign_in_needs_the_settings_of_the_service() {
    let (home, emulator) = home("https://exchange.contoso.example", "");
    let allowed = "allow-endpoint = [\"exchange.contoso.example\"]\n";
    let url = "exchange-service = \"https://exchange.contoso.example\"\n";
    let scope = format!("exchange-service-scope = \"{SCOPE}\"\n");
    for (text, words) in [
        (
            allowed.to_owned(),
            "the settings of the exchange service are missing",
        ),
        (
            format!("{url}{allowed}"),
            "no scope of the exchange service is configured",
        ),
        (
            format!("{url}{scope}"),
            "config set allow-endpoint exchange.contoso.example",
        ),
    ] {
        home.configure(&format!(
            "[profile.default]\nexchange = \"service\"\n{text}"
        ));
        let login = home.call(&["login"]).by(&TestBrowser::never()).run();
        login.assert_error(2, &[words]);
        let exec = home.run(&["exec", "--", "true"]);
        exec.assert_error(2, &[words]);
        let report = home.run(&["doctor", "--offline"]);
        assert!(report.stdout.contains("fail"), "{}", report.stdout);
    }
    assert_eq!(emulator.count("authorize"), 0);
}

#[test]
fn a_resource_that_is_not_needed_prevents_nothing() {
    let service = FakeService::start(token);
    let (mut home, _emulator) = home(&service.url, "");
    for (name, folder) in [
        ("ACSPASS_CONFIG_DIR", "config"),
        ("ACSPASS_STATE_DIR", "state"),
    ] {
        let folder = home.path().join(folder).display().to_string();
        home.set(name, &folder);
    }
    for resource in [
        "endpoint=https://contoso.communication.azure.com/path;accesskey=c2VjcmV0",
        // The authority belongs to no cloud, or to another one.
        "endpoint=https://contoso.communication.azure.us/;accesskey=c2VjcmV0",
        "endpoint=https://resource.contoso.example/;accesskey=c2VjcmV0",
    ] {
        home.set("COMMUNICATION_SERVICES_CONNECTION_STRING", resource);
        sign_in(&home, &["login"]);
        home.run(&["get"]).token();
        home.real(&["exec", "--", "/bin/true"]).assert_code(0);
        home.run(&["status"]).assert_code(0);
    }
}

#[test]
fn a_request_as_the_user_needs_the_resource_and_no_exchange_service() {
    let service = FakeService::start(token);
    let (mut home, emulator) = home(&service.url, "");
    sign_in(&home, &["login"]);
    home.configure("[profile.default]\nexchange = \"service\"\n");
    let words = ["api", "POST", "/identities", "--as", "user"];
    home.run(&words)
        .assert_error(2, &["no ACS resource is configured"]);
    home.set("COMMUNICATION_SERVICES_ENDPOINT", &emulator.http_url());
    // The user has no right of the owner.
    home.run(&words).assert_error(5, &[]);
    assert_eq!(service.arrived().len(), 0);

    home.configure("[profile.default]\nexchange = \"service\"\non-behalf-of = true\n");
    home.run(&words)
        .assert_error(2, &["the user has no token for ACS"]);
}
