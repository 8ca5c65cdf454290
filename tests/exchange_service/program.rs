//! The command line: `--check`, `--config`, and errors.

use acspass::emulator::{Emulator, Options};
use serde_json::{Value, json};

use crate::harness::Service;

fn emulator() -> Emulator {
    Emulator::start(Options::default()).expect("an emulator")
}

/// Runs the program, and returns its exit code and both streams.
fn run(emulator: &Emulator, changes: &[(&str, &str)], arguments: &[&str]) -> (i32, String, String) {
    let (mut command, _folder) = Service::command(emulator, changes);
    let output = command.args(arguments).output().expect("the program");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let code = output.status.code().expect("an exit code");
    (code, text(output.stdout), text(output.stderr))
}

#[test]
fn check_connects_to_all_systems_and_serves_nothing() {
    let emulator = emulator();
    let (code, stdout, _) = run(&emulator, &[], &["--check"]);
    assert_eq!(
        (code, stdout.as_str()),
        (
            0,
            "ok    signing keys\nok    credential\nok    ACS resource\n"
        )
    );
    let nowhere = ("DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/d");
    let (code, stdout, stderr) = run(&emulator, &[nowhere], &["--check", "-o", "json"]);
    assert_eq!(code, 6, "{stdout}");
    let checks: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(checks["checks"][3]["check"], "database");
    assert_eq!(checks["checks"][3]["outcome"], "fail");
    assert!(!format!("{stdout}{stderr}").contains("hunter2"));
}

#[test]
fn the_settings_can_be_in_a_file() {
    let emulator = emulator();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("exchange.toml");
    let file = path.to_str().expect("UTF-8");
    let without = [("ACSPASS_EXCHANGE_TENANTS", "")];
    std::fs::write(
        &path,
        format!("acspass_exchange_tenants = [\"{}\"]", emulator.tenant_id()),
    )
    .expect("written");
    let (code, stdout, stderr) = run(&emulator, &without, &["--check", "--config", file]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    std::fs::write(&path, "acspass_exchange_tenant = \"x\"").expect("written");
    let (code, stdout, stderr) = run(&emulator, &without, &["--config", file, "-o", "json"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    let error: Value = serde_json::from_str(&stderr).expect("JSON");
    let message = error["error"]["message"].as_str().expect("a message");
    assert!(message.contains("`acspass_exchange_tenant`"), "{message}");
    assert_eq!(error["error"]["kind"], json!("usage"));
}

#[test]
fn a_missing_setting_is_named_with_the_next_step() {
    let emulator = emulator();
    let (code, stdout, stderr) = run(&emulator, &[("ACSPASS_EXCHANGE_AUDIENCE", "")], &[]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(
        stderr.starts_with("error: ACSPASS_EXCHANGE_AUDIENCE is not set\nhint: "),
        "{stderr}"
    );
    let (code, _, stderr) = run(&emulator, &[], &["--chek"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("--check"), "{stderr}");
}
