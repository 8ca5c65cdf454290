//! Spans for a collector of traces. The collector is a listener of the test, which reads the requests
//! of OTLP over HTTP as bytes: no collector can be installed here.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use acspass::emulator::{Emulator, Options};

use crate::harness::{AUDIENCE, Response, Service, acs_token, own_token, send, until};
use crate::on_behalf_of;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// The head and the body of a request.
type Request = (String, Vec<u8>);

/// A collector. It keeps its requests.
struct Collector {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    is_away: Arc<AtomicBool>,
}

impl Collector {
    fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let requests: Arc<Mutex<Vec<_>>> = Arc::default();
        let is_away: Arc<AtomicBool> = Arc::default();
        let (kept, away) = (requests.clone(), is_away.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if away.load(Ordering::Relaxed) {
                    continue;
                }
                let kept = kept.clone();
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream);
                    while read(&mut reader, &kept).is_some() {}
                });
            }
        });
        Collector {
            port,
            requests,
            is_away,
        }
    }

    /// Closes each connection at once, or reads from new ones. The port stays in use.
    fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
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

    /// Whether there is a span of this name in the trace. In the encoding of a span, the id of its trace
    /// begins 38 bytes before its name: after it are the id of the span and that of its parent.
    fn has_span(&self, name: &str) -> bool {
        let requests = self.requests.lock().expect("no panic");
        let trace = bytes_of(TRACE);
        let is_span =
            |window: &[u8]| window.starts_with(&trace) && window.ends_with(name.as_bytes());
        let mut bodies = requests.iter().map(|(_, body)| body);
        bodies.any(|body| body.windows(38 + name.len()).any(is_span))
    }
}

/// Keeps a request of a connection that stays open, and then responds to it.
fn read(reader: &mut BufReader<TcpStream>, kept: &Mutex<Vec<Request>>) -> Option<()> {
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
    kept.lock().expect("no panic").push((head, body));
    let response =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
    reader.get_mut().write_all(response).ok()
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

/// Sends a request in the trace.
fn in_trace(service: &Service, path: (&str, &str), bearer: &str, form: &str) -> Response {
    let headers = [
        ("authorization", format!("Bearer {bearer}")),
        (
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        ),
        ("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01")),
    ];
    let headers = headers.each_ref();
    let headers = headers.map(|(name, value)| (*name, value.as_str()));
    send(service.port, path.0, path.1, &headers, form)
}

#[test]
fn the_collector_gets_the_spans_of_a_request_and_no_token() {
    let emulator = emulator();
    let collector = Collector::start();
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
    let path = ("POST", "/v1/token");
    let response = in_trace(&service, path, &bearer, &form(&subject));
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
fn requests_for_identities_are_in_the_callers_trace() {
    let (emulator, collector) = (emulator(), Collector::start());
    let url = collector.url();
    let service = Service::start(
        &emulator,
        &[
            ("ACSPASS_EXCHANGE_CUSTOM_ID", "true"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ],
    );
    let path = ("GET", "/v1/identity/token");
    let response = in_trace(&service, path, &own_token(&emulator), "");
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(service.audit(&response)["traceId"], TRACE);
    until("the span of the request to the resource", || {
        collector.has_span("create_identity").then_some(())
    });
}

#[test]
fn requests_on_behalf_of_users_are_in_the_callers_trace() {
    let (emulator, collector) = (on_behalf_of::emulator(), Collector::start());
    let url = collector.url();
    let folder = tempfile::tempdir().expect("a folder");
    let service = on_behalf_of::service_with(
        &emulator,
        &folder,
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=tokens"),
        ],
    );
    let bearer = own_token(&emulator);
    let path = ("POST", "/v1/token");
    let response = in_trace(&service, path, &bearer, &form(&bearer));
    assert_eq!(response.status, 200, "{response:?}");
    until("the spans of both requests", || {
        let has_both = collector.has_span("on_behalf_of") && collector.has_span("exchange");
        has_both.then_some(())
    });
    assert!(collector.has(b"\x0a\x06tokens"), "the name of the service");
    // A request without a trace starts one, whose id is in the audit.
    let response = service.exchange(&bearer, &bearer);
    let id = service.audit(&response)["traceId"].clone();
    let id = bytes_of(id.as_str().expect("an id"));
    until("the new trace", || collector.has(&id).then_some(()));
}

#[test]
fn a_collector_that_is_away_is_reported_once_and_costs_no_request() {
    let emulator = emulator();
    let collector = Collector::start();
    collector.set_away(true);
    let url = collector.url();
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
    collector.set_away(false);
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
    let collector = Collector::start();
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
    until("the span of the refusal", || {
        collector.has(b"malformed").then_some(())
    });
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
