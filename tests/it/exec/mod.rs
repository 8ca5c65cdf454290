//! `exec`: a command with a fresh token in its environment, and nothing between it and its caller.

#[cfg(target_os = "linux")]
mod killed;
#[cfg(target_os = "linux")]
mod server;

use crate::harness::process::Process;
use crate::harness::{Home, TestBrowser};

/// Starts `exec` with these words, exactly.
fn exec<'h>(home: &'h Home, words: &[&str]) -> Process<'h> {
    home.call(&[&["exec"], words].concat()).plainly().spawn()
}

/// A shell's words that say what the token in the environment claims, without showing it.
fn claims() -> String {
    let acspass = env!("CARGO_BIN_EXE_acspass");
    format!("printf %s \"$AZURE_COMMUNICATION_ACCESS_TOKEN\" | {acspass} inspect -o json")
}

#[test]
fn the_command_takes_the_place_of_acspass_with_a_valid_token() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let script = format!("echo $$; {}", claims());
    let process = exec(&home, &["--", "sh", "-c", &script]);
    let id = process.id().to_string();
    assert_eq!(process.next_line(), id, "the same process");
    let run = process.end();
    run.assert_code(0);
    let claims = run.stdout.lines().last().expect("claims");
    let claims: serde_json::Value = serde_json::from_str(claims).expect("JSON");
    assert!(claims["claims"]["skypeid"].is_string(), "{claims}");
}

#[test]
fn it_finds_this_endpoint_and_no_other_key() {
    let (mut home, emulator) = Home::with_keyring();
    home.login();
    let elsewhere = "endpoint=https://other.communication.azure.com/;accesskey=b3RoZXI=";
    for name in [
        "AZURE_COMMUNICATION_CONNECTION_STRING",
        "COMMUNICATION_SERVICES_ACCESSKEY",
        "ACSPASS_SERVE_URL",
        "ACSPASS_SERVE_SECRET_FILE",
    ] {
        home.set(name, elsewhere);
    }
    home.set("ITS_OWN", "stays");
    let run = exec(&home, &["sh", "-c", "env | cut -d= -f1; env | grep http"]).end();
    run.assert_code(0);
    let names: Vec<&str> = run.stdout.lines().collect();
    for gone in [
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
        "AZURE_COMMUNICATION_CONNECTION_STRING",
        "COMMUNICATION_SERVICES_ACCESSKEY",
        "ACSPASS_SERVE_URL",
        "ACSPASS_SERVE_SECRET_FILE",
    ] {
        assert!(!names.contains(&gone), "{gone} reached the command");
    }
    assert!(names.contains(&"ITS_OWN"));
    for name in [
        "COMMUNICATION_SERVICES_ENDPOINT",
        "AZURE_COMMUNICATION_ENDPOINT",
    ] {
        let line = format!("{name}={}", emulator.http_url());
        let line = line.trim_end_matches('/');
        let found = names.iter().any(|said| said.trim_end_matches('/') == line);
        assert!(found, "no {line} in {names:?}");
    }
}

#[test]
fn the_command_gets_no_other_credential_for_the_resource_and_the_user_sees_which_are_left() {
    let (mut home, emulator) = Home::with_keyring();
    home.login();
    let key = emulator.http_connection_string();
    let key = key.split_once("accesskey=").expect("a key").1.to_owned();
    for (name, value) in [
        ("AZURE_CLIENT_SECRET", "gone-1"),
        ("AZURE_CLIENT_CERTIFICATE_PASSWORD", "gone-2"),
        ("AZURE_PASSWORD", "gone-3"),
        ("AZURE_FEDERATED_TOKEN_FILE", "/gone-4"),
        ("MSI_SECRET", "gone-5"),
        ("IDENTITY_HEADER", "gone-6"),
        ("MY_KEY", key.as_str()),
        (
            "MY_RESOURCE",
            "endpoint=https://r.communication.azure.com/;accesskey=Z29uZQ==",
        ),
    ] {
        home.set(name, value);
    }
    home.set("GITHUB_TOKEN", "left-1");
    let script = "env | grep -v '^AZURE_COMMUNICATION_ACCESS_TOKEN='";
    let run = exec(&home, &["sh", "-c", script]).end();
    run.assert_code(0);
    for gone in ["gone-", "Z29uZQ==", key.as_str()] {
        assert!(!run.stdout.contains(gone), "{gone}");
    }
    assert!(run.stdout.contains("GITHUB_TOKEN=left-1"));
    run.assert_says(&["look like credentials: GITHUB_TOKEN.\n"]);
    run.assert_says(&["does not get these credential variables: ", "MY_KEY"]);
    for value in ["left-1", "gone-", "Z29uZQ=="] {
        assert!(!run.stderr.contains(value), "{value}");
    }
    let quiet = exec(&home, &["-q", "sh", "-c", "true"]).end();
    assert_eq!(quiet.stderr, "");
}

#[test]
fn the_exit_code_is_the_commands_own() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    for emulated in [&[][..], &["--emulator"]] {
        let words = [emulated, &["--", "sh", "-c", "exit 37"]].concat();
        exec(&home, &words).end().assert_code(37);
    }
}

#[test]
fn with_a_display_the_emulators_user_needs_no_click_for_a_command() {
    let mut home = Home::new();
    home.set("DISPLAY", ":0");
    home.set("BROWSER", "false");
    let script = "printf %s \"$AZURE_COMMUNICATION_ACCESS_TOKEN\"";
    let words = ["--emulator", "--no-interactive", "--", "sh", "-c", script];
    let run = exec(&home, &words).end();
    run.assert_code(0);
    assert_eq!(run.stdout.split('.').count(), 3, "a token");
}

#[test]
fn the_emulator_answers_while_the_command_runs() {
    let home = Home::new();
    let run = exec(&home, &["--emulator", "--", "sh", "-c", &claims()]).end();
    run.assert_code(0);
    assert!(run.json()["claims"]["exp"].is_number());
    let acspass = env!("CARGO_BIN_EXE_acspass");
    // The command's own `doctor` asks the metadata of the authority that is named.
    let script = format!(
        "AZURE_AUTHORITY_HOST=$COMMUNICATION_SERVICES_ENDPOINT \
         ACSPASS_TENANT_ID=00000000-0000-0000-0000-000000000000 \
         ACSPASS_STORE=memory {acspass} login --client-id 00000000-0000-0000-0000-000000000000"
    );
    let run = exec(&home, &["--emulator", "--", "sh", "-c", &script]).end();
    run.assert_says(&["AADSTS90002"]);
}

#[test]
fn signals_reach_the_command() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let script = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done";
    for emulated in [&[][..], &["--emulator"]] {
        let process = exec(&home, &[emulated, &["--", "sh", "-c", script]].concat());
        assert_eq!(process.next_line(), "ready");
        process.signal("TERM");
        assert_eq!(process.end().code, Some(5), "{emulated:?}");
    }
    let script = "echo ready; while :; do sleep 0.01; done";
    let process = exec(&home, &["--emulator", "--", "sh", "-c", script]);
    assert_eq!(process.next_line(), "ready");
    process.signal("INT");
    assert_eq!(process.end().code, Some(128 + 2), "as a shell tells it");
}

#[test]
fn what_is_no_command_is_told_as_shells_tell_it() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    for emulated in [&[][..], &["--emulator"]] {
        let no_such = [emulated, &["--", "no-such-command-anywhere"]].concat();
        let run = exec(&home, &no_such).end();
        let acspass = [&["acspass"], emulated].concat().join(" ");
        let shell = format!("`{acspass} exec -- sh -c 'COMMAND'`");
        run.assert_error(127, &["no-such-command-anywhere", "PATH", &shell]);
        let folder = home.path().display().to_string();
        let run = exec(&home, &[emulated, &["--", &folder]].concat()).end();
        run.assert_error(126, &["could not be run", "caused by"]);
    }
}

#[test]
fn without_a_token_nothing_is_run() {
    let (home, _emulator) = Home::with_emulator();
    let mark = home.path().join("was-run");
    let touch = format!("touch {}", mark.display());
    let run = exec(&home, &["--", "sh", "-c", &touch]).end();
    run.assert_error(4, &["no account is signed in"]);
    assert!(!mark.exists());
}

#[test]
fn the_command_finds_the_token_service_that_runs_and_none_that_is_gone() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let script = "echo ${ACSPASS_SERVE_URL-none}; echo ${ACSPASS_SERVE_SECRET_FILE-none}";
    let found = || {
        let run = exec(&home, &["--", "sh", "-c", script]).end();
        run.assert_code(0);
        run.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found(), ["none", "none"]);
    let words = ["serve", "--port", "0", "-o", "json"];
    let service = home.call(&words).plainly().spawn();
    let line: serde_json::Value = serde_json::from_str(&service.next_line()).expect("JSON");
    let [url, secret_file] = found().try_into().expect("two lines");
    assert_eq!(line["url"], url);
    assert_eq!(line["secretFile"], secret_file);
    let secret = std::fs::read_to_string(&secret_file).expect("its secret");
    assert!(!secret.is_empty() && !secret.contains('/'), "no path");
    // One that had no time to clean up.
    service.signal("KILL");
    assert_eq!(service.end().code, None);
    assert_eq!(found(), ["none", "none"]);
}

#[test]
fn a_state_folder_that_cannot_be_looked_into_keeps_no_command_from_its_token() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let state = home.path().join(".local/state/acspass");
    assert!(state.is_dir(), "the state folder is elsewhere now");
    std::fs::create_dir_all(state.join("serve/lock")).expect("a folder in the lock's place");
    let run = exec(&home, &["--", "sh", "-c", "echo ran"]).end();
    run.assert_code(0);
    assert_eq!(run.stdout, "ran\n");
}

#[test]
fn a_token_service_for_other_settings_is_not_named_to_the_command() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let narrow = ["--profile", "narrow"];
    let set = ["config", "set", "scopes", "Teams.ManageCalls"];
    home.real(&[&narrow[..], &set].concat()).assert_code(0);
    let serve = ["serve", "--port", "0", "-o", "json"];
    let service = home.call(&[&narrow[..], &serve].concat()).plainly().spawn();
    service.next_line();
    let script = "echo ${ACSPASS_SERVE_URL-none}";
    for (profile, is_named) in [(&narrow[..], true), (&[], false)] {
        let words = [profile, &["exec", "--", "sh", "-c", script]].concat();
        let run = home.call(&words).plainly().spawn().end();
        run.assert_code(0);
        assert_eq!(run.stdout.trim() != "none", is_named, "{}", run.stdout);
    }
    service.signal("INT");
    service.end().assert_code(0);
}

#[test]
fn a_token_service_that_answers_for_another_account_is_not_named_either() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let ben = ["login", "--account", "ben@contoso.example"];
    let run = home.call(&ben).by(&TestBrowser::walking()).spawn().end();
    run.assert_code(0);
    let service = home
        .call(&["serve", "--port", "0", "-o", "json"])
        .plainly()
        .spawn();
    service.next_line();
    let script = "echo ${ACSPASS_SERVE_URL-none}";
    let mut named = Vec::new();
    for user in ["ada@contoso.example", "ben@contoso.example"] {
        let run = exec(&home, &["--account", user, "--", "sh", "-c", script]).end();
        run.assert_code(0);
        named.push(run.stdout.trim() != "none");
    }
    assert_eq!(named.iter().filter(|named| **named).count(), 1, "{named:?}");
    service.signal("INT");
    service.end().assert_code(0);
}
