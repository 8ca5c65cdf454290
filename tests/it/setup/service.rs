//! The part of `setup` for an exchange service.

use serde_json::{Value, json};

use super::shell::{assert_parses, commands_of, paste_whole, shells};
use super::{CLIENT_ID, TENANT, setup, text};
use crate::harness::Home;

const DESKTOP: &str = "cccccccc-0000-4000-8000-000000000001";
const SERVICE: &str = "dddddddd-0000-4000-8000-000000000001";

#[test]
fn the_commands_for_an_exchange_service_can_be_pasted() {
    for (settings, is_on_behalf_of) in [("", false), ("on-behalf-of = true\n", true)] {
        let mut home = Home::new();
        home.set("ACSPASS_TENANT_ID", TENANT);
        home.configure(&format!(
            "[profile.default]\nexchange = \"service\"\nexchange-service = \
             \"https://exchange.contoso.com\"\n{settings}"
        ));
        let run = home.run(&["setup"]);
        let page = &run.assert_code(0).stdout;
        assert!(page.contains("Register the exchange service"), "{page}");
        let commands = commands_of(page);
        assert_parses(&commands);
        for shell in shells() {
            let _ = std::fs::remove_file(home.path().join("az.log"));
            let _ = std::fs::remove_file(home.path().join("bodies"));
            let _ = std::fs::remove_file(home.path().join("consented"));
            let output = paste_whole(&home, shell, &commands);
            for line in [
                &format!("acspass config set client-id {DESKTOP}"),
                "acspass config set exchange service",
                "acspass config set exchange-service https://exchange.contoso.com",
                &format!(
                    "acspass config set exchange-service-scope api://{SERVICE}/access_as_user"
                ),
                "acspass config set allow-endpoint exchange.contoso.com",
                &format!("ACSPASS_EXCHANGE_AUDIENCE={SERVICE}"),
                &format!("ACSPASS_EXCHANGE_CLIENTS={DESKTOP}"),
                "ACSPASS_EXCHANGE_TENANTS=eeeeeeee-0000-4000-8000-000000000001",
                "the shell goes on with 0",
            ] {
                let found = output.lines().any(|printed| printed == line);
                assert!(found, "{shell}: no `{line}` in {output}");
            }
            assert_eq!(output.contains("on-behalf-of true"), is_on_behalf_of);
            // What the script prints for a desktop are settings of it.
            for line in output.lines().filter(|line| line.starts_with("acspass ")) {
                let desktop = Home::new();
                let words: Vec<&str> = line.split(' ').skip(1).collect();
                desktop.run(&words).assert_code(0);
            }

            let az = std::fs::read_to_string(home.path().join("az.log")).expect("its log");
            let owner = if is_on_behalf_of { SERVICE } else { DESKTOP };
            for called in [
                format!("ad app update --id {SERVICE} --identifier-uris api://{SERVICE}"),
                format!("ad app permission add --id {DESKTOP} --api {SERVICE}"),
                format!("ad app permission add --id {owner} --api 1fd5118e-"),
                format!("ad app permission admin-consent --id {DESKTOP}"),
            ] {
                assert!(az.contains(&called), "no `{called}` in {az}");
            }
            let bodies = std::fs::read_to_string(home.path().join("bodies")).expect("bodies");
            let last = bodies
                .trim_end_matches('\0')
                .rsplit('\0')
                .next()
                .expect("one");
            let body: Value = serde_json::from_str(last).expect("JSON");
            let api = &body["api"];
            assert_eq!(api["requestedAccessTokenVersion"], 2);
            assert_eq!(api["oauth2PermissionScopes"][0]["value"], "access_as_user");
            assert_eq!(api["preAuthorizedApplications"][0]["appId"], DESKTOP);
        }
    }
}

#[test]
fn an_exchange_service_that_is_registered_is_not_registered_again() {
    let mut home = Home::new();
    home.set("ACSPASS_TENANT_ID", TENANT);
    home.configure(&format!(
        "[profile.default]\nexchange = \"service\"\nexchange-service-scope = \
         \"api://{CLIENT_ID}/access_as_user\"\n"
    ));
    let json = setup(&home);
    let script = text(&json, "script");
    assert!(
        script.contains(&format!("SERVICE={CLIENT_ID}\n")),
        "{script}"
    );
    assert!(
        !script.contains("--display-name acspass-exchange"),
        "{script}"
    );
    let steps = json["service"].to_string();
    assert!(
        steps.contains(&format!("ACSPASS_EXCHANGE_AUDIENCE={CLIENT_ID}")),
        "{steps}"
    );
    assert!(!steps.contains("SERVICE-ID"), "{steps}");
}

/// A home whose profile has a registered service with this scope.
fn registered(scope: &str, settings: &str) -> Home {
    let mut home = Home::new();
    home.set("ACSPASS_TENANT_ID", TENANT);
    home.configure(&format!(
        "[profile.default]\nexchange = \"service\"\nexchange-service-scope = \"{scope}\"\n{settings}"
    ));
    home
}

const SCOPE_ID: &str = "5c0e5c0e-0000-4000-8000-000000000009";
const OTHER_ID: &str = "5c0e5c0e-0000-4000-8000-000000000008";

/// Writes what the double of the Azure CLI has of a registered service.
fn register(home: &Home, clients: &[Value], version: &str) {
    let lines: Vec<String> = clients.iter().map(Value::to_string).collect();
    // With a space after each colon and comma, as in the output of the Azure CLI.
    let lines = lines.join("\n").replace("\":", "\": ") + "\n";
    for (name, text) in [
        ("clients", lines.as_str()),
        ("scope", SCOPE_ID),
        ("version", version),
    ] {
        std::fs::write(home.path().join(name), text).expect("a file");
    }
}

fn client(id: &str, permission: &str) -> Value {
    json!({"appId": id, "delegatedPermissionIds": [permission]})
}

#[test]
fn a_registered_service_keeps_its_scope_its_clients_and_the_version_of_its_tokens() {
    let own = format!("api://{SERVICE}");
    let first = client("aaaaaaaa-0000-4000-8000-00000000000a", SCOPE_ID);
    let second = client("aaaaaaaa-0000-4000-8000-00000000000b", SCOPE_ID);
    let this = client(DESKTOP, OTHER_ID);
    let two = vec![first.clone(), second.clone()];
    let three = vec![first.clone(), this, second.clone()];
    for (resource, version, clients, audience, permissions) in [
        (own.as_str(), "", &two, own.as_str(), json!([SCOPE_ID])),
        (&own, "1", &three, &own, json!([SCOPE_ID, OTHER_ID])),
        (&own, "2", &two, SERVICE, json!([SCOPE_ID])),
        (
            "api://contoso.com/exchange",
            "",
            &two,
            "api://contoso.com/exchange",
            json!([SCOPE_ID]),
        ),
        (
            "api://contoso.com/exchange",
            "2",
            &vec![],
            SERVICE,
            json!([SCOPE_ID]),
        ),
    ] {
        let home = registered(&format!("{resource}/exchange"), "");
        register(&home, clients, version);
        let run = home.run(&["setup"]);
        let commands = commands_of(&run.assert_code(0).stdout);
        assert_parses(&commands);
        let output = paste_whole(&home, "sh", &commands);
        for line in [
            format!("ACSPASS_EXCHANGE_AUDIENCE={audience}"),
            "ACSPASS_EXCHANGE_SCOPE=exchange".to_owned(),
            format!("acspass config set exchange-service-scope {resource}/exchange"),
            "the shell goes on with 0".to_owned(),
        ] {
            let found = output.lines().any(|printed| printed == line);
            assert!(found, "no `{line}` in {output}");
        }
        let bodies = std::fs::read_to_string(home.path().join("bodies")).expect("bodies");
        let body: Value = serde_json::from_str(bodies.trim_end_matches('\0')).expect("one JSON");
        let mut expected = vec![json!({"appId": DESKTOP, "delegatedPermissionIds": permissions})];
        let others = clients.iter().filter(|client| client["appId"] != DESKTOP);
        expected.extend(others.cloned());
        assert_eq!(
            body,
            json!({"api": {"preAuthorizedApplications": expected}})
        );

        let az = std::fs::read_to_string(home.path().join("az.log")).expect("its log");
        let permission =
            format!("--id {DESKTOP} --api {SERVICE} --api-permissions {SCOPE_ID}=Scope");
        assert!(az.contains(&permission), "{az}");
        assert!(
            az.contains("oauth2PermissionScopes[?value=='exchange'].id"),
            "{az}"
        );
        assert!(!az.contains("--display-name acspass-exchange"), "{az}");
        assert!(!az.contains("identifier-uris"), "{az}");
    }
}

#[test]
fn a_registered_service_without_the_scope_stops_the_script_before_any_change() {
    let home = registered(&format!("api://{SERVICE}/access_as_user"), "");
    let run = home.run(&["setup"]);
    let commands = commands_of(&run.assert_code(0).stdout);
    let output = paste_whole(&home, "sh", &commands);
    assert_eq!(output, "the shell goes on with 1\n");
    let az = std::fs::read_to_string(home.path().join("az.log")).expect("its log");
    for change in ["create", "update", "rest", "permission"] {
        let starts = |line: &str| line.split(' ').any(|word| word == change);
        assert!(!az.lines().any(starts), "{az}");
    }
}

#[test]
fn no_shell_expands_a_value_of_the_profile() {
    let url = "https://exchange.contoso.com/$(az$IFS$9pwned)";
    let scope = "api://contoso.com/exchange/it's$(az$IFS$9pwned)`az$IFS$9pwned`";
    for on_behalf_of in [false, true] {
        let settings = format!("exchange-service = \"{url}\"\non-behalf-of = {on_behalf_of}\n");
        let home = registered(scope, &settings);
        register(&home, &[], "");
        let run = home.run(&["setup"]);
        let page = &run.assert_code(0).stdout;
        let commands = commands_of(page);
        let steps = setup(&home)["service"].clone();
        let is_empty = |step: &Value| step.as_str().is_none_or(str::is_empty);
        assert!(
            !steps.as_array().expect("steps").iter().any(is_empty),
            "{steps}"
        );
        let steps = steps.to_string();
        let quoted = shell_words::quote(url);
        assert!(
            steps.contains(&format!("exchange-service {quoted}")),
            "{steps}"
        );
        for shell in shells() {
            let _ = std::fs::remove_file(home.path().join("consented"));
            let output = paste_whole(&home, shell, &commands);
            assert!(output.ends_with("goes on with 0\n"), "{shell}: {output}");
            // The admin pastes into a shell what the script prints for a desktop.
            let printed: Vec<&str> = output
                .lines()
                .filter(|line| line.starts_with("acspass ") || line.starts_with("ACSPASS_"))
                .collect();
            let echo = printed.join("\n").replace("acspass config set", "echo");
            let values = paste_whole(&home, shell, &echo);
            for value in [
                &format!("exchange-service {url}"),
                &format!("exchange-service-scope {scope}"),
            ] {
                let found = values.lines().any(|line| line == value);
                assert!(found, "{shell}: no `{value}` in {values}");
            }
        }
        let az = std::fs::read_to_string(home.path().join("az.log")).expect("its log");
        assert!(!az.lines().any(|line| line == "pwned"), "{az}");
        assert!(
            az.contains(r"[?value=='it\'s$(az$IFS$9pwned)`az$IFS$9pwned`'].id"),
            "{az}"
        );
    }
}
