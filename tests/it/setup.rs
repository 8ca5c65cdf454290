//! `setup`: portal steps, script, consent address and message, with the user's values or with gaps
//! that nobody can overlook.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::Home;

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

/// A POSIX shell can read it.
fn assert_parses(script: &str) {
    let mut shell = Command::new("sh")
        .arg("-n")
        .stdin(Stdio::piped())
        .spawn()
        .expect("sh");
    let mut stdin = shell.stdin.take().expect("a pipe");
    stdin.write_all(script.as_bytes()).expect("sh reads");
    drop(stdin);
    assert!(shell.wait().expect("sh ends").success(), "{script}");
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

/// Prints ids as the Azure CLI does, and records its arguments.
const AZ: &str = r#"#!/bin/sh
printf '%s\n' "$*" >>"$HOME/az.log"
case "$*" in
login*) cat ;;
"ad user show --id wrong@"*) exit 3 ;;
"ad app permission admin-consent"*)
  # The first request comes too early.
  [ -e "$HOME/consented" ] || { : >"$HOME/consented"; exit 1; } ;;
"ad app create --display-name acspass-exchange"*) echo dddddddd-0000-4000-8000-000000000001 ;;
"ad app create"*) echo cccccccc-0000-4000-8000-000000000001 ;;
"account show"*) echo eeeeeeee-0000-4000-8000-000000000001 ;;
rest*)
  for BODY; do :; done
  printf '%s\0' "$BODY" >>"$HOME/bodies" ;;
"ad user show --id ada@"*) echo aaaaaaaa-0000-4000-8000-000000000001 ;;
"ad user show --id ben@"*) echo aaaaaaaa-0000-4000-8000-000000000002 ;;
"ad group show"*) echo aaaaaaaa-0000-4000-8000-000000000003 ;;
"ad sp show"*) echo bbbbbbbb-0000-4000-8000-000000000001 ;;
esac
"#;

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

/// The part of the page with the commands.
fn commands_of(page: &str) -> String {
    let start = page.find("sh <<'EOF'").expect("commands");
    let end = page[start..].find("\nEOF\n").expect("their end");
    page[start..start + end + 5].to_owned()
}

#[test]
fn the_commands_for_an_exchange_service_can_be_pasted() {
    const DESKTOP: &str = "cccccccc-0000-4000-8000-000000000001";
    const SERVICE: &str = "dddddddd-0000-4000-8000-000000000001";
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

/// The shells of this machine that users paste into.
fn shells() -> Vec<&'static str> {
    let all = ["sh", "bash", "zsh"].into_iter();
    let found: Vec<_> = all
        .filter(|shell| {
            ["/bin", "/usr/bin"]
                .iter()
                .any(|at| Path::new(at).join(shell).exists())
        })
        .collect();
    assert!(found.contains(&"sh"));
    found
}

/// Types commands into a shell, with doubles of the Azure CLI and of a pause. Returns the last line of
/// output, which the shell prints after them.
fn paste(home: &Home, shell: &str, commands: &str) -> String {
    let output = paste_whole(home, shell, commands);
    format!("{}\n", output.lines().last().unwrap_or_default())
}

/// As [`paste`], with all lines of output.
fn paste_whole(home: &Home, shell: &str, commands: &str) -> String {
    use std::os::unix::fs::PermissionsExt;

    for (name, text) in [("az", AZ), ("sleep", "#!/bin/sh\n")] {
        let double = home.path().join(name);
        std::fs::write(&double, text).expect("the double");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&double, mode).expect("its mode");
    }
    let program = Path::new(env!("CARGO_BIN_EXE_acspass"));
    let built = program.parent().expect("a folder").display();
    let path = format!("{}:{built}:/usr/bin:/bin", home.path().display());
    let folder = home.path().display().to_string();
    let mut typed = Command::new(shell)
        .env_clear()
        .envs(&home.variables)
        .envs([("PATH", &path), ("HOME", &folder)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("a shell");
    let mut stdin = typed.stdin.take().expect("a pipe");
    write!(stdin, "{commands}\necho the shell goes on with $?\n").expect("the shell reads");
    drop(stdin);
    let output = typed.wait_with_output().expect("the shell ends");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
