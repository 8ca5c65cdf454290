//! `serve --status` with and without a running service.

use serde_json::{Value, json};

use super::{SystemdHome, free_port};
use crate::harness::Home;

#[test]
fn status_without_a_service_exits_with_6() {
    let systemd = SystemdHome::new();
    let run = systemd.home.run(&["serve", "--status", "-o", "json"]);
    assert_eq!(run.code, Some(6), "{}", run.stderr);
    let expected = json!({
        "running": false, "answers": false, "pid": null, "since": null, "url": null,
        "secretFile": null, "socket": null, "installed": false, "active": null,
        "socketActive": null, "signedIn": [], "signInNeeded": [],
    });
    assert_eq!(run.json(), expected);
    systemd
        .home
        .run(&["serve", "--install", "--port", &free_port()])
        .assert_code(0);
    let run = systemd.home.run(&["serve", "--status", "-o", "json"]);
    assert_eq!(run.json()["installed"], true);
    // The fake `systemctl` reports this for both.
    assert_eq!(run.json()["active"], false);
    assert_eq!(run.json()["socketActive"], false);
    let run = systemd.home.run(&["serve", "--status"]);
    assert!(run.stdout.contains("journalctl"), "{}", run.stdout);
}

#[test]
fn status_of_a_running_service_is_printed() {
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
    // It has the folder and the port, and does not respond.
    process.signal("STOP");
    let run = home.real(&["serve", "--status", "-o", "json"]);
    assert_eq!(run.code, Some(6), "{}", run.stderr);
    assert_eq!(run.json()["running"], true);
    assert_eq!(run.json()["answers"], false);
    process.signal("CONT");
    process.signal("TERM");
    process.end().assert_code(0);
}
