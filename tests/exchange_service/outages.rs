//! Failures of other systems in the middle of a request, and responses that are none of them.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use acspass::emulator::{Emulator, FaultSelection, Options, Route};
use serde_json::json;

use crate::harness::{Postgres, Service, acs_token, own_token, own_token_of, send, until};

const OTHER: &str = "ac5ba55e-0c11-4000-8000-0000000000ff";

fn emulator() -> Emulator {
    Emulator::start(Options::default()).expect("an emulator")
}

/// Lets the next response to an exchange arrive later than the service waits for it.
fn hold_exchange(emulator: &Emulator) {
    let selection = FaultSelection {
        route: Some(Route::Exchange),
        parameters: BTreeMap::from([("milliseconds".to_owned(), json!(60_000))]),
        ..FaultSelection::named("slow-body")
    };
    emulator.select_fault(selection).expect("a fault");
}

#[test]
fn a_tenant_without_keys_affects_no_other_tenant() {
    let emulator = emulator();
    let tenants = format!("{OTHER},{}", emulator.tenant_id());
    let service = Service::start(&emulator, &[("ACSPASS_EXCHANGE_TENANTS", &tenants)]);
    let ready = service.get("/readyz");
    assert_eq!(
        (ready.status, ready.json()["checks"]["signingKeys"].clone()),
        (200, json!("partial"))
    );
    let bearer = own_token(&emulator);
    let served = service.exchange(&bearer, &acs_token(&emulator));
    assert_eq!(served.status, 200, "{}", served.body);
    let other = own_token_of(&emulator, None, json!({"tid": OTHER}));
    let refused = service.exchange(&other, &acs_token(&emulator));
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(service.audit(&refused)["reason"], "keys_unavailable");
}

#[test]
fn a_database_that_fails_within_a_request_leaves_no_identity_behind() {
    let (emulator, postgres) = (emulator(), Postgres::start());
    let settings = [
        ("DATABASE_URL", postgres.url()),
        ("ACSPASS_EXCHANGE_REPLICAS", "1".to_owned()),
    ];
    let settings = settings.each_ref();
    let settings = settings.map(|(name, value)| (*name, value.as_str()));
    let service = Service::start(&emulator, &settings);
    let authorization = format!("Bearer {}", own_token(&emulator));
    let identity = || {
        let headers = [("Authorization", authorization.as_str())];
        send(service.port, "GET", "/v1/identity/token", &headers, "")
    };
    // The connection ends when the identity is stored, however long its creation took.
    let failing = "CREATE FUNCTION end_connection() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(60); RETURN NEW; END $$; \
         CREATE TRIGGER failing BEFORE INSERT ON acspass_exchange.identities \
         FOR EACH ROW EXECUTE FUNCTION end_connection()";
    postgres.query(failing).expect("a trigger");
    let response = identity();
    assert_eq!(response.status, 503, "{}", response.body);
    assert_eq!(service.audit(&response)["reason"], "database_unavailable");
    assert_eq!(emulator.count("delete_identity"), 1, "it is not stored");
    let restored = postgres.query("DROP TRIGGER failing ON acspass_exchange.identities");
    restored.expect("no trigger");
    until("the database is used again", || {
        thread::sleep(std::time::Duration::from_millis(200));
        Some(()).filter(|()| identity().status == 200)
    });
    assert_eq!(emulator.count("create_identity"), 2);
}

#[test]
fn a_database_that_stops_responding_is_a_refusal_in_time() {
    let (emulator, postgres) = (emulator(), Postgres::start());
    let settings = [
        ("DATABASE_URL", postgres.url()),
        ("ACSPASS_EXCHANGE_REPLICAS", "1".to_owned()),
    ];
    let settings = settings.each_ref();
    let settings = settings.map(|(name, value)| (*name, value.as_str()));
    let service = Service::start(&emulator, &settings);
    let authorization = format!("Bearer {}", own_token(&emulator));
    let identity = || {
        let headers = [("Authorization", authorization.as_str())];
        send(service.port, "GET", "/v1/identity/token", &headers, "")
    };
    assert_eq!(identity().status, 200, "the connection stays open");
    postgres.signal("-STOP");
    let response = identity();
    assert_eq!(response.status, 503, "{}", response.body);
    let line = service.audit(&response);
    assert_eq!(line["reason"], "database_unavailable");
    let milliseconds = line["milliseconds"].as_u64().expect("a number");
    assert!(milliseconds < 30_000, "{milliseconds}");
    let cause = "the database did not respond in time. Check the database";
    assert!(service.lines().join("\n").contains(cause));
    postgres.signal("-CONT");
    until("the database is used again", || {
        Some(()).filter(|()| identity().status == 200)
    });
    assert_eq!(emulator.count("create_identity"), 1);
}

#[test]
fn a_replica_that_is_killed_within_an_exchange_leaks_nothing_and_a_retry_succeeds() {
    let emulator = emulator();
    let mut killed = Service::start(&emulator, &[]);
    let other = Service::start(&emulator, &[]);
    let (bearer, subject) = (own_token(&emulator), acs_token(&emulator));
    hold_exchange(&emulator);
    let mut stream = TcpStream::connect(("127.0.0.1", killed.port)).expect("it listens");
    let request = format!(
        "GET /api/token/teams HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n\
         teams-user-aad-token: {subject}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("written");
    until("the resource has exchanged", || {
        Some(()).filter(|()| emulator.count("exchange") == 1)
    });
    killed.kill();
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received);
    assert!(received.is_empty(), "no half of a response");
    killed.wait();
    let said = killed.lines().join("\n");
    for secret in emulator.secrets() {
        assert!(!said.contains(&secret), "a secret is in the output");
    }
    let retried = other.exchange(&bearer, &subject);
    assert_eq!(retried.status, 200, "{}", retried.body);
    assert_eq!(other.audit(&retried)["outcome"], "exchanged");
}

/// A resource that answers each request with a redirect and a cookie. Returns its URL, and the heads of
/// the requests.
fn redirecting() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let (kept, target) = (heads.clone(), url.clone());
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            let text = String::from_utf8_lossy(&head).to_lowercase();
            kept.lock().expect("no panic").push(text);
            let _ = write!(
                stream,
                "HTTP/1.1 307 Temporary Redirect\r\nLocation: {target}/elsewhere\r\n\
                 Set-Cookie: session=1; Path=/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
    });
    (url, heads)
}

#[test]
fn no_redirect_is_followed_and_no_cookie_is_kept() {
    let emulator = emulator();
    let (url, heads) = redirecting();
    let service = Service::start(&emulator, &[("COMMUNICATION_SERVICES_ENDPOINT", &url)]);
    let bearer = own_token(&emulator);
    for _ in 0..2 {
        let response = service.exchange(&bearer, &acs_token(&emulator));
        assert_eq!(response.status, 503, "{}", response.body);
        assert_eq!(service.audit(&response)["reason"], "resource_unavailable");
    }
    let heads = heads.lock().expect("no panic").clone();
    assert_eq!(heads.len(), 2, "{heads:?}");
    for head in heads {
        assert!(
            !head.contains("elsewhere") && !head.contains("cookie:"),
            "{head}"
        );
    }
}
