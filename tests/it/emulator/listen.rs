//! `--listen`: connections of other machines. Each case runs in a network namespace, in which
//! 192.0.2.1 (RFC 5737) is an address that is not loopback.

use std::process::Command;

use tempfile::TempDir;

/// Starts an emulator with these options, waits until it is ready, and stops it at the end. `ask`
/// prints the status of a response, or 000.
const SETUP: &str = r#"
set -eu
ip link set lo up
ip address add 192.0.2.1/32 dev lo
mkfifo ready
"$ACSPASS" emulator -o json "$@" >ready 2>messages &
trap 'kill $!; wait $!; cat messages' EXIT
read -r ready <ready
ask() { curl -sS -m 30 -o body -w '%{http_code}\n' "$@" || true; }
as() { host=$1; shift; ask -H "Host: $host" "$@"; }
"#;

/// Runs a script after a start with these options. Returns its output, then the messages.
fn run(options: &[&str], script: &str) -> String {
    let folder = TempDir::new().expect("a folder");
    let script = format!("{SETUP}{script}");
    let output = Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-c", &script, "emulator"])
        .args(options)
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("ACSPASS", env!("CARGO_BIN_EXE_acspass"))
        .env("ACSPASS_STATE_DIR", folder.path())
        .env("ACSPASS_CONFIG_DIR", folder.path())
        .output()
        .expect("unshare, of the package util-linux");
    let text = String::from_utf8(output.stdout).expect("text");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    text
}

#[test]
fn other_machines_are_accepted_by_the_emulators_names_only() {
    let text = run(
        &["--listen", "0.0.0.0", "--host-name", "acspass"],
        r#"
        echo "$ready"
        for host in acspass:8485 acspass:32768 acspass localhost:32768 192.0.2.1:8485 evil.test:8485; do
            echo "$host $(as $host http://192.0.2.1:8485/)"
        done
        clock=http://192.0.2.1:8485/_emulator/v1/clock
        frozen='-X PUT -H Content-Type:application/json -d {"frozen":true}'
        echo "without the header $(as acspass:8485 $frozen $clock)"
        echo "with the header $(as acspass:8485 $frozen -H X-Acspass-Emulator:1 $clock)"
        as acspass:8485 http://192.0.2.1:8485/_emulator/ca.pem
        mv body ca.pem
        resolve=acspass:8486:192.0.2.1
        echo "https $(ask --cacert ca.pem --resolve $resolve https://acspass:8486/)"
        "$ACSPASS" emulator healthcheck && echo healthy
        "#,
    );
    for line in [
        "acspass:8485 200",
        "acspass:32768 200",
        "acspass 200",
        "localhost:32768 200",
        "192.0.2.1:8485 421",
        "evil.test:8485 421",
        "without the header 403",
        "with the header 200",
        "https 200",
        "healthy",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert!(text.contains(r#""url":"https://acspass:8486""#), "{text}");
    let warning = "warning: with --listen 0.0.0.0, every machine and user that can connect to this \
                   machine's port 8486 or 8485";
    assert!(text.contains(warning), "{text}");
}

#[test]
fn address_of_an_interface_is_a_name_of_the_emulator() {
    let text = run(
        &[
            "--listen",
            "192.0.2.1",
            "--https-port=443",
            "--http-port=80",
        ],
        r#"
        echo "$ready"
        ask http://192.0.2.1/_emulator/ca.pem
        mv body ca.pem
        echo "https $(ask --cacert ca.pem https://192.0.2.1/)"
        ACSPASS_EMULATOR_URL=http://localhost "$ACSPASS" emulator healthcheck && echo healthy
        "#,
    );
    assert!(text.contains(r#""url":"https://192.0.2.1""#), "{text}");
    assert!(text.contains("https 200\nhealthy\n"), "{text}");
}

#[test]
fn without_an_address_of_other_machines_they_are_refused() {
    let script = r#"
        echo "by name $(as acspass:8485 http://192.0.2.1:8485/)"
        echo "own port $(as acspass:8485 http://127.0.0.1:8485/)"
        echo "other port $(as acspass:32768 http://127.0.0.1:8485/)"
        "#;
    for listen in [&[][..], &["--listen", "127.0.0.1"], &["--listen", "::1"]] {
        let options = [&["--host-name", "acspass"], listen].concat();
        let text = run(&options, script);
        assert!(text.contains("by name 000"), "{text}");
        assert!(text.contains("own port 200"), "{text}");
        assert!(text.contains("other port 421"), "{text}");
        assert!(!text.contains("warning:"), "{text}");
    }
}
