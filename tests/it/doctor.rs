//! `doctor`: one line a check, the exit code of the first that failed, and nothing that is not for
//! everyone.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use acspass::emulator::{Emulator, Fault, FaultKind, Options, Route};
use acspass::time::{Clock, SettableClock, SystemClock};
use serde_json::Value;

use crate::harness::{Home, Run};

const NAMES: [&str; 13] = [
    "configuration",
    "store",
    "proxy",
    "tls",
    "entra",
    "clock",
    "resource",
    "redirect-port",
    "loopback",
    "browser",
    "memory",
    "swap",
    "confinement",
];

fn doctor(home: &Home, more: &[&str]) -> (Run, Value) {
    let run = home.run(&[&["doctor", "-o", "json"], more].concat());
    let json = run.json();
    let checks = json["checks"].as_array().expect("checks");
    let names: Vec<&str> = checks
        .iter()
        .filter_map(|check| check["name"].as_str())
        .collect();
    assert_eq!(names, NAMES);
    for check in checks {
        let is_advised = check["advice"].is_string();
        let needs_advice = ["warn", "fail"].contains(&check["result"].as_str().expect("a word"));
        assert_eq!(is_advised, needs_advice, "{check}");
    }
    (run, json)
}

#[track_caller]
fn assert_found(json: &Value, name: &str, result: &str, words: &[&str]) {
    let checks = json["checks"].as_array().expect("checks");
    let check = checks
        .iter()
        .find(|check| check["name"] == name)
        .expect("the check");
    assert_eq!(check["result"], result, "{check}");
    for word in words {
        assert!(check.to_string().contains(word), "no `{word}` in {check}");
    }
}

#[test]
fn a_sound_set_up_has_nothing_against_it() {
    let (home, emulator) = Home::with_keyring();
    let run = home.real(&["doctor"]);
    run.assert_code(0);
    let advised = |line: &&str| line.starts_with("warn ") || line.starts_with("fail ");
    assert_eq!(
        run.stdout.matches("\n                         -> ").count(),
        run.stdout.lines().filter(advised).count(),
        "one advice a finding: {}",
        run.stdout
    );
    let lines = run.stdout.lines();
    let lines: Vec<&str> = lines.filter(|line| !line.starts_with(' ')).collect();
    for (line, name) in lines.iter().zip(NAMES) {
        assert!(line.contains(name), "{line}");
    }
    assert_eq!(
        lines.len(),
        NAMES.len() + 2,
        "one line each, a blank line and the summary: {}",
        run.stdout
    );
    for part in [
        "ok        store          keyring: read, write and delete work",
        "ok        clock ",
        "accepts the access key",
        "127.0.0.1",
        "All checks passed.",
    ] {
        assert!(run.stdout.contains(part), "no `{part}` in {}", run.stdout);
    }
    assert_eq!(home.keyring().lookup_items().len(), 0, "nothing stays");
    let asked: Vec<(String, u16)> = emulator
        .requests()
        .into_iter()
        .map(|entry| (entry.operation, entry.status))
        .collect();
    let expected = [
        ("metadata", 200),
        ("metadata", 200),
        ("create_identity", 401),
        ("issue_token", 401),
    ];
    let expected = expected.map(|(operation, status)| (operation.to_owned(), status));
    assert_eq!(asked, expected, "nothing was changed, no token given");
}

#[test]
fn it_is_safe_to_paste_in_public() {
    let (mut home, emulator) = Home::with_emulator();
    let path = home.path().display().to_string();
    home.set("HOME", &path);
    home.set("HTTPS_PROXY", "http://ada:proxy-secret@proxy.example:8080");
    home.set("SSL_CERT_FILE", &format!("{path}/missing.pem"));
    for words in [&["doctor"][..], &["doctor", "--offline", "-o", "json"]] {
        let run = home.run(words);
        let said = run.stdout;
        for hidden in [
            emulator.tenant_id(),
            emulator.client_id(),
            emulator.username(),
            "proxy-secret",
            path.as_str(),
        ] {
            assert!(!said.contains(hidden), "{hidden} in {said}");
        }
        assert!(
            said.contains("the CA file `~/missing.pem` in SSL_CERT_FILE"),
            "{said}"
        );
    }
    home.set("ACSPASS_TENANT_ID", "contoso.com");
    home.set(
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
        "endpoint=https://contoso.communication.azure.com/;accesskey=c29tZWJvZHk=",
    );
    let (_, json) = doctor(&home, &["--offline"]);
    assert!(!json.to_string().contains("contoso"), "{json}");
    assert_found(
        &json,
        "configuration",
        "ok",
        &["cont…", "con….communication.azure.com"],
    );
}

#[test]
fn offline_contacts_neither_network_nor_keyring() {
    let (home, emulator) = Home::with_keyring();
    home.keyring().stop_daemon();
    let run = home.real(&["doctor", "--offline", "-o", "json"]);
    run.assert_code(0);
    assert_found(&run.json(), "store", "skipped", &["keyring"]);
    for name in ["entra", "clock", "resource"] {
        assert_found(&run.json(), name, "skipped", &["--offline"]);
    }
    assert_eq!(emulator.requests(), []);
    home.keyring().continue_daemon();
}

#[test]
fn what_is_not_configured_is_named_first() {
    let mut home = Home::new();
    let (run, json) = doctor(&home, &["--offline"]);
    assert_eq!(run.code, Some(2));
    run.assert_says(&["1 check failed: `configuration`."]);
    assert_found(
        &json,
        "configuration",
        "fail",
        &["no client id is configured"],
    );
    home.set("AZURE_AUTHORITY_HOST", "ftp://nowhere");
    let (run, json) = doctor(&home, &[]);
    assert_eq!(run.code, Some(2));
    assert_found(&json, "configuration", "fail", &["neither https nor http"]);
    assert_found(&json, "entra", "skipped", &["configuration"]);
}

#[test]
fn a_wrong_clock_is_measured() {
    let (home, _emulator) = Home::with_emulator();
    let clock = SettableClock::new(SystemClock.now().plus(Duration::from_secs(900)));
    let run = home.call(&["doctor", "-o", "json"]).by_clock(&clock).run();
    run.assert_code(0);
    assert_found(
        &run.json(),
        "clock",
        "warn",
        &["ahead of Entra's", "hwclock"],
    );
}

#[test]
fn an_unknown_tenant_a_wrong_key_and_a_taken_port_are_told_apart() {
    let (mut home, emulator) = Home::with_emulator();
    home.set(
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
        &format!("endpoint={};accesskey=d3Jvbmcga2V5", emulator.http_url()),
    );
    home.sweep.add("d3Jvbmcga2V5");
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = holder.local_addr().expect("its address").port();
    home.configure(&format!("[profile.default]\nport = {port}\n"));
    let (run, json) = doctor(&home, &[]);
    assert_eq!(run.code, Some(5));
    run.assert_says(&["2 checks failed. Start with `resource`."]);
    assert_found(
        &json,
        "resource",
        "fail",
        &[
            "refused the access key",
            "Run `unset COMMUNICATION_SERVICES_CONNECTION_STRING` and `acspass config set connection-string`",
            "`disableLocalAuth`",
        ],
    );
    assert_found(&json, "redirect-port", "fail", &["already in use"]);
    home.set("ACSPASS_TENANT_ID", "nowhere.example");
    let (run, json) = doctor(&home, &[]);
    assert_eq!(run.code, Some(2));
    assert_found(&json, "entra", "fail", &["does not know the tenant nowh…"]);
}

/// A resource that refuses every signature, and every request without one: what a keyless one may do.
fn keyless_resource() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut head = String::new();
            let mut reader = BufReader::new(&stream);
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|n| n > 0) {}
            let head = head.to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            // A connection that is closed over unread bytes may lose the response.
            reader.read_exact(&mut body).expect("the whole request");
            let status = match head.contains("\nauthorization: hmac-sha256 ") {
                true => "403 Forbidden",
                false => "401 Unauthorized",
            };
            let body =
                r#"{"error":{"code":"Denied","message":"Denied by the resource provider."}}"#;
            let length = body.len();
            // The peer may be gone already.
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n\
                 Content-Length: {length}\r\n\r\n{body}"
            );
        }
    });
    port
}

#[test]
fn a_resource_without_keys_is_not_said_to_accept_one() {
    let (mut home, _emulator) = Home::with_emulator();
    let port = keyless_resource();
    home.set(
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
        &format!("endpoint=http://localhost:{port};accesskey=d3Jvbmcga2V5"),
    );
    home.sweep.add("d3Jvbmcga2V5");
    let (run, json) = doctor(&home, &[]);
    assert_eq!(run.code, Some(5));
    assert_found(&json, "resource", "fail", &["`disableLocalAuth`"]);
}

#[test]
fn an_authority_that_is_not_trusted_is_named_and_explains_the_rest() {
    let options = Options {
        https_port: Some(0),
        ..Options::default()
    };
    let emulator = Arc::new(Emulator::start(options).expect("an emulator"));
    let mut home = Home::new();
    home.point_at(&emulator);
    home.set("ACSPASS_STORE", "memory");
    home.set(
        "AZURE_AUTHORITY_HOST",
        &emulator.https_url().expect("https"),
    );
    let (run, json) = doctor(&home, &[]);
    assert_eq!(run.code, Some(6));
    run.assert_says(&["1 check failed: `tls`."]);
    let issuer = "acspass emulator, worthless outside this machine";
    assert_found(&json, "tls", "fail", &[issuer, "$(acspass emulator env)"]);
    assert_found(&json, "entra", "skipped", &["see `tls`"]);

    let file = home.path().join("ca.pem");
    std::fs::write(&file, emulator.ca_pem().expect("an authority")).expect("a file");
    home.set("ACSPASS_CA_FILE", &file.display().to_string());
    let (run, json) = doctor(&home, &[]);
    run.assert_code(0);
    assert_found(
        &json,
        "tls",
        "ok",
        &[issuer, "certificates and ACSPASS_CA_FILE"],
    );
    home.set("ACSPASS_CA_FILE", "/nowhere/ca.pem");
    let (run, json) = doctor(&home, &[]);
    assert_eq!(run.code, Some(2));
    assert_found(
        &json,
        "tls",
        "fail",
        &["could not read the CA file `/nowhere/ca.pem` in ACSPASS_CA_FILE"],
    );
}

#[test]
fn what_answers_in_the_resources_place_is_not_taken_for_it() {
    let (home, emulator) = Home::with_emulator();
    emulator.add_fault(Fault {
        route: Route::Identities,
        times: None,
        what: FaultKind::Status {
            status: 200,
            retry_after: None,
            content_type: "text/html".to_owned(),
            body: "<h1>Welcome to the hotel</h1>".to_owned(),
        },
    });
    let (run, json) = doctor(&home, &[]);
    assert_eq!(run.code, Some(6));
    assert_found(
        &json,
        "resource",
        "fail",
        &["returned a web page (200)", "captive portal"],
    );
}
