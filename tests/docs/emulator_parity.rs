//! `docs/reference/emulator-parity.md`, from `emulator_parity.json`: the functions of Entra ID and ACS
//! Identity, each with the test that proves it, or with the response of a request for it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use acspass::emulator::{Emulator, Options};
use serde_json::Value;

use crate::files::{read, root};
use crate::markdown::{code, table};

const SOURCE: &str = "tests/docs/emulator_parity.json";
const DEADLINE: Duration = Duration::from_secs(20);

fn sections() -> Vec<Value> {
    serde_json::from_str(&read(SOURCE)).expect("a list")
}

fn rows() -> Vec<Value> {
    let sections = sections();
    let rows = sections
        .iter()
        .filter_map(|section| section["rows"].as_array());
    rows.flatten().cloned().collect()
}

fn text<'r>(row: &'r Value, member: &str) -> &'r str {
    row[member].as_str().unwrap_or_default()
}

pub(crate) fn page() -> String {
    let mut page = String::from(
        "# Parity of the emulator\n\n\
         Each function of Entra ID and ACS Identity is *real* (a client sees no difference from the\n\
         service), *emulated* (it differs as described) or *absent* (with the response of the emulator). A\n\
         test checks that each named test exists, and another sends the request of each absent function.\n",
    );
    for section in sections() {
        let rows = section["rows"].as_array().cloned().unwrap_or_default();
        let rows: Vec<[String; 4]> = rows.iter().map(cells).collect();
        let head = ["function", "status", "details", "proof"];
        page += &format!("\n## {}\n\n{}", text(&section, "title"), table(head, &rows));
    }
    page
}

fn cells(row: &Value) -> [String; 4] {
    let (mut details, proof) = (text(row, "detail").to_owned(), proofs(row));
    let mut proof = proof.iter().map(|name| code(name)).collect::<Vec<_>>();
    if text(row, "status") == "absent" {
        let (request, response) = (&row["request"], &row["response"]);
        let path = text(request, "path").split('?').next().unwrap_or_default();
        let says = format!("{} {}", response["status"], code(text(response, "text")));
        let separator = if details.is_empty() { "" } else { ": " };
        details += &format!("{separator}{says}");
        proof = vec![format!("{} {}", text(request, "method"), code(path))];
    } else {
        proof.insert(0, format!("{}:", text(row, "client")));
    }
    let proof = proof.join(", ").replacen(":,", ":", 1);
    let status = text(row, "status").to_owned();
    [text(row, "function").to_owned(), status, details, proof]
}

fn proofs(row: &Value) -> Vec<&str> {
    let proofs = row["proof"].as_array().into_iter().flatten();
    proofs.filter_map(Value::as_str).collect()
}

/// Returns what is wrong with the name of a test: `FILE::TEST`.
fn fault(name: &str) -> Option<String> {
    let Some((file, test)) = name.split_once("::") else {
        return Some(format!("`{name}` is not FILE::TEST"));
    };
    let Ok(source) = fs::read_to_string(root().join(file)) else {
        return Some(format!("there is no file {file}"));
    };
    let definition = match file.rsplit('.').next() {
        Some("rs") => format!("#[test]\nfn {test}("),
        Some("py") => format!("def {test}("),
        Some("mjs") => format!("test(\"{test}\""),
        _ if file.contains("samples") => format!("\n{test}() {{"),
        _ => format!("suite conformance {test} "),
    };
    (!source.contains(&definition)).then(|| format!("{file} has no test {test}"))
}

#[test]
fn each_row_names_tests_that_exist_or_a_request() {
    let mut faults = Vec::new();
    let rows = rows();
    assert!(rows.len() > 45, "only {} rows", rows.len());
    for row in &rows {
        let what = text(row, "function");
        let is_proved = match text(row, "status") {
            "real" | "emulated" => !proofs(row).is_empty() && !text(row, "client").is_empty(),
            "absent" => row["request"].is_object() && proofs(row).is_empty(),
            _ => false,
        };
        if !is_proved {
            faults.push(format!("{what}: no proof"));
        }
        if text(row, "status") != "absent" && text(row, "detail").is_empty() {
            faults.push(format!("{what}: no details"));
        }
        faults.extend(proofs(row).into_iter().filter_map(fault));
    }
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn a_test_that_does_not_exist_is_seen() {
    let here = "tests/docs/emulator_parity.rs";
    assert_eq!(
        fault(&format!("{here}::a_test_that_does_not_exist_is_seen")),
        None
    );
    for wrong in [
        "a_test_that_does_not_exist_is_seen".to_owned(),
        format!("{here}::proofs"),
        format!("{here}::nothing"),
        "tests/docs/nothing.rs::nothing".to_owned(),
        "tests/conformance/run.sh::nothing".to_owned(),
    ] {
        assert!(fault(&wrong).is_some(), "{wrong}");
    }
}

#[test]
fn absent_functions_have_the_responses_of_the_page() {
    let emulator = Emulator::start(Options::default()).expect("an emulator");
    let address = emulator.http_url();
    let host = address.strip_prefix("http://").expect("plain http");
    let mut count = 0;
    for row in rows().iter().filter(|row| text(row, "status") == "absent") {
        let (request, response) = (&row["request"], &row["response"]);
        let named = |text: &str| {
            text.replace("TENANT", emulator.tenant_id())
                .replace("CLIENT", emulator.client_id())
        };
        let (path, body) = (named(text(request, "path")), named(text(request, "form")));
        let answer = send(host, text(request, "method"), &path, &body);
        let what = text(row, "function");
        let status = format!("HTTP/1.1 {} ", response["status"]);
        assert!(answer.starts_with(&status), "{what}: {answer}");
        assert!(answer.contains(text(response, "text")), "{what}: {answer}");
        count += 1;
    }
    assert!(count > 10, "only {count} requests");
}

/// Sends a request, and returns the response with its headers.
fn send(host: &str, method: &str, path: &str, form: &str) -> String {
    let mut stream = TcpStream::connect(host).expect("the emulator listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(head.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("a response");
    answer
}
