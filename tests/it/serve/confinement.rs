//! A service that an attacker has taken over: what the confinement leaves to it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::Service;
use crate::harness::Home;

/// What the intruder of debug builds tries outside the service's folders.
const ATTEMPTS: [&str; 7] = ["read", "write", "create", "move", "list", "link", "run"];

fn home() -> (Home, std::sync::Arc<acspass::emulator::Emulator>) {
    let (mut home, emulator) = Home::with_emulator();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    let other = home.path().join("other");
    fs::create_dir(&other).expect("a folder");
    fs::write(other.join("file"), "of the user").expect("a file");
    home.set(
        "ACSPASS_TEST_INTRUDER",
        &other.join("file").display().to_string(),
    );
    (home, emulator)
}

/// Starts a service, asks `doctor` about it, and returns what both said.
fn said(home: &Home) -> (String, String) {
    let service = Service::start(home, &[]);
    service.get("/status").assert_status(200);
    let doctor = home.real(&["doctor", "--offline"]).stdout;
    let status = format!("/proc/{}/status", service.process.id());
    let status = fs::read_to_string(status).expect("it runs");
    let is_confined = status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2");
    assert_eq!(
        is_confined,
        doctor.contains("starts no program"),
        "{status}"
    );
    let run = service.stop();
    run.assert_code(0);
    (run.stderr, doctor)
}

#[test]
fn compromised_service_opens_no_other_file_and_starts_no_program() {
    let (home, _emulator) = home();
    let (said, doctor) = said(&home);
    for thread in ["serving", "new"] {
        for attempt in ATTEMPTS {
            let line = said
                .lines()
                .find(|line| line.contains(&format!("intruder: {thread} {attempt}: ")));
            let line = line.unwrap_or_else(|| panic!("{thread} {attempt}: {said}"));
            let is_refused = ["PermissionDenied", "CrossesDevices"]
                .iter()
                .any(|kind| line.ends_with(kind));
            assert!(is_refused, "{line}");
        }
        assert!(
            said.contains(&format!("intruder: {thread} own: done")),
            "{said}"
        );
    }
    let folder = home.path().join("other");
    assert_eq!(
        fs::read_to_string(folder.join("file")).expect("a file"),
        "of the user"
    );
    assert_eq!(fs::read_dir(folder).expect("a folder").count(), 1);
    let line = doctor.lines().find(|line| line.contains(" confinement "));
    let line = line.expect("the check");
    assert!(line.starts_with("ok "), "{line}");
    assert!(line.contains("starts no program"), "{line}");
}

#[test]
fn service_with_the_credential_of_a_program_is_not_confined_and_says_so() {
    let (mut home, emulator) = home();
    let programs = home.path().join("bin");
    fs::create_dir(&programs).expect("a folder");
    let az = programs.join("az");
    fs::write(&az, "#!/bin/sh\nexit 1\n").expect("a program");
    fs::set_permissions(&az, fs::Permissions::from_mode(0o755)).expect("it can be run");
    home.set("PATH", &programs.display().to_string());
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    home.set("COMMUNICATION_SERVICES_ENDPOINT", &emulator.http_url());
    let (said, doctor) = said(&home);
    assert!(said.contains("the service is not confined"), "{said}");
    for thread in ["serving", "new"] {
        for attempt in ATTEMPTS {
            assert!(
                said.contains(&format!("intruder: {thread} {attempt}: done")),
                "{thread} {attempt}: {said}"
            );
        }
    }
    let line = doctor.lines().find(|line| line.contains(" confinement "));
    assert!(line.expect("the check").starts_with("warn "), "{line:?}");
}

/// Both places are compiled for debug builds only, and no other place knows the variable.
#[test]
fn the_intruder_is_no_part_of_a_release() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |name: &str| fs::read_to_string(source.join(name)).expect("source");
    let only_in_debug = |text: &str, line: &str| {
        let (before, _) = text.split_once(line).expect("the line");
        assert!(
            before.trim_end().ends_with("#[cfg(debug_assertions)]"),
            "{line}"
        );
        assert_eq!(text.matches(line).count(), 1, "{line}");
    };
    only_in_debug(&read("cli/mod.rs"), "mod intruder;");
    only_in_debug(&read("cli/confined.rs"), "super::intruder::act(");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("Cargo.toml");
    assert!(!manifest.contains("debug-assertions"), "a release has none");
}
