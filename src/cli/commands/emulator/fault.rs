//! `emulator fault`: adds, lists and deletes the faults of a running emulator.

use serde_json::{Value, json};

use super::remote::remote;
use crate::cli::args::EmulatorFault;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::emulator::{FaultSelection, Remote, Route};
use crate::error::Result;

/// The width of the column of names.
const NAME_COLUMNS: usize = 32;

pub(crate) fn run(args: &EmulatorFault, env: &Environment, output: &mut Output) -> Result<u8> {
    let remote = remote(env)?;
    if let Some(id) = args.clear {
        return clear(&remote, id, output);
    }
    let Some(name) = &args.name else {
        return list(&remote, output);
    };
    let mut selection = json!(selection(name, args));
    let added = remote.change("POST", "/faults", Some(&selection))?;
    if args.probability.is_none() {
        selection["left"] = args.times.unwrap_or(1).into();
    }
    let text = format!("Added fault {}: {}.", added["id"], described(&selection));
    output.print_result(&text, &added)
}

fn selection(name: &str, args: &EmulatorFault) -> FaultSelection {
    FaultSelection {
        route: args.route.as_deref().and_then(Route::named),
        times: args.times,
        probability: args.probability,
        user: args.user.clone(),
        client_id: args.client_id.clone(),
        resource: args.resource.clone(),
        parameters: args.set.iter().cloned().collect(),
        ..FaultSelection::named(name)
    }
}

fn clear(remote: &Remote, id: Option<u64>, output: &mut Output) -> Result<u8> {
    let (path, text) = match id {
        Some(id) => (format!("/faults/{id}"), format!("Deleted fault {id}.")),
        None => ("/faults".to_owned(), "Deleted all faults.".to_owned()),
    };
    remote.change("DELETE", &path, None)?;
    output.print_result(&text, &json!({}))
}

fn list(remote: &Remote, output: &mut Output) -> Result<u8> {
    let faults = remote.get("/faults")?;
    if output.is_json {
        return output.print_json(&faults);
    }
    let mut report = output.report();
    let rows = |name: &str| faults[name].as_array().into_iter().flatten();
    for fault in rows("catalogue") {
        let text = |name: &str| fault[name].as_str().unwrap_or_default();
        report.row(text("name"), NAME_COLUMNS, text("summary"));
    }
    report.blank();
    match rows("faults").count() {
        0 => report.paragraph("No fault is left."),
        _ => report.heading("Faults that are left"),
    }
    for fault in rows("faults") {
        report.paragraph(&format!("{}: {}", fault["id"], described(fault)));
    }
    output.print_report(report)
}

/// Returns a fault for a reader: `throttled at exchange, for the next 2 requests`.
fn described(fault: &Value) -> String {
    let text = |name: &str| fault[name].as_str();
    let mut words = text("name").unwrap_or_default().to_owned();
    for (name, before) in [
        ("route", "at"),
        ("user", "for"),
        ("resource", "on"),
        ("clientId", "by"),
    ] {
        if let Some(value) = text(name) {
            words.push_str(&format!(" {before} {value}"));
        }
    }
    let count = match (fault["left"].as_u64(), fault["probability"].as_f64()) {
        (Some(1), _) => ", the next request".to_owned(),
        (Some(left), _) => format!(", the next {left} requests"),
        (None, Some(probability)) => format!(", each request with a probability of {probability}"),
        (None, None) => ", each request".to_owned(),
    };
    words + &count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_described_with_its_requests() {
        for (fault, text) in [
            (json!({"name": "hang", "left": 1}), "hang, the next request"),
            (
                json!({"name": "hang", "route": "token", "user": "a@b", "left": 2}),
                "hang at token for a@b, the next 2 requests",
            ),
            (
                json!({"name": "hang", "probability": 0.5}),
                "hang, each request with a probability of 0.5",
            ),
        ] {
            assert_eq!(described(&fault), text);
        }
    }
}
