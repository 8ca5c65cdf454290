//! The audit: its lines, and a reader of them that has stopped.

use std::io::Write as _;
use std::time::{Duration, Instant};

use acspass::emulator::{Emulator, Options};
use serde_json::{Value, json};

use crate::harness::{
    CLIENT, Service, acs_token, own_token, own_token_of, send, until, with_claims,
};

fn emulator() -> Emulator {
    Emulator::start(Options::default()).expect("an emulator")
}

#[test]
fn two_users_are_both_named() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let ben = own_token_of(&emulator, Some("ben@contoso.example"), json!({}));
    let response = service.exchange(&ben, &acs_token(&emulator));
    assert_eq!(response.status, 403, "{}", response.body);
    let line = service.audit(&response);
    for (name, expected) in [
        ("reason", "different_users"),
        ("tenant", emulator.tenant_id()),
        ("client", CLIENT),
        ("subjectTenant", emulator.tenant_id()),
        ("subjectUser", emulator.object_id()),
    ] {
        assert_eq!(line[name], expected, "{line}");
    }
    let caller = line["user"].as_str().expect("the caller");
    assert!(
        uuid_like(caller) && caller != emulator.object_id(),
        "{line}"
    );
    let same = service.exchange(&own_token(&emulator), &acs_token(&emulator));
    assert_eq!(
        service.audit(&same)["subjectUser"],
        Value::Null,
        "only one user"
    );
}

fn uuid_like(text: &str) -> bool {
    text.len() == 36 && text.matches('-').count() == 4
}

/// Sends requests until the stream of decisions is full. Returns the ids of all.
fn fill(service: &Service) -> Vec<String> {
    service.pause_reader(true);
    let mut ids = Vec::new();
    let refused = until("the stream is full", || {
        let response = service.exchange("", "");
        ids.push(response.header("x-request-id").expect("an id").to_owned());
        Some(response).filter(|response| response.status == 503)
    });
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    assert!(refused.header("retry-after").is_some());
    ids
}

/// Returns the reason in the last line of each request.
fn reasons(service: &Service, ids: &[String]) -> Vec<String> {
    let lines: Vec<Value> = service
        .lines()
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let reason = |id: &String| {
        let of_request = lines.iter().rev().find(|line| line["requestId"] == **id);
        let line = of_request.unwrap_or_else(|| panic!("no line of {id}"));
        line["reason"].as_str().expect("a reason").to_owned()
    };
    ids.iter().map(reason).collect()
}

#[test]
fn a_reader_that_has_stopped_blocks_no_probe_and_no_decision_is_lost() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let (bearer, subject) = (own_token(&emulator), acs_token(&emulator));
    assert_eq!(service.exchange(&bearer, &subject).status, 200);
    let mut ids = fill(&service);
    let start = Instant::now();
    assert_eq!(service.get("/livez").status, 200);
    let ready = service.get("/readyz");
    assert_eq!(
        (ready.status, ready.json()["checks"]["audit"].clone()),
        (503, json!("unavailable"))
    );
    let metrics = send(service.metrics_port, "GET", "/metrics", &[], "");
    assert_eq!(metrics.status, 200);
    let other = with_claims(&emulator, json!({"uti": "another"}));
    for _ in 0..20 {
        let refused = service.exchange(&bearer, &other);
        assert_eq!(refused.status, 503, "{}", refused.body);
        ids.push(refused.header("x-request-id").expect("an id").to_owned());
    }
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "no request waits"
    );
    assert_eq!(
        emulator.count("exchange"),
        1,
        "nothing is exchanged without a line"
    );
    service.pause_reader(false);
    until("the service is ready again", || {
        Some(()).filter(|()| service.get("/readyz").status == 200)
    });
    let last = service.exchange(&bearer, &other);
    assert_eq!(last.status, 200, "{}", last.body);
    service.audit(&last);
    let found = reasons(&service, &ids);
    let late = found.iter().filter(|reason| *reason == "audit_unavailable");
    assert_eq!(late.count(), 21, "the one that waited, and those after it");
    assert_eq!(
        service.figure("acspass_exchange_audit_lines_lost"),
        Some(0.0)
    );
}

#[test]
fn a_standard_output_that_nobody_reads_blocks_nothing() {
    let emulator = emulator();
    let (_reader, mut writer) = std::io::pipe().expect("a pipe");
    // The capacity of a pipe on Linux.
    writer.write_all(&[b'x'; 64 * 1024]).expect("it is full");
    let mut service = Service::start_with_stdout(&emulator, &[], writer.into());
    until("the service is ready", || {
        Some(()).filter(|()| service.get("/readyz").status == 200)
    });
    std::thread::sleep(Duration::from_millis(500));
    let response = service.exchange(&own_token(&emulator), &acs_token(&emulator));
    assert_eq!(response.status, 200, "{}", response.body);
    // Leases, keys and signals have one task.
    service.signal("-TERM");
    assert!(service.wait().success());
}

#[test]
fn the_end_of_the_service_waits_for_the_lines() {
    let emulator = emulator();
    let mut service = Service::start(&emulator, &[]);
    let ids = fill(&service);
    service.signal("-TERM");
    std::thread::sleep(Duration::from_secs(1));
    service.pause_reader(false);
    assert!(service.wait().success());
    until("the last line", || {
        let all = service.lines().join("\n");
        Some(()).filter(|()| ids.iter().all(|id| all.contains(id)))
    });
    assert_eq!(
        reasons(&service, &ids).last().map(String::as_str),
        Some("audit_unavailable")
    );
}

#[test]
fn an_audit_that_cannot_be_written_at_the_end_is_a_failure() {
    let emulator = emulator();
    let mut service = Service::start(&emulator, &[]);
    fill(&service);
    service.signal("-TERM");
    assert_eq!(
        service.wait().code(),
        Some(1),
        "it ends, and lines are lost"
    );
}
