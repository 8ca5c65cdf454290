//! `setup`: portal steps, script, consent address and message, with the user's values or with gaps
//! that nobody can overlook.

mod service;
mod shell;

use serde_json::Value;

use crate::harness::Home;
use shell::{assert_parses, commands_of, paste, shells};

const TENANT: &str = "contoso.com";
const CLIENT_ID: &str = "11111111-2222-3333-4444-555555555555";

fn setup(home: &Home) -> Value {
    let run = home.run(&["setup", "-o", "json"]);
    run.assert_code(0);
    run.json()
}

fn text<'a>(json: &'a Value, member: &str) -> &'a str {
    json[member].as_str().expect("text")
}

#[test]
fn with_nothing_configured_the_gaps_are_plain_to_see() {
    let home = Home::new();
    let run = home.run(&["setup"]);
    run.assert_code(0)
        .assert_says(&["Replace the words in capitals."]);
    for part in [
        "1. Open https://entra.microsoft.com",
        "New registration",
        "Mobile and desktop applications. Add the redirect URI http://localhost there",
        "Teams.ManageCalls and Teams.ManageChats",
        "az ad app create --display-name acspass",
        "https://login.microsoftonline.com/YOUR-TENANT/adminconsent?client_id=YOUR-CLIENT-ID",
        "Subject: Application for Azure Communication Services",
        "The attached script",
        "GCC tenants use the worldwide authority",
        "AADSTS900382",
        "`disableLocalAuth`",
        "Regenerating an access key",
        "`acspass get --force-refresh`",
    ] {
        assert!(run.stdout.contains(part), "no `{part}` in {}", run.stdout);
    }
    assert_parses(text(&setup(&home), "script"));
    assert!(!home.path().join("state").exists(), "no store was touched");
}

#[test]
fn what_is_configured_is_filled_in_everywhere() {
    let mut home = Home::new();
    home.set("ACSPASS_TENANT_ID", TENANT);
    home.set("ACSPASS_CLIENT_ID", CLIENT_ID);
    let json = setup(&home);
    let url =
        format!("https://login.microsoftonline.com/{TENANT}/adminconsent?client_id={CLIENT_ID}");
    assert_eq!(text(&json, "adminConsentUrl"), url);
    let message = text(&json, "message");
    for part in [
        "Subject: Consent for an application",
        CLIENT_ID,
        TENANT,
        &url,
        "az ad sp create --id 1fd5118e-",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let script = text(&json, "script");
    for part in [
        "az login --tenant contoso.com",
        "APP=11111111-2222-3333-4444-555555555555",
        "--public-client-redirect-uris http://localhost ",
        "--enable-id-token-issuance false",
        "az ad sp show --id \"$API\"",
        "oauth2PermissionScopes",
        "az ad app permission add --id \"$APP\" --api \"$API\"",
        "az ad app permission admin-consent --id \"$APP\"",
    ] {
        assert!(script.contains(part), "no `{part}` in {script}");
    }
    assert_parses(script);
    let steps = json["portal"].as_array().expect("steps");
    assert!(steps.len() >= 6);
    let all = json.to_string();
    assert!(!all.contains("YOUR-"), "no gap is left: {all}");
    home.run(&["setup"]).assert_does_not_say("in capitals");
}

#[test]
fn the_script_alone_is_a_file_that_needs_no_client_id() {
    let mut home = Home::new();
    home.set("ACSPASS_TENANT_ID", TENANT);
    let run = home.run(&["setup", "--script"]);
    run.assert_code(0).assert_does_not_say("in capitals");
    let script = text(&setup(&home), "script").to_owned();
    assert_eq!(run.stdout, format!("{}\n", script.trim_end()));
    let run = home.run(&["setup", "--script", "-o", "json"]);
    assert_eq!(run.json(), serde_json::json!({ "script": script }));

    home.unset("ACSPASS_TENANT_ID");
    home.run(&["setup", "--script"])
        .assert_says(&["`acspass config set tenant TENANT`"]);
}

#[test]
fn the_cloud_the_redirect_uri_and_the_kind_of_exchange_lead_it() {
    let mut home = Home::new();
    home.set("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us");
    home.configure("[profile.default]\nredirect-uri = \"http://localhost:8080/redirect\"\n");
    let json = setup(&home);
    let all = json.to_string();
    for part in [
        "https://login.microsoftonline.us/YOUR-TENANT/adminconsent",
        "https://portal.azure.us",
        "az cloud set --name AzureUSGovernment",
        "http://localhost/redirect",
    ] {
        assert!(all.contains(part), "no `{part}` in {all}");
    }
    assert!(!all.contains("8080"), "Entra ignores the port: {all}");
    assert_parses(text(&json, "script"));

    home.unset("AZURE_AUTHORITY_HOST");
    home.configure("[profile.default]\nexchange = \"entra\"\n");
    let all = setup(&home).to_string();
    for part in [
        "2a04943b-b6a7-4f65-8786-2bb6131b59f6",
        "VoIP",
        "A group needs Entra ID P1 or P2",
        "enterprise application Azure Communication Services Clients",
    ] {
        assert!(all.contains(part), "no `{part}` in {all}");
    }
}

#[test]
fn the_commands_for_a_team_can_be_pasted_at_once() {
    let (mut home, emulator) = Home::with_emulator();
    home.unset("ACSPASS_CLIENT_ID");
    assert!(
        setup(&home)["team"].is_null(),
        "the key needs no assignments"
    );
    for (exchange, count) in [("entra", 3), ("teams-extension", 2)] {
        home.set("ACSPASS_EXCHANGE", exchange);
        let commands = text(&setup(&home), "team").to_owned();
        assert_parses(&commands);
        let tenant = emulator.tenant_id();
        assert!(!commands.contains(&format!("@{tenant}")), "{commands}");
        let filled = commands
            .replace("USER-1@YOUR-DOMAIN USER-2@YOUR-DOMAIN", "ada@x ben@x")
            .replace("TEAM_GROUP=''", "TEAM_GROUP='Callers'");
        assert_ne!(filled, commands);
        for shell in shells() {
            for number in 1..=3 {
                let id = format!("aaaaaaaa-0000-4000-8000-00000000000{number}");
                home.run(&["access", "revoke", &id]).assert_code(0);
            }
            let before = emulator.count("put_assignment");
            let pasted = paste(&home, shell, &filled);
            assert_eq!(pasted, "the shell goes on with 0\n", "{shell}");
            let granted = emulator.count("put_assignment") - before;
            assert_eq!(granted, count, "{shell}: {filled}");
        }
    }
    let az = std::fs::read_to_string(home.path().join("az.log")).expect("its log");
    for called in [
        "ad app permission admin-consent --id cccccccc-",
        "--url https://graph.microsoft.com/v1.0/groups/aaaaaaaa-0000-4000-8000-000000000003/appRole",
    ] {
        assert!(az.contains(called), "no `{called}` in {az}");
    }
    let shown = home.run(&["setup"]);
    shown.assert_says(&["Replace the users of TEAM_USERS"]);
    assert!(
        shown
            .stdout
            .contains("acspass access grant --exchange teams-extension")
    );
}

#[test]
fn one_wrong_user_grants_nothing_and_fails() {
    let (mut home, emulator) = Home::with_emulator();
    home.set("ACSPASS_EXCHANGE", "entra");
    let commands = text(&setup(&home), "team").to_owned();
    let placeholders = "USER-1@YOUR-DOMAIN USER-2@YOUR-DOMAIN";
    for users in ["wrong@x ada@x", "ada@x wrong@x", placeholders, ""] {
        let pasted = paste(&home, "sh", &commands.replace(placeholders, users));
        assert_ne!(pasted, "the shell goes on with 0\n", "{users}");
        assert!(pasted.starts_with("the shell goes on"), "{pasted}");
    }
    assert_eq!(emulator.count("put_assignment"), 0);
}

#[test]
fn a_registered_application_keeps_its_redirect_uris() {
    let mut home = Home::new();
    home.set("ACSPASS_TENANT_ID", TENANT);
    home.set("ACSPASS_CLIENT_ID", CLIENT_ID);
    let run = home.run(&["setup"]);
    let commands = commands_of(&run.assert_code(0).stdout);
    assert_eq!(paste(&home, "sh", &commands), "the shell goes on with 0\n");
    let az = std::fs::read_to_string(home.path().join("az.log")).expect("its log");
    let update =
        "--public-client-redirect-uris http://localhost myapp://auth https://contoso.com/* --is";
    assert!(az.contains(update), "{az}");
    assert!(az.contains("redirectUris[?@!='http://localhost']"), "{az}");
}
