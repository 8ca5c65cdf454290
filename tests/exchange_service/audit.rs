//! The audit: its lines, and a reader of them that has stopped.

use std::io::Write as _;
use std::net::TcpStream;
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

/// The service, whose reader of the audit has stopped, and the ids of the requests since then.
struct Stopped<'s> {
    service: &'s Service,
    ids: Vec<String>,
    /// The ids of the requests that could not be recorded in time.
    refused: Vec<String>,
}

impl<'s> Stopped<'s> {
    /// Sends requests until the stream of decisions is full.
    fn fill(service: &'s Service) -> Stopped<'s> {
        service.pause_reader(true);
        let (ids, refused) = (Vec::new(), Vec::new());
        let mut stopped = Stopped {
            service,
            ids,
            refused,
        };
        until("the stream is full", || {
            Some(()).filter(|()| stopped.exchange("", "") == 503)
        });
        stopped
    }

    /// Sends a request, and returns the status of its response.
    fn exchange(&mut self, bearer: &str, subject: &str) -> u16 {
        let response = self.service.exchange(bearer, subject);
        let id = response.header("x-request-id").expect("an id").to_owned();
        self.ids.push(id.clone());
        if response.status == 503 {
            assert_eq!(response.json()["error"], "temporarily_unavailable");
            assert!(response.header("retry-after").is_some());
            self.refused.push(id);
        }
        response.status
    }

    /// Waits until each refusal is the last line of its request, and each request has a line.
    fn wait_for_lines(&self) {
        until("the lines", || {
            let lines = decisions(self.service);
            let reason = |id: &String| {
                let last = lines.iter().rev().find(|line| line["requestId"] == **id)?;
                last["reason"].as_str()
            };
            let has_line = self.ids.iter().all(|id| reason(id).is_some());
            let is_late = |id| reason(id) == Some("audit_unavailable");
            Some(()).filter(|()| has_line && self.refused.iter().all(is_late))
        });
    }
}

fn decisions(service: &Service) -> Vec<Value> {
    let lines = service.lines();
    let lines = lines.iter().map(|line| serde_json::from_str(line));
    lines
        .filter_map(Result::ok)
        .filter(|line: &Value| line["audit"] == "decision")
        .collect()
}

#[test]
fn a_caller_cannot_replace_the_line_of_another_request() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let bearer = format!("Bearer {}", own_token(&emulator));
    let subject = acs_token(&emulator);
    let mut headers = vec![
        ("x-request-id", "abc"),
        ("authorization", &bearer),
        ("teams-user-aad-token", &subject),
    ];
    let mut request = || {
        let response = send(service.port, "GET", "/api/token/teams", &headers, "");
        headers.truncate(1);
        response
    };
    let (exchanged, refused) = (request(), request());
    assert_eq!((exchanged.status, refused.status), (201, 401));
    assert_ne!(
        exchanged.header("x-request-id"),
        refused.header("x-request-id")
    );
    for (response, outcome) in [(&exchanged, "exchanged"), (&refused, "refused")] {
        let id = service.audit(response)["requestId"].clone();
        let mut lines = decisions(&service);
        lines.retain(|line| line["requestId"] == id);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["outcome"], outcome);
        assert_eq!(lines[0]["callerRequestId"], "abc");
        assert_eq!(lines[0]["supersedes"], Value::Null, "it is the first line");
    }
}

#[test]
fn a_recorded_token_that_was_not_returned_has_another_line() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let (bearer, subject) = (own_token(&emulator), acs_token(&emulator));
    assert_eq!(service.exchange(&bearer, &subject).status, 200);
    service.fill_stderr();
    let mut stream = TcpStream::connect(("127.0.0.1", service.port)).expect("it listens");
    let request = format!(
        "GET /api/token/teams HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n\
         teams-user-aad-token: {subject}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("written");
    // The line waits for the reader. If this takes longer than its deadline, the request is refused.
    std::thread::sleep(Duration::from_millis(500));
    drop(stream);
    until("the request ends", || {
        service.figure("acspass_exchange_requests_total{route=\"teams\"")
    });
    service.pause_reader(false);
    let line = until("its last line", || {
        let mut lines = decisions(&service);
        lines.retain(|line| line["route"] == "teams");
        let last = lines.pop()?;
        let is_first = lines.is_empty();
        Some((last, is_first)).filter(|(line, _)| line["outcome"] != "cached")
    });
    let (line, is_first) = line;
    assert!(
        line["outcome"] == "abandoned" || line["reason"] == "audit_unavailable",
        "{line}"
    );
    assert!(is_first || line["supersedes"] == true, "{line}");
}

#[test]
fn a_service_whose_audit_has_no_reader_ends_with_a_failure() {
    let emulator = emulator();
    let mut service = Service::start(&emulator, &[]);
    service.close_stderr();
    let response = service.exchange(&own_token(&emulator), &acs_token(&emulator));
    assert_eq!(response.status, 503, "{}", response.body);
    assert_eq!(
        service.wait().code(),
        Some(1),
        "an orchestrator restarts it"
    );
}

#[test]
fn a_reader_that_has_stopped_blocks_no_probe_and_no_decision_is_lost() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let (bearer, subject) = (own_token(&emulator), acs_token(&emulator));
    assert_eq!(service.exchange(&bearer, &subject).status, 200);
    let mut stopped = Stopped::fill(&service);
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
        assert_eq!(stopped.exchange(&bearer, &other), 503);
    }
    assert!(
        start.elapsed() < Duration::from_secs(2 * 20),
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
    stopped.wait_for_lines();
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
    // Then the service prints.
    until("the service has started", || {
        Some(()).filter(|()| service.get("/startupz").status == 200)
    });
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
    let stopped = Stopped::fill(&service);
    let (ids, refused) = (stopped.ids, stopped.refused);
    service.signal("-TERM");
    until("it stops accepting", || {
        TcpStream::connect(("127.0.0.1", service.port)).err()
    });
    service.pause_reader(false);
    assert!(service.wait().success());
    let stopped = Stopped {
        service: &service,
        ids,
        refused,
    };
    stopped.wait_for_lines();
}

#[test]
fn an_audit_that_cannot_be_written_at_the_end_is_a_failure() {
    let emulator = emulator();
    let mut service = Service::start(&emulator, &[]);
    Stopped::fill(&service);
    service.signal("-TERM");
    assert_eq!(
        service.wait().code(),
        Some(1),
        "it ends, and lines are lost"
    );
}
