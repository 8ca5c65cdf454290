//! Spans for a collector of traces. The collector is a listener of the test, which reads the requests
//! of OTLP over HTTP as bytes: no collector can be installed here.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use acspass::emulator::{Emulator, Options};

use crate::harness::{AUDIENCE, Service, acs_token, own_token, send, until};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// The head and the body of a request.
type Request = (String, Vec<u8>);

/// A collector. It keeps its requests.
struct Collector {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Collector {
    fn start(listener: TcpListener) -> Collector {
        let port = listener.local_addr().expect("an address").port();
        let requests: Arc<Mutex<Vec<_>>> = Arc::default();
        let kept = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = kept.clone();
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream);
                    while let Some(request) = request(&mut reader) {
                        kept.lock().expect("no panic").push(request);
                    }
                });
            }
        });
        Collector { port, requests }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Whether one of the bodies has these bytes.
    fn has(&self, bytes: &[u8]) -> bool {
        let requests = self.requests.lock().expect("no panic");
        let mut bodies = requests.iter().map(|(_, body)| body);
        bodies.any(|body| body.windows(bytes.len()).any(|window| window == bytes))
    }
}

/// Reads a request of a connection that is kept open, and responds to it.
fn request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let start = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        let line = head[start..].to_ascii_lowercase();
        if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let response =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
    reader.get_mut().write_all(response).ok()?;
    Some((head, body))
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("digits");
    (0..hex.len()).step_by(2).map(digits).collect()
}

fn emulator() -> Emulator {
    Emulator::start(Options::default()).expect("an emulator")
}

fn form(subject: &str) -> String {
    format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange\
         &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token\
         &subject_token={subject}"
    )
}

#[test]
fn the_collector_gets_the_spans_of_a_request_and_no_token() {
    let emulator = emulator();
    let collector = Collector::start(TcpListener::bind("127.0.0.1:0").expect("a port"));
    let url = collector.url();
    let service = Service::start(
        &emulator,
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=calls"),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ],
    );
    let (bearer, subject) = (own_token(&emulator), acs_token(&emulator));
    let headers = [
        ("authorization", format!("Bearer {bearer}")),
        (
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        ),
        ("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01")),
    ];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let response = send(service.port, "POST", "/v1/token", &headers, &form(&subject));
    assert_eq!(response.status, 200, "{response:?}");
    let token = response.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    until("both spans", || {
        let has_all = [&b"http.route"[..], b"exchanged", b"acspass-exchange"];
        let is_there =
            collector.has(&bytes_of(TRACE)) && has_all.iter().all(|text| collector.has(text));
        is_there.then_some(())
    });
    let heads = collector.requests.lock().expect("no panic").clone();
    let head = heads[0].0.to_ascii_lowercase();
    assert!(head.starts_with("post /v1/traces "), "{head}");
    assert!(
        head.contains("content-type: application/x-protobuf"),
        "{head}"
    );
    assert!(head.contains("x-team: calls"), "{head}");
    for secret in [&bearer, &subject, &token] {
        assert!(!collector.has(secret.as_bytes()));
        let signature = secret.rsplit('.').next().expect("a part");
        assert!(!collector.has(signature.as_bytes()));
    }
    assert!(!collector.has(AUDIENCE.as_bytes()), "no claim is in a span");
}

#[test]
fn a_collector_that_is_away_is_reported_once_and_costs_no_request() {
    let emulator = emulator();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let url = format!("http://{address}");
    let service = Service::start(
        &emulator,
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
            ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ],
    );
    let reports = |text: &str| {
        let lines = service.lines();
        lines.iter().filter(|line| line.contains(text)).count()
    };
    for _ in 0..3 {
        let response = service.exchange(&own_token(&emulator), &acs_token(&emulator));
        assert_eq!(response.status, 200, "{response:?}");
        until("the report", || {
            (reports("gets no spans at present") > 0).then_some(())
        });
    }
    assert_eq!(reports("gets no spans at present"), 1);
    let collector = Collector::start(TcpListener::bind(address).expect("the port is free"));
    service.exchange(&own_token(&emulator), &acs_token(&emulator));
    until("the end of the outage", || {
        (reports("gets spans again") > 0).then_some(())
    });
    // The first delivery can have spans of the start only.
    until("the spans of a request", || {
        collector.has(b"http.route").then_some(())
    });
}

#[test]
fn the_last_spans_are_sent_at_the_end() {
    let emulator = emulator();
    let collector = Collector::start(TcpListener::bind("127.0.0.1:0").expect("a port"));
    let url = collector.url();
    let mut service = Service::start(
        &emulator,
        &[
            (
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                format!("{url}/own/path").as_str(),
            ),
            ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
            ("OTEL_SERVICE_NAME", "tokens-of-contoso"),
        ],
    );
    service.exchange("not a token", "x");
    service.signal("-TERM");
    assert!(service.wait().success());
    assert!(
        collector.has(b"token_malformed") || collector.has(b"refused"),
        "the span of a refusal"
    );
    assert!(collector.has(b"tokens-of-contoso"));
    let heads = collector.requests.lock().expect("no panic").clone();
    assert!(
        heads[0].0.starts_with("POST /own/path "),
        "{:?}",
        heads[0].0
    );
}

#[test]
fn an_endpoint_that_is_none_is_an_error_without_its_text() {
    let emulator = emulator();
    let changes = [(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://user:hunter2@ not a url",
    )];
    let (mut command, _folder) = Service::command(&emulator, &changes);
    let output = command.output().expect("the service starts");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    // A check names it beside the others.
    let changes = [changes[0], ("ACSPASS_EXCHANGE_AUDIENCE", "")];
    let (mut command, _folder) = Service::command(&emulator, &changes);
    let output = command.arg("--check").output().expect("the service starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("ACSPASS_EXCHANGE_AUDIENCE"), "{text}");
    assert!(text.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{text}");
}
