//! `emulator exec`: a command with an emulator of its own.

use std::collections::BTreeSet;
use std::path::Path;

use crate::harness::process::Process;
use crate::harness::{Home, left, wait_until};

const ACSPASS: &str = env!("CARGO_BIN_EXE_acspass");

/// Starts `emulator exec` with these words, exactly.
fn exec<'h>(home: &'h Home, words: &[&str]) -> Process<'h> {
    let words = [&["emulator", "exec"], words].concat();
    home.call(&words).plainly().spawn()
}

/// A home with the folders of acspass, and with a temporary folder of its own, which is returned.
fn home() -> (Home, String) {
    let mut home = Home::new();
    let temporary = home.path().join("tmp");
    std::fs::create_dir(&temporary).expect("a folder");
    let temporary = temporary.display().to_string();
    let folder = home.path().display().to_string();
    home.set("TMPDIR", &temporary);
    home.set("ACSPASS_CONFIG_DIR", &folder);
    home.set("ACSPASS_STATE_DIR", &folder);
    home.set("PATH", "/usr/bin:/bin");
    (home, temporary)
}

fn is_empty(folder: &str) -> bool {
    let mut entries = std::fs::read_dir(folder).expect("a folder");
    entries.next().is_none()
}

#[test]
fn acspass_and_tls_clients_find_the_emulator_at_once() {
    let (home, temporary) = home();
    let script = format!(
        "{ACSPASS} user create && \
         {ACSPASS} config get authority-host && stat -c '%a %n' \"$(dirname \"$SSL_CERT_FILE\")\" && \
         ls -A \"$(dirname \"$SSL_CERT_FILE\")\" && ! grep PRIVATE \"$SSL_CERT_FILE\" && \
         echo \"$NODE_EXTRA_CA_CERTS\" \"$REQUESTS_CA_BUNDLE\""
    );
    let run = exec(&home, &["--", "sh", "-c", &script]).end();
    run.assert_code(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let [identity, host, folder, bundle, others] = lines[..] else {
        panic!("{run:?}");
    };
    assert!(identity.starts_with("8:acs:"), "{identity}");
    assert!(host.starts_with("https://localhost:"), "{host}");
    let place = folder.strip_prefix("700 ").expect("a private folder");
    assert!(place.starts_with(&temporary), "{place}");
    let bundle = Path::new(place).join(bundle).display().to_string();
    assert_eq!(others, format!("{bundle} {bundle}"));
    assert!(!run.stderr.contains("refused"), "{}", run.stderr);
    assert!(is_empty(&temporary));
}

#[test]
fn folder_and_command_are_gone_after_a_kill_of_acspass() {
    let (home, temporary) = home();
    let script = "echo ready; while :; do sleep 0.1; done";
    for script in [script, &format!("trap '' TERM; {script}")] {
        let process = exec(&home, &["--", "sh", "-c", script, &temporary]);
        assert_eq!(process.next_line(), "ready");
        assert!(!is_empty(&temporary));
        process.signal("KILL");
        process.end();
        wait_until("no process is left", || {
            left::processes(&temporary).is_empty()
        });
        assert!(is_empty(&temporary));
    }
}

#[test]
fn the_bundle_has_the_systems_certificates_too() {
    let (home, _) = home();
    let run = exec(
        &home,
        &["--", "sh", "-c", "grep -c BEGIN \"$SSL_CERT_FILE\""],
    )
    .end();
    run.assert_code(0);
    let count: usize = run.stdout.trim().parse().expect("a number");
    let system = std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt");
    let system = system.expect("ca-certificates");
    assert_eq!(count, system.matches("BEGIN").count() + 1);
}

#[test]
fn a_failing_command_brings_its_code_and_the_refused_requests() {
    let (home, _) = home();
    let foreign = "8:acs:ac5ba55e-0ac5-4000-8000-0000000000e2_00000007-0464-274b-b274-5a3a0d000101";
    let script = format!("{ACSPASS} token revoke --user {foreign} 2>/dev/null; exit 37");
    let run = exec(&home, &["--", "sh", "-c", &script]).end();
    run.assert_code(37);
    assert_eq!(run.stdout, "");
    let foreign = foreign.replace(':', "%3A");
    let refusal = format!("The emulator refused a request:\n  POST /identities/{foreign}/");
    run.assert_says(&[&refusal, "401: "]);
    let run = exec(&home, &["--", "sh", "-c", "exit 37"]).end();
    run.assert_code(37);
    assert_eq!(run.stderr, "");
    exec(&home, &["--", "no-such-command-anywhere"])
        .end()
        .assert_error(
            127,
            &[
                "no-such-command-anywhere",
                "PATH",
                "`acspass emulator exec -- sh -c 'COMMAND'`",
            ],
        );
    exec(&home, &["--", "/"])
        .end()
        .assert_error(126, &["could not be run"]);
}

#[test]
fn a_signal_goes_to_the_command_and_the_folder_is_removed() {
    let (home, temporary) = home();
    let script = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done";
    let process = exec(&home, &["--", "sh", "-c", script]);
    assert_eq!(process.next_line(), "ready");
    assert!(!is_empty(&temporary));
    process.signal("TERM");
    assert_eq!(process.end().code, Some(5));
    assert!(is_empty(&temporary));
    for (signal, code) in [("INT", 130), ("HUP", 129), ("QUIT", 131)] {
        let script = "ulimit -c 0; echo ready; while :; do sleep 0.01; done";
        let process = exec(&home, &["--", "sh", "-c", script]);
        assert_eq!(process.next_line(), "ready");
        process.signal(signal);
        assert_eq!(process.end().code, Some(code), "{signal}");
        assert!(is_empty(&temporary), "{signal}");
    }
}

#[test]
fn many_run_at_a_time_and_share_nothing() {
    let (home, temporary) = home();
    let script = format!(
        "trap '{ACSPASS} user create; exit' TERM; echo \"$AZURE_AUTHORITY_HOST\"; \
         while :; do sleep 0.01; done"
    );
    let running: Vec<Process<'_>> = (0..8)
        .map(|_| exec(&home, &["--", "sh", "-c", &script]))
        .collect();
    let hosts: BTreeSet<String> = running.iter().map(Process::next_line).collect();
    assert_eq!(hosts.len(), 8, "{hosts:?}");
    for process in &running {
        process.signal("TERM");
    }
    for process in running {
        let run = process.end();
        run.assert_code(0);
        assert!(run.stdout.contains("\n8:acs:"), "{run:?}");
    }
    assert!(is_empty(&temporary));
}
