//! `--import`, `--export-on-exit`, `emulator reset` and `emulator token`.

use std::fs;

use serde_json::Value;

use super::{home, start, stop};
use crate::harness::Home;

/// Creates an identity at an emulator with this line of JSON, and returns a token of it.
fn token(home: &mut Home, ready: &Value) -> String {
    home.set(
        "ACSPASS_EMULATOR_URL",
        ready["httpUrl"].as_str().expect("a URL"),
    );
    let run = home.real(&["emulator", "token", "communication"]);
    run.assert_code(0);
    run.stdout.trim().to_owned()
}

fn is_valid(home: &Home, ready: &Value, token: &str) -> bool {
    let url = ready["httpUrl"].as_str().expect("a URL");
    let file = home.path().join("header");
    fs::write(&file, format!("Authorization: Bearer {token}")).expect("written");
    let header = format!("@{}", file.display());
    let run = std::process::Command::new("curl")
        .args([
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--noproxy",
            "*",
            "-H",
            &header,
        ])
        .arg(format!("{url}/emulator/whoami"))
        .output()
        .expect("curl");
    run.stdout == b"200"
}

#[test]
fn a_second_emulator_continues_from_the_file_of_the_first() {
    let (mut client, server) = (home(), home());
    let file = server.path().join("state.json");
    let path = file.display().to_string();
    let (running, ready) = start(&server, &["--export-on-exit", &path]);
    let valid = token(&mut client, &ready);
    assert!(is_valid(&client, &ready, &valid));
    assert!(!file.exists(), "the file is written at the exit");
    stop(running);

    let (running, ready) = start(&server, &["--import", &path]);
    assert!(is_valid(&client, &ready, &valid));
    client.set(
        "ACSPASS_EMULATOR_URL",
        ready["httpUrl"].as_str().expect("a URL"),
    );
    client.real(&["emulator", "reset"]).assert_code(0);
    assert!(!is_valid(&client, &ready, &valid));
    stop(running);
}

#[test]
fn a_file_that_cannot_be_used_is_refused_before_the_start() {
    let home = home();
    let wrong = home.path().join("wrong.json");
    fs::write(&wrong, r#"{"version": 9}"#).expect("written");
    let wrong = wrong.display().to_string();
    let run = home.real(&["emulator", "--import", &wrong]);
    run.assert_error(2, &["the snapshot has the version 9"]);
    let run = home.real(&["emulator", "--import", "/nothing/here"]);
    run.assert_error(2, &["could not read the state"]);
    let run = home.real(&["emulator", "--export-on-exit", "/nothing/here"]);
    run.assert_error(2, &["--export-on-exit"]);
}
