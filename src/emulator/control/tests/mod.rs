//! The control API over real sockets.

mod clock;
mod document;
mod faults;
mod keys;
mod requests;
mod snapshot;
mod tokens;
mod world;

use serde_json::Value;

use crate::emulator::tests::harness::{Answer, Fixture};

const CHANGE: &str = "X-Acspass-Emulator: 1\r\n";

/// Sends a change with a JSON body.
fn change(fixture: &Fixture, method: &str, path: &str, body: &Value) -> Answer {
    let headers = format!("{CHANGE}Content-Type: application/json\r\n");
    let target = format!("/_emulator/v1{path}");
    fixture.send(method, &target, &headers, &body.to_string())
}

/// Sends a change without a body.
fn post(fixture: &Fixture, path: &str) -> Answer {
    fixture.send("POST", &format!("/_emulator/v1{path}"), CHANGE, "")
}

fn show(fixture: &Fixture, path: &str) -> Answer {
    fixture.get(&format!("/_emulator/v1{path}"))
}

/// Returns code and message of an error.
fn error(answer: &Answer) -> (String, String) {
    let body = answer.json();
    let text = |name: &str| body["error"][name].as_str().expect("text").to_owned();
    (text("code"), text("message"))
}
