//! Every request: host, headers, limits, journal, faults, start and stop.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::harness::{Fixture, NOW, VERIFIER, published};
use crate::emulator::{Emulator, Fault, FaultKind, Options, Route, UserAgent};
use crate::time::Timestamp;

const METADATA: &str = "/organizations/v2.0/.well-known/openid-configuration";

#[test]
fn metadata_has_the_host_of_the_request() {
    let fixture = Fixture::new();
    let body = fixture.get(METADATA).json();
    let base = fixture.emulator.http_url();
    assert_eq!(body["issuer"], format!("{base}/{{tenantid}}/v2.0"));
    assert_eq!(
        body["token_endpoint"],
        format!("{base}/organizations/oauth2/v2.0/token")
    );
    for absent in [
        "code_challenge_methods_supported",
        "authorization_response_iss_parameter_supported",
    ] {
        assert!(body.get(absent).is_none(), "{absent}");
    }
    let domain = "/contoso.example/v2.0/.well-known/openid-configuration";
    let tenant = fixture.emulator.tenant_id();
    assert_eq!(
        fixture.get(domain).json()["issuer"],
        format!("{base}/{tenant}/v2.0")
    );
    let unknown = fixture.get("/nowhere/v2.0/.well-known/openid-configuration");
    assert_eq!((unknown.status, unknown.aadsts()), (400, 90002));
    let keys = fixture.get("/common/discovery/v2.0/keys").json();
    assert!(keys["keys"][0]["issuer"].is_string());
    let first = fixture.get(&format!("/{tenant}/discovery/keys?appid=x"));
    assert_eq!(first.status, 200);
    assert_eq!(first.json()["keys"][0]["kid"], keys["keys"][0]["kid"]);
    assert_eq!(first.json()["keys"][0]["n"], keys["keys"][0]["n"]);
    assert_eq!(fixture.get("/nowhere/discovery/keys").status, 400);
    assert_eq!(fixture.emulator.count("keys"), 3);
}

#[test]
fn instance_discovery_accepts_its_host_only() {
    let fixture = Fixture::new();
    let send = |endpoint: &str| {
        fixture.get(&format!(
            "/common/discovery/instance?api-version=1.1&authorization_endpoint={endpoint}"
        ))
    };
    let own = send(&format!(
        "{}/organizations/oauth2/v2.0/authorize",
        fixture.emulator.http_url()
    ));
    assert!(own.json()["tenant_discovery_endpoint"].is_string());
    let other = send("https://login.evil.test/common/oauth2/v2.0/authorize");
    assert_eq!((other.status, other.aadsts()), (400, 50049));
    assert_eq!(other.error(), "invalid_instance");
}

#[test]
fn a_foreign_host_is_misdirected() {
    let fixture = Fixture::new();
    let port = fixture.emulator.context.main_ports().http;
    for hosts in [
        "Host: evil.test\r\n".to_owned(),
        "Host: localhost\r\n".to_owned(),
        format!("Host: localhost.evil.test:{port}\r\n"),
    ] {
        let response = fixture.raw(&format!(
            "GET / HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n"
        ));
        assert_eq!(response.status, 421, "{hosts}");
    }
    let without = fixture.raw("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(without.status, 421, "HTTP/1.0 requires no Host");
}

/// RFC 9112, section 3.2.
#[test]
fn a_request_without_exactly_one_valid_host_is_bad() {
    let fixture = Fixture::new();
    let host = fixture.host();
    for hosts in [
        String::new(),
        format!("Host: {host}\r\nHost: {host}\r\n"),
        format!("Host: {host}\r\nHost: evil.test\r\n"),
        format!("Host: ada@{host}\r\n"),
        format!("Host: {host}/x\r\n"),
        format!("Host: {host} x\r\n"),
    ] {
        for path in ["/", "/identities", "/_emulator/v1/info"] {
            let response = fixture.raw(&format!(
                "GET {path} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n"
            ));
            assert_eq!(response.status, 400, "{hosts}");
        }
    }
}

/// RFC 9110, section 9.1.
#[test]
fn head_is_answered_as_get_without_the_body() {
    let fixture = Fixture::new();
    for path in [
        "/",
        METADATA,
        "/common/discovery/v2.0/keys",
        "/error?code=50058",
        "/devicelogin",
        "/nothing",
        "/_emulator/",
    ] {
        let get = fixture.send("GET", path, "", "");
        let head = fixture.send("HEAD", path, "", "");
        let length = get.body.len().to_string();
        assert_eq!(
            (head.status, head.body.as_str()),
            (get.status, ""),
            "{path}"
        );
        assert_eq!(
            head.header("content-length"),
            Some(length.as_str()),
            "{path}"
        );
        assert_eq!(
            head.header("content-type"),
            get.header("content-type"),
            "{path}"
        );
    }
    for method in ["POST", "PUT", "DELETE", "FOO"] {
        let response = fixture.send(method, "/", "", "");
        assert_eq!(
            (response.status, response.header("allow")),
            (405, Some("GET, HEAD"))
        );
    }
}

#[test]
fn every_response_has_the_emulators_time_and_name() {
    let fixture = Fixture::new();
    let date = Timestamp::from_unix_seconds(NOW).to_http_date();
    for target in [
        "/",
        METADATA,
        "/nothing",
        "/identities",
        "/common/oauth2/v2.0/authorize",
    ] {
        let response = fixture.get(target);
        assert_eq!(response.header("date"), Some(date.as_str()), "{target}");
        let dates = response
            .head
            .to_ascii_lowercase()
            .matches("\r\ndate:")
            .count();
        assert_eq!(dates, 1, "{target}");
        assert!(response.header("x-emulator").is_some(), "{target}");
    }
    assert!(fixture.get("/").body.contains("every token is worthless"));
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let fixture = Fixture::new();
    let response = fixture.token("common", &"x".repeat(70 * 1024));
    assert_eq!(response.status, 413);
}

#[test]
fn requests_are_recorded_and_secrets_are_listed() {
    let fixture = Fixture::new();
    let code = fixture.code(&[]);
    let body = fixture.redeem(&code, &[]).json();
    let operations: Vec<(String, u16)> = fixture
        .emulator
        .requests()
        .into_iter()
        .map(|entry| (entry.operation, entry.status))
        .collect();
    assert_eq!(
        operations,
        [
            ("authorize".to_owned(), 302),
            ("authorization_code".to_owned(), 200)
        ]
    );
    let secrets = fixture.emulator.secrets();
    for secret in [
        code.as_str(),
        VERIFIER,
        "state/with=odd+chars|&",
        "nonce-0123456789",
        body["access_token"].as_str().expect("a token"),
        body["refresh_token"].as_str().expect("a token"),
        body["id_token"].as_str().expect("a token"),
        &fixture.emulator.connection_string(),
        published::ACCESS_KEY,
    ] {
        assert!(secrets.iter().any(|listed| listed == secret), "{secret}");
        let journal = format!("{:?}", fixture.emulator.requests());
        assert!(!journal.contains(secret));
    }
}

fn fault(fixture: &Fixture, route: Route, what: FaultKind) {
    fixture.emulator.add_fault(Fault {
        route,
        times: Some(1),
        what,
    });
}

#[test]
fn faults_affect_their_route_as_often_as_set() {
    let fixture = Fixture::new();
    let busy = FaultKind::Status {
        status: 429,
        retry_after: Some("7".to_owned()),
        content_type: "text/html".to_owned(),
        body: "<h1>busy</h1>".to_owned(),
    };
    fault(&fixture, Route::Metadata, busy);
    let response = fixture.get(METADATA);
    assert_eq!(
        (response.status, response.header("retry-after")),
        (429, Some("7"))
    );
    assert_eq!(response.body, "<h1>busy</h1>");
    assert_eq!(fixture.get(METADATA).status, 200);

    fault(
        &fixture,
        Route::Metadata,
        FaultKind::MissingField("token_endpoint".to_owned()),
    );
    assert!(fixture.get(METADATA).json().get("token_endpoint").is_none());
    fault(
        &fixture,
        Route::Metadata,
        FaultKind::ReplacedField("issuer".to_owned(), json!(7)),
    );
    assert_eq!(fixture.get(METADATA).json()["issuer"], 7);
    fault(&fixture, Route::Metadata, FaultKind::Drop);
    assert_eq!(fixture.get(METADATA).status, 0);
    fault(
        &fixture,
        Route::Metadata,
        FaultKind::OversizedBody(3_000_000),
    );
    assert!(fixture.get(METADATA).body.len() > 3_000_000);
    assert_eq!(fixture.emulator.count("metadata"), 3);
}

#[test]
fn a_connection_can_be_dropped_after_the_request_was_handled() {
    let fixture = Fixture::new();
    fault(&fixture, Route::Identities, FaultKind::DropAfterHandling);
    assert_eq!(fixture.signed("POST", "/identities", "").status, 0);
    let second = fixture.identity();
    assert!(second.contains("_00000002-"), "{second}");
    assert_eq!(fixture.emulator.count("create_identity"), 2);
}

#[test]
fn a_dropped_emulator_stops_with_a_pending_request() {
    let fixture = Fixture::new();
    let port = fixture.emulator.context.main_ports().http;
    fault(&fixture, Route::Metadata, FaultKind::Hang);
    let host = fixture.host();
    let waiting = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the emulator listens");
        write!(stream, "GET {METADATA} HTTP/1.1\r\nHost: {host}\r\n\r\n").expect("it reads");
        let mut nothing = Vec::new();
        let _ = stream.read_to_end(&mut nothing);
        nothing.len()
    });
    let deadline = Instant::now() + Duration::from_secs(60);
    while fixture.emulator.requests().is_empty() {
        assert!(Instant::now() < deadline, "the request is recorded");
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(fixture);
    assert_eq!(waiting.join().expect("it ends"), 0);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn half_a_request_and_a_client_that_reads_nothing_are_closed() {
    use std::io::{Read, Write};
    let fixture = Fixture::new();
    let connect = || {
        let stream = TcpStream::connect(("127.0.0.1", fixture.emulator.context.main_ports().http));
        let stream = stream.expect("the emulator listens");
        let hangs = Some(Duration::from_secs(60));
        stream.set_read_timeout(hangs).expect("a limit");
        stream.set_write_timeout(hangs).expect("a limit");
        stream
    };
    let mut half = connect();
    half.write_all(b"GET / HTTP/1.1\r\nHost: ").expect("sent");
    let mut not_reading = connect();
    let request = format!(
        "GET {METADATA} HTTP/1.1\r\nHost: {}\r\n\r\n",
        fixture.host()
    );
    let requests = request.repeat(1000);
    // The local buffers take some of it; the rest waits until the peer closes.
    let error = loop {
        if let Err(error) = not_reading.write_all(requests.as_bytes()) {
            break error.kind();
        }
    };
    let is_cut = !matches!(error, ErrorKind::WouldBlock | ErrorKind::TimedOut);
    assert!(is_cut, "the connection was never closed");
    let mut response = Vec::new();
    half.read_to_end(&mut response)
        .expect("it is closed in time");
    assert_eq!(response, b"", "no response");
}

#[test]
fn https_serves_clients_that_trust_its_authority() {
    let emulator = Emulator::start(Options {
        https_port: Some(0),
        ..Options::default()
    })
    .expect("the emulator starts");
    let url = emulator.https_url().expect("https is served");
    let pem = emulator.ca_pem().expect("https is served");
    let page = UserAgent::default()
        .trusting(pem)
        .browse(&url)
        .expect("the authority is trusted");
    assert!(page.html.contains(&url), "its own URLs are https");
    assert!(
        UserAgent::default().browse(&url).is_err(),
        "other clients do not trust it"
    );
    assert!(
        emulator
            .connection_string()
            .starts_with("endpoint=https://")
    );
}

#[test]
fn a_port_that_is_taken_is_refused() {
    let fixture = Fixture::new();
    let error = Emulator::start(Options {
        http_port: fixture.emulator.context.main_ports().http,
        clock: Arc::new(fixture.clock.clone()),
        token_life: Duration::from_secs(60),
        ..Options::default()
    })
    .expect_err("the port is taken");
    assert_eq!(error.kind(), crate::Kind::Usage);
    assert_eq!(fixture.get("/").status, 200, "the first one serves on");
}
