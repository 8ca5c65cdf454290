//! The command line: `--check`, `--config`, and errors.

use std::io::{Read, Write};
use std::net::TcpListener;

use acspass::emulator::{Emulator, Options};
use serde_json::{Value, json};

use crate::harness::{CLIENT, Postgres, Service};

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
    let keys = format!("ok    signing keys of {}\n", emulator.tenant_id());
    assert_eq!(
        (code, stdout),
        (0, format!("{keys}ok    credential\nok    ACS resource\n"))
    );
    assert_eq!(emulator.count("exchange"), 1, "of a token that is none");
    let postgres = Postgres::start();
    let url = postgres.url();
    let database = [("DATABASE_URL", url.as_str())];
    let (code, stdout, _) = run(&emulator, &database, &["--check"]);
    assert_eq!(code, 0, "{stdout}");
    assert!(
        stdout.ends_with("ok    database: the next start applies 1 of its migrations\n"),
        "{stdout}"
    );
    let schema = "SELECT to_regclass('acspass_exchange.migrations') IS NULL";
    assert_eq!(
        postgres.query(schema).as_deref(),
        Some("t"),
        "a check changes nothing"
    );
    drop(Service::start(&emulator, &database));
    let (_, stdout, _) = run(&emulator, &database, &["--check"]);
    assert!(
        stdout.ends_with("ok    database: its schema is current\n"),
        "{stdout}"
    );
}

#[test]
fn check_names_all_failures_in_one_run() {
    let emulator = emulator();
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("wrong-key");
    std::fs::write(&key, "bm90LXRoZS1rZXk=").expect("written");
    let tenants = format!(
        "{},ac5ba55e-7e4a-4000-8000-0000000000ff",
        emulator.tenant_id()
    );
    let missing = folder.path().join("missing.pem");
    let missing = missing.to_str().expect("UTF-8");
    let changes = [
        ("ACSPASS_EXCHANGE_TENANTS", tenants.as_str()),
        ("ACSPASS_EXCHANGE_KEY_FILE", key.to_str().expect("UTF-8")),
        ("ACSPASS_EXCHANGE_TLS_CERT", missing),
        ("ACSPASS_EXCHANGE_TLS_KEY", missing),
        ("ACSPASS_EXCHANGE_ON_BEHALF_OF", "true"),
        ("AZURE_CLIENT_ID", "ac5ba55e-0c11-4000-8000-0000000000e1"),
        ("AZURE_CLIENT_CERTIFICATE_PATH", missing),
        ("DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/d"),
    ];
    let (code, stdout, stderr) = run(&emulator, &changes, &["--check", "-o", "json"]);
    assert_eq!(code, 2, "the first one is a file: {stdout}");
    let checks: Value = serde_json::from_str(&stdout).expect("JSON");
    let found: Vec<(&str, &str)> = checks["checks"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|check| {
            let text = |name: &str| check[name].as_str().expect("a text");
            (text("check"), text("outcome"))
        })
        .collect();
    let keys = format!("signing keys of {}", emulator.tenant_id());
    assert_eq!(
        found,
        [
            ("TLS files", "fail"),
            (keys.as_str(), "ok"),
            (
                "signing keys of ac5ba55e-7e4a-4000-8000-0000000000ff",
                "fail"
            ),
            ("credential", "ok"),
            ("ACS resource", "fail"),
            ("on-behalf-of", "fail"),
            ("database", "fail"),
        ]
    );
    let hint = "Check ACSPASS_EXCHANGE_KEY_FILE, or the role of the principal.";
    assert_eq!(checks["checks"][4]["hint"], hint);
    let all = format!("{stdout}{stderr}");
    assert!(!all.contains("hunter2") && !all.contains("bm90"), "{all}");
}

#[test]
fn a_named_file_that_never_ends_or_is_missing_ends_the_start() {
    let emulator = emulator();
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("mkfifo").success());
    let fifo = fifo.to_str().expect("UTF-8");
    for path in [fifo, "/dev/zero"] {
        let (code, _, stderr) = run(&emulator, &[], &["--config", path]);
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains("is not a regular file"), "{stderr}");
        for changes in [
            &[("ACSPASS_EXCHANGE_KEY_FILE", path)][..],
            &[("ACSPASS_CA_FILE", path)],
            &[
                ("ACSPASS_EXCHANGE_TLS_CERT", path),
                ("ACSPASS_EXCHANGE_TLS_KEY", path),
            ],
            &[
                ("ACSPASS_EXCHANGE_ON_BEHALF_OF", "true"),
                ("AZURE_CLIENT_ID", CLIENT),
                ("AZURE_CLIENT_CERTIFICATE_PATH", path),
            ],
            &[
                ("ACSPASS_EXCHANGE_ON_BEHALF_OF", "true"),
                ("AZURE_CLIENT_ID", CLIENT),
                ("AZURE_FEDERATED_TOKEN_FILE", path),
            ],
            &[
                ("ACSPASS_EXCHANGE_KEY_FILE", ""),
                ("AZURE_CLIENT_ID", CLIENT),
                ("AZURE_TENANT_ID", emulator.tenant_id()),
                ("AZURE_FEDERATED_TOKEN_FILE", path),
            ],
        ] {
            let (code, stdout, stderr) = run(&emulator, changes, &[]);
            assert_eq!((code, stdout.as_str()), (2, ""), "{changes:?}: {stderr}");
        }
    }
    let missing = [("ACSPASS_CA_FILE", "/nowhere/ca.pem")];
    for arguments in [&[][..], &["--check"]] {
        let (code, stdout, stderr) = run(&emulator, &missing, arguments);
        assert_eq!(code, 2, "{stdout}{stderr}");
        let all = format!("{stdout}{stderr}");
        assert!(
            all.contains("`/nowhere/ca.pem` in ACSPASS_CA_FILE"),
            "{all}"
        );
    }
}

#[test]
fn check_of_an_authority_that_is_down_names_its_setting() {
    let emulator = emulator();
    let changes = [("AZURE_AUTHORITY_HOST", "http://localhost:1")];
    let (code, stdout, _) = run(&emulator, &changes, &["--check"]);
    assert_eq!(code, 6, "{stdout}");
    let hint = "connection refused\n      Check AZURE_AUTHORITY_HOST.\n";
    assert!(stdout.contains(hint), "{stdout}");
}

#[test]
fn check_of_an_https_address_of_this_machine_without_tls_names_the_scheme() {
    let emulator = emulator();
    let https = emulator.http_url().replace("http://", "https://");
    let changes = [("AZURE_AUTHORITY_HOST", https.as_str())];
    let (code, stdout, _) = run(&emulator, &changes, &["--check"]);
    assert_eq!(code, 6, "{stdout}");
    assert!(stdout.contains("does not use TLS"), "{stdout}");
    let hint = "      Use an address that begins with http://, or another port.\n";
    assert!(stdout.contains(hint), "{stdout}");
    assert!(!stdout.contains("captive portal"), "{stdout}");
}

#[test]
fn check_names_all_settings_that_are_missing_or_invalid() {
    let emulator = emulator();
    let changes = [
        ("ACSPASS_EXCHANGE_TENANTS", "contoso.com"),
        ("ACSPASS_EXCHANGE_CLIENTS", ""),
        ("ACSPASS_EXCHANGE_BUDGET", "0"),
    ];
    let (code, stdout, _) = run(&emulator, &changes, &["--check"]);
    assert_eq!(code, 2, "{stdout}");
    for (name, _) in changes {
        assert!(stdout.contains(name), "{name}: {stdout}");
    }
    assert_eq!(stdout.matches("fail  settings: ").count(), 3, "{stdout}");
}

#[test]
fn check_uses_the_credential_for_on_behalf_of_requests() {
    let emulator = crate::on_behalf_of::emulator();
    let folder = tempfile::tempdir().expect("a folder");
    let certificate = folder.path().join("certificate.pem");
    std::fs::write(&certificate, emulator.service_certificate_pem()).expect("written");
    let changes = |id| {
        [
            ("ACSPASS_EXCHANGE_ON_BEHALF_OF", "true"),
            ("AZURE_CLIENT_ID", id),
            (
                "AZURE_CLIENT_CERTIFICATE_PATH",
                certificate.to_str().expect("UTF-8"),
            ),
        ]
    };
    let right = changes(crate::on_behalf_of::APPLICATION);
    let (code, stdout, _) = run(&emulator, &right, &["--check"]);
    assert_eq!(code, 0, "{stdout}");
    let line = format!("ok    on-behalf-of in {}", emulator.tenant_id());
    assert!(stdout.contains(&line), "{stdout}");
    let (code, stdout, _) = run(&emulator, &changes(CLIENT), &["--check"]);
    assert_eq!(code, 5, "another application: {stdout}");
    assert!(stdout.contains("AADSTS"), "{stdout}");
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
fn a_start_names_all_settings_that_are_missing_or_invalid() {
    let emulator = emulator();
    let changes = [
        ("ACSPASS_EXCHANGE_AUDIENCE", ""),
        ("ACSPASS_EXCHANGE_BUDGET", "none"),
        ("ACSPASS_EXCHANGE_MIN_DRAIN", "soon"),
    ];
    let names = changes.map(|(name, _)| name);
    let (code, stdout, stderr) = run(&emulator, &changes, &[]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    let errors = stderr.lines().filter(|line| line.starts_with("error: "));
    let errors: Vec<&str> = errors.collect();
    assert_eq!(errors.len(), names.len(), "{stderr}");
    for name in names {
        assert!(errors.iter().any(|error| error.contains(name)), "{stderr}");
    }
    let (code, _, stderr) = run(&emulator, &changes, &["-o", "json"]);
    let all: Value = serde_json::from_str(&stderr).expect("one line of JSON");
    let others = all["others"].as_array().expect("a list");
    assert_eq!((code, others.len()), (2, names.len() - 1), "{stderr}");
    for error in others.iter().chain([&all["error"]]) {
        let message = error["message"].as_str().expect("a message");
        assert!(names.iter().any(|name| message.contains(name)), "{stderr}");
        assert_eq!(error["kind"], "usage");
    }
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

#[cfg(not(feature = "otlp"))]
#[test]
fn a_collector_that_this_build_cannot_use_is_reported_once() {
    let emulator = emulator();
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    let (code, _, stderr) = run(&emulator, &[endpoint], &["--check"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(stderr.matches("has no effect").count(), 1, "{stderr}");
    let off = [endpoint, ("OTEL_SDK_DISABLED", "true")];
    let (_, _, stderr) = run(&emulator, &off, &["--check"]);
    assert_eq!(stderr, "");
}

#[test]
fn check_names_faults_of_the_file_with_the_other_settings_and_missing_files() {
    let emulator = emulator();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("exchange.toml");
    let file = path.to_str().expect("UTF-8");
    let text = "acspass_exchange_tenants = \"contoso.com\"\n\
         acspass_exchange_audiense = \"hunter2\"\n\
         colour = \"hunter2\"\n\
         [acspass_exchange_clients]\nx = \"hunter2\"\n";
    std::fs::write(&path, text).expect("written");
    let changes = [
        ("ACSPASS_EXCHANGE_TENANTS", ""),
        ("ACSPASS_EXCHANGE_KEY_FILE", "no-such-folder/key"),
    ];
    let (code, stdout, stderr) = run(&emulator, &changes, &["--check", "--config", file]);
    assert_eq!(code, 2, "{stdout}");
    let start = format!("fail  settings: unknown key `acspass_exchange_audiense` in `{file}`\n");
    assert!(stdout.starts_with(&start), "{stdout}");
    for part in [
        "      Use `acspass_exchange_audience`, or remove the key.\n",
        "fail  settings: unknown key `colour` in ",
        "      Remove the key: no setting has a similar name.\n",
        "fail  settings: `acspass_exchange_clients` in ",
        "fail  settings: invalid value `contoso.com` for ACSPASS_EXCHANGE_TENANTS\n",
        "fail  settings: could not read `no-such-folder/key`: No such file or directory",
        "      Check ACSPASS_EXCHANGE_KEY_FILE. A relative path begins at the folder in which the \
         program starts.\n",
    ] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
    assert_eq!(stdout.matches("fail  ").count(), 5, "{stdout}");
    let all = format!("{stdout}{stderr}");
    assert!(!all.contains("hunter2"), "{all}");
}

/// A PostgreSQL that refuses each connection with this code. Returns its URL.
fn refusing(code: &'static str) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut length = [0; 4];
            stream.read_exact(&mut length).expect("a message");
            let rest = usize::try_from(u32::from_be_bytes(length)).expect("a length") - 4;
            stream.read_exact(&mut vec![0; rest]).expect("a message");
            let fields = format!("SFATAL\0VFATAL\0C{code}\0Mno access for user \"u\"\0\0");
            let length = u32::try_from(fields.len() + 4).expect("a length");
            let _ =
                stream.write_all(&[b"E", &length.to_be_bytes()[..], fields.as_bytes()].concat());
        }
    });
    format!("postgres://u:hunter2@127.0.0.1:{port}/d?sslmode=disable")
}

#[test]
fn check_names_the_cause_of_a_database_failure_once_with_the_code_of_its_kind() {
    let emulator = emulator();
    let unavailable = "fail  database: the database is unavailable: ";
    let refused = "fail  database: the database refused the access: ";
    let cases = [
        (
            "postgres://u:hunter2@127.0.0.1:1/d".to_owned(),
            6,
            format!("{unavailable}connection refused\n"),
        ),
        // The database starts.
        (
            refusing("57P03"),
            6,
            format!("{unavailable}FATAL: no access"),
        ),
        // A wrong password, a user that does not exist, and a database that does not.
        (refusing("28P01"), 5, format!("{refused}FATAL: no access")),
        (refusing("28000"), 5, format!("{refused}FATAL: no access")),
        (refusing("3D000"), 5, format!("{refused}FATAL: no access")),
    ];
    for (url, expected, line) in cases {
        let (code, stdout, _) = run(&emulator, &[("DATABASE_URL", &url)], &["--check"]);
        assert_eq!(code, expected, "{stdout}");
        assert!(stdout.contains(&line), "{line}: {stdout}");
        assert!(!stdout.contains("hunter2"), "{stdout}");
    }
}

#[test]
fn a_port_that_is_in_use_is_a_json_line() {
    let emulator = emulator();
    let other = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = other.local_addr().expect("an address").to_string();
    let changes = [("ACSPASS_EXCHANGE_LISTEN", address.as_str())];
    let (code, stdout, stderr) = run(&emulator, &changes, &[]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    let line: Value = serde_json::from_str(&stderr).expect("one line of JSON");
    assert_eq!(line["level"], "error");
    let message = line["message"].as_str().expect("a text");
    assert!(message.contains("is already in use"), "{message}");
    assert!(message.contains("Set ACSPASS_EXCHANGE_LISTEN"), "{message}");
    let (_, _, stderr) = run(&emulator, &changes, &["-o", "json"]);
    let error: Value = serde_json::from_str(&stderr).expect("one line of JSON");
    assert_eq!(error["error"]["kind"], "usage");
}
