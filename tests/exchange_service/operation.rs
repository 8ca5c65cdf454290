//! Probes, figures, and the end of the service.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use acspass::emulator::{Emulator, Options};
use serde_json::json;

use crate::harness::{Response, Service, acs_token, own_token, send, until};

fn emulator() -> Emulator {
    Emulator::start(Options::default()).expect("an emulator")
}

#[test]
fn probes_and_figures_are_on_both_ports() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    for port in [service.port, service.metrics_port] {
        for path in ["/livez", "/readyz", "/startupz"] {
            assert_eq!(send(port, "GET", path, &[], "").status, 200, "{path}");
        }
    }
    assert_eq!(service.get("/metrics").status, 404, "only on its own port");
    for (port, step) in [
        (service.port, "See /openapi.json."),
        (
            service.metrics_port,
            "This port has /metrics, /livez, /readyz and /startupz.",
        ),
    ] {
        for (method, path, status) in [("GET", "/healthz", 404), ("POST", "/livez", 405)] {
            let refused = send(port, method, path, &[], "");
            assert_eq!(refused.status, status, "{}", refused.body);
            let description = refused.json()["error_description"].clone();
            let description = description.as_str().expect("a text");
            assert!(description.ends_with(step), "{port}: {description}");
        }
    }
    let ready = service.get("/readyz").json();
    assert_eq!(
        ready,
        json!({"status": "ok", "checks": {
            "signingKeys": "ok", "credential": "ok", "database": "none", "audit": "ok",
            "draining": false,
            "budget": {"source": "fixed", "share": 500, "remaining": 500},
        }})
    );
    service.exchange(&own_token(&emulator), &acs_token(&emulator));
    for (start, value) in [
        (
            "acspass_exchange_requests_total{route=\"token\",outcome=\"exchanged\"}",
            1.0,
        ),
        (
            "acspass_exchange_exchange_seconds_count{result=\"ok\"}",
            1.0,
        ),
        ("acspass_exchange_requests_in_flight", 0.0),
        ("acspass_exchange_cached_tokens", 1.0),
        ("acspass_exchange_budget_remaining", 499.0),
    ] {
        assert_eq!(service.figure(start), Some(value), "{start}");
    }
    let age = service.figure("acspass_exchange_signing_keys_age_seconds");
    assert!(age.is_some_and(|age| (0.0..60.0).contains(&age)), "{age:?}");
}

#[test]
fn the_ids_of_a_request_are_in_the_audit_and_in_the_response() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let headers = [
        ("x-request-id", "from-the-proxy_1"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
    ];
    let response = send(service.port, "GET", "/v1/identity/token", &headers, "");
    let id = response.header("x-request-id").expect("an id");
    assert_eq!(response.json()["request_id"], id);
    let line = service.audit(&response);
    assert_eq!(line["callerRequestId"], "from-the-proxy_1");
    assert_eq!(line["traceId"], "0af7651916cd43dd8448eb211c80319c");
}

#[test]
fn a_terminated_service_is_not_ready_waits_and_finishes() {
    let emulator = emulator();
    let settings = [
        ("ACSPASS_EXCHANGE_MIN_DRAIN", "2s"),
        ("ACSPASS_EXCHANGE_MAX_DRAIN", "20s"),
    ];
    let mut service = Service::start(&emulator, &settings);
    // A request whose body is not complete yet.
    let bearer = own_token(&emulator);
    let form = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange\
         &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&subject_token={}",
        acs_token(&emulator)
    );
    let mut stream = TcpStream::connect(("127.0.0.1", service.port)).expect("it listens");
    let (first, rest) = form.split_at(20);
    let head = format!(
        "POST /v1/token HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{first}",
        form.len()
    );
    stream.write_all(head.as_bytes()).expect("written");
    until("the request has begun", || {
        let in_flight = service.figure("acspass_exchange_requests_in_flight");
        Some(()).filter(|()| in_flight == Some(1.0))
    });
    let start = Instant::now();
    service.signal("-TERM");
    until("it is not ready", || {
        Some(()).filter(|()| service.get("/readyz").status == 503)
    });
    let late = service.exchange(&bearer, &acs_token(&emulator));
    assert_eq!(late.status, 200, "it still accepts requests: {}", late.body);
    assert_eq!(late.header("connection"), Some("close"));
    until("it stops accepting", || {
        TcpStream::connect(("127.0.0.1", service.port)).err()
    });
    assert!(start.elapsed() >= Duration::from_secs(2));
    stream.write_all(rest.as_bytes()).expect("written");
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    assert_eq!(
        Response::parse(&text).status,
        200,
        "the request in progress gets its response"
    );
    assert!(service.wait().success());
}
