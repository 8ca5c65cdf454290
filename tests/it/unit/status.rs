//! `serve --status`, where nobody runs and where somebody does.

use serde_json::{Value, json};

use super::{Desk, free_port};
use crate::harness::Home;

#[test]
fn where_nothing_runs_it_says_so_and_ends_with_6() {
    let desk = Desk::new();
    let run = desk.home.run(&["serve", "--status", "-o", "json"]);
    assert_eq!(run.code, Some(6), "{}", run.stderr);
    let expected = json!({
        "running": false, "answers": false, "pid": null, "since": null, "url": null,
        "secretFile": null, "socket": null, "installed": false, "active": null,
        "socketActive": null, "signedIn": [], "signInNeeded": [],
    });
    assert_eq!(run.json(), expected);
    desk.home
        .run(&["serve", "--install", "--port", &free_port()])
        .assert_code(0);
    let run = desk.home.run(&["serve", "--status", "-o", "json"]);
    assert_eq!(run.json()["installed"], true);
    // The stand-in says so of both.
    assert_eq!(run.json()["active"], false);
    assert_eq!(run.json()["socketActive"], false);
    let run = desk.home.run(&["serve", "--status"]);
    assert!(run.stdout.contains("journalctl"), "{}", run.stdout);
}

#[test]
fn a_service_that_runs_is_found_and_asked() {
    let (mut home, _emulator) = Home::with_emulator();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    let process = home.call(&["serve", "--port", "0", "-o", "json"]).spawn();
    let ready: Value = serde_json::from_str(&process.next_line()).expect("JSON");
    let run = home.real(&["serve", "--status", "-o", "json"]);
    run.assert_code(0);
    let status = run.json();
    assert_eq!(status["running"], true);
    assert_eq!(status["answers"], true);
    assert_eq!(status["pid"], process.id());
    for name in ["url", "secretFile", "socket"] {
        assert_eq!(status[name], ready[name], "{name}");
    }
    let since = status["since"].as_str().expect("a time");
    let written = std::fs::metadata(ready["secretFile"].as_str().expect("a file"));
    let written = written.expect("it is there").modified().expect("a time");
    let seconds = written
        .duration_since(std::time::UNIX_EPOCH)
        .expect("later")
        .as_secs();
    let expected = acspass::time::Timestamp::from_unix_seconds(seconds.try_into().expect("a time"));
    assert_eq!(since, expected.to_string());
    // It holds its folder and its port, and says nothing.
    process.signal("STOP");
    let run = home.real(&["serve", "--status", "-o", "json"]);
    assert_eq!(run.code, Some(6), "{}", run.stderr);
    assert_eq!(run.json()["running"], true);
    assert_eq!(run.json()["answers"], false);
    process.signal("CONT");
    process.signal("TERM");
    process.end().assert_code(0);
}
