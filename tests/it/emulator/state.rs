//! `--import`, `--export-on-exit`, `emulator reset` and `emulator token`.

use std::fs;
use std::time::Instant;

use serde_json::Value;

use super::{home, start, stop};
use crate::harness::Home;

/// Each starts two processes.
const KILLS: u32 = 100;

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

/// The kills come at instants that are spread over the end of an emulator, which other tests can make
/// slower. Each emulator continues from the file that the killed one left.
#[test]
fn killed_export_leaves_the_old_state_or_the_new_one() {
    let (mut client, server) = (home(), home());
    let file = server.path().join("state.json");
    let path = file.display().to_string();
    let (running, ready) = start(&server, &["--export-on-exit", &path]);
    token(&mut client, &ready);
    let signalled = Instant::now();
    stop(running);
    let whole = signalled.elapsed();

    let (mut old, mut replaced) = (fs::read(&file).expect("the state"), 0);
    for round in 0..KILLS {
        let (running, ready) = start(&server, &["--import", &path, "--export-on-exit", &path]);
        token(&mut client, &ready);
        running.signal("INT");
        // Steps that share no factor with the time of an export.
        let until = Instant::now() + 2 * whole * (round * 317 % 1000) / 1000;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        running.signal("KILL");
        running.end();
        let new = fs::read(&file).expect("a whole state");
        if new != old {
            assert_eq!(identities(&new), identities(&old) + 1);
            replaced += 1;
        }
        old = new;
    }
    assert!((1..KILLS).contains(&replaced), "{replaced} of {KILLS}");
    let (running, _) = start(&server, &["--import", &path]);
    stop(running);
}

/// Returns the number of identities in a snapshot.
fn identities(snapshot: &[u8]) -> usize {
    let snapshot: Value = serde_json::from_slice(snapshot).expect("a whole state");
    let resources = snapshot["resources"].as_array().expect("resources");
    let of = |resource: &Value| {
        let created = resource["identities"]["created"].as_array();
        created.expect("identities").len()
    };
    resources.iter().map(of).sum()
}
