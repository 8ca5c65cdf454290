//! `get -o env` and `get -o header`: a token in the forms that a shell and curl read.

use std::io::ErrorKind;
use std::process::Command;

use crate::harness::{Home, Run};

const ACSPASS: &str = env!("CARGO_BIN_EXE_acspass");

/// Runs a shell script; its arguments are those of the call.
fn shell(home: &Home, script: &str, arguments: &[&str]) -> Run {
    let mut sh = Command::new("sh");
    sh.args(["-c", script, "sh"]);
    let call = home.call(arguments).plainly();
    call.spawn_under(&mut sh, "a shell").end()
}

/// The claims that `inspect` decodes.
fn claims(run: &Run) -> serde_json::Value {
    let line = run.stdout.lines().last().expect("claims");
    let json: serde_json::Value = serde_json::from_str(line).expect("JSON");
    json["claims"].clone()
}

#[test]
fn a_shell_evaluates_the_assignments() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    let script = format!(
        "eval \"$({ACSPASS} \"$@\")\" && echo \"$COMMUNICATION_SERVICES_ENDPOINT\" && \
         echo \"$AZURE_COMMUNICATION_ENDPOINT\" && \
         printf %s \"$AZURE_COMMUNICATION_ACCESS_TOKEN\" | {ACSPASS} inspect -o json"
    );
    for words in [&["get", "-o", "env"][..], &["--output=env", "get"]] {
        let run = shell(&home, &script, words);
        run.assert_code(0);
        let endpoints: Vec<&str> = run.stdout.lines().take(2).collect();
        assert_eq!(endpoints, [emulator.http_url(), emulator.http_url()]);
        assert!(claims(&run)["skypeid"].is_string(), "{}", run.stdout);
    }
}

#[test]
fn each_line_is_one_assignment_as_in_an_env_file() {
    let home = Home::new();
    let run = home.real(&["get", "--emulator", "-o", "env"]);
    run.assert_code(0);
    let assignments: Vec<(&str, &str)> = run
        .stdout
        .lines()
        .map(|line| line.split_once('=').expect("an assignment"))
        .collect();
    let names: Vec<&str> = assignments.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "AZURE_COMMUNICATION_ACCESS_TOKEN",
            "COMMUNICATION_SERVICES_ENDPOINT",
            "AZURE_COMMUNICATION_ENDPOINT"
        ]
    );
    // The reader of an env file keeps quotes as part of the value.
    for (name, value) in assignments {
        assert!(!value.contains(['\'', '"', ' ']), "{name}");
    }
}

#[test]
fn the_entra_token_has_its_own_variable_and_needs_no_resource() {
    let (mut home, _emulator) = Home::with_keyring();
    home.login();
    let script = format!(
        "eval \"$({ACSPASS} \"$@\")\" && test -z \"$AZURE_COMMUNICATION_ACCESS_TOKEN\" && \
         printf %s \"$ACSPASS_ENTRA_TOKEN\" | {ACSPASS} inspect -o json"
    );
    let run = shell(&home, &script, &["get", "--entra", "-o", "env"]);
    assert!(claims(&run)["scp"].is_string(), "{}", run.stdout);
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    let run = home.real(&["get", "--entra", "-o", "env"]);
    run.assert_code(0);
    assert_eq!(run.stdout.lines().count(), 1, "no endpoint is known");
}

#[test]
fn curl_sends_the_header() {
    let version = Command::new("curl").arg("--version").output();
    if version.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return;
    }
    let (home, emulator) = Home::with_keyring();
    home.login();
    let url = format!("{}/emulator/whoami", emulator.http_url());
    let script = format!("{ACSPASS} \"$@\" | curl -sS --fail -H @- {url}");
    let run = shell(&home, &script, &["get", "-o", "header"]);
    run.assert_code(0);
    assert!(run.json()["skypeid"].is_string(), "{}", run.stdout);
    let run = home.real(&["get", "-o", "header"]);
    assert_eq!(run.stdout.lines().count(), 1);
    let header = run.stdout.strip_prefix("Authorization: Bearer eyJ");
    assert!(header.is_some(), "the header");
}

#[test]
fn other_commands_refuse_both_formats_and_do_not_offer_them() {
    let home = Home::new();
    for words in [
        &["status"][..],
        &["login"],
        &["exec", "true"],
        &["token", "issue", "--scope", "chat"],
        &["version"],
    ] {
        for format in ["env", "header"] {
            for place in [0, 1] {
                let mut words = words.to_vec();
                words.splice(place..place, ["-o", format]);
                let run = home.run(&words);
                let message = format!("invalid format `{format}` for --output; only `get`");
                run.assert_error(2, &[&message, "Use `-o text` or `-o json`"]);
            }
        }
    }
    let run = home.run(&["get", "-o", "yaml"]);
    run.assert_error(2, &["Use one of text, json, env, header."]);
    let run = home.run(&["status", "-o", "yaml"]);
    run.assert_error(2, &["Use one of text, json."]);
    for words in [&["status", "--help"][..], &["--help"]] {
        assert!(!home.run(words).stdout.contains("json, env"));
    }
    let run = home.run(&["get", "--help"]);
    assert!(run.stdout.contains("env is shell assignments"));
}
