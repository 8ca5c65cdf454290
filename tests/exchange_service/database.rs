//! The budget and the identities of several replicas, in a real PostgreSQL.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use acspass::emulator::{Emulator, Options};
use serde_json::{Value, json};

use crate::harness::{
    Postgres, Response, Service, own_token, own_token_of, send, until, with_claims,
};

fn emulator() -> Emulator {
    Emulator::start(Options::default()).expect("an emulator")
}

fn start(emulator: &Emulator, postgres: &Postgres, changes: &[(&str, &str)]) -> Service {
    let url = postgres.url();
    let mut settings = vec![("DATABASE_URL", url.as_str())];
    settings.extend(changes);
    Service::start(emulator, &settings)
}

fn identity(service: &Service, bearer: &str) -> Response {
    let authorization = format!("Bearer {bearer}");
    let headers = [("Authorization", authorization.as_str())];
    send(service.port, "GET", "/v1/identity/token", &headers, "")
}

fn budget(service: &Service) -> Value {
    service.get("/readyz").json()["checks"]["budget"].clone()
}

#[test]
fn replicas_share_the_budget() {
    let (emulator, postgres) = (emulator(), Postgres::start());
    let settings = [
        ("ACSPASS_EXCHANGE_BUDGET", "9"),
        ("ACSPASS_EXCHANGE_REPLICAS", "3"),
        ("ACSPASS_EXCHANGE_USER_RATE", "600,600"),
    ];
    // All start at the same time, so that all run the migrations.
    let services: Vec<Service> = thread::scope(|scope| {
        let start = || start(&emulator, &postgres, &settings);
        let started: Vec<_> = (0..3).map(|_| scope.spawn(start)).collect();
        started
            .into_iter()
            .map(|service| service.join().expect("ready"))
            .collect()
    });
    let bearer = own_token(&emulator);
    let mut accepted = 0;
    for (number, service) in services.iter().cycle().take(30).enumerate() {
        assert_eq!(budget(service)["source"], "lease");
        let subject = with_claims(&emulator, json!({"uti": format!("token-{number}")}));
        let response = service.exchange(&bearer, &subject);
        match response.status {
            200 => accepted += 1,
            _ => assert_eq!(service.audit(&response)["reason"], "budget"),
        }
    }
    assert!(
        accepted <= 9 && emulator.count("exchange") == accepted,
        "{accepted}"
    );
    let granted = postgres.query(
        "SELECT max(total) FROM (SELECT sum(granted) AS total FROM acspass_exchange.leases \
         GROUP BY window_number) AS windows",
    );
    assert_eq!(granted.as_deref(), Some("9"));
    assert_eq!(
        postgres
            .query("SELECT max(number) FROM acspass_exchange.migrations")
            .as_deref(),
        Some("1")
    );
}

#[test]
fn leases_never_exceed_the_budget_in_adjacent_windows() {
    let (emulator, postgres) = (emulator(), Postgres::start());
    drop(start(&emulator, &postgres, &[]));
    // Replicas come and go; the time of the database does not matter to the function.
    let statement = "DO $$ DECLARE over integer; BEGIN \
         FOR round IN 1..400 LOOP \
             PERFORM acspass_exchange.lease('r', md5('replica ' || (random() * 6)::integer)::uuid, \
                 100, 1 + (random() * 3)::integer, random() < 0.5); \
         END LOOP; \
         SELECT count(*) INTO over FROM (SELECT first.window_number FROM (SELECT DISTINCT window_number \
             FROM acspass_exchange.leases WHERE resource = 'r') AS first, LATERAL (SELECT max(granted) AS most \
             FROM acspass_exchange.leases WHERE resource = 'r' \
                 AND window_number IN (first.window_number, first.window_number + 1) \
             GROUP BY replica) AS each GROUP BY first.window_number HAVING sum(most) > 100) AS pairs; \
         IF over > 0 THEN RAISE EXCEPTION 'over the budget'; END IF; END $$";
    assert!(
        postgres.query(statement).is_some(),
        "a pair of windows is over the budget"
    );
}

#[test]
fn a_user_gets_one_identity_from_all_replicas() {
    let (emulator, postgres) = (emulator(), Postgres::start());
    let many = [
        ("ACSPASS_EXCHANGE_USER_RATE", "600,600"),
        ("ACSPASS_EXCHANGE_REPLICAS", "2"),
    ];
    let services = [0, 1].map(|_| start(&emulator, &postgres, &many));
    let bearer = own_token(&emulator);
    let ids: BTreeSet<String> = thread::scope(|scope| {
        let all = services.iter().cycle().take(16);
        let requests: Vec<_> = all
            .map(|service| scope.spawn(|| identity(service, &bearer)))
            .collect();
        let responses = requests
            .into_iter()
            .map(|request| request.join().expect("a response"));
        responses
            .map(|response| {
                assert_eq!(response.status, 200, "{}", response.body);
                let json = response.json();
                let token = json["accessToken"]["token"].as_str().expect("a token");
                assert!(emulator.is_token_valid(token));
                json["identity"]["id"].as_str().expect("an id").to_owned()
            })
            .collect()
    });
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(emulator.count("create_identity"), 1);
    let ben = own_token_of(&emulator, Some("ben@contoso.example"), json!({}));
    let other = identity(&services[0], &ben).json()["identity"]["id"].clone();
    assert!(!ids.contains(other.as_str().expect("an id")));
    assert_eq!(
        services[1].audit(&identity(&services[1], &bearer))["identity"],
        json!(ids.first())
    );
    // The owner of the resource deletes it.
    let id = ids.first().expect("one");
    let key = emulator.http_connection_string();
    let client = acspass::acs::IdentityClient::from_connection_string(&key).expect("a client");
    let user = acspass::acs::CommunicationUserId::parse(id).expect("an id");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime
        .expect("a runtime")
        .block_on(client.delete_user(&user))
        .expect("deleted");
    let next = identity(&services[0], &bearer).json()["identity"]["id"].clone();
    assert_ne!(next, json!(id));
    assert_eq!(
        identity(&services[1], &bearer).json()["identity"]["id"],
        next
    );
}

#[test]
fn a_preview_provides_identities_without_a_table() {
    let emulator = emulator();
    let services =
        [0, 1].map(|_| Service::start(&emulator, &[("ACSPASS_EXCHANGE_CUSTOM_ID", "true")]));
    let bearer = own_token(&emulator);
    let ids = services.each_ref().map(|service| {
        let response = identity(service, &bearer);
        assert_eq!(response.status, 200, "{}", response.body);
        response.json()["identity"]["id"].clone()
    });
    assert_eq!(ids[0], ids[1]);
    let without = Service::start(&emulator, &[]);
    let response = identity(&without, &bearer);
    assert_eq!(
        (response.status, without.audit(&response)["reason"].clone()),
        (404, json!("no_identities"))
    );
}

#[test]
fn a_database_that_fails_is_the_reason_and_loses_nothing() {
    let (emulator, mut postgres) = (emulator(), Postgres::start());
    let one = [("ACSPASS_EXCHANGE_REPLICAS", "1")];
    let service = start(&emulator, &postgres, &one);
    let bearer = own_token(&emulator);
    let id = identity(&service, &bearer).json()["identity"]["id"].clone();
    assert!(id.is_string());
    postgres.stop();
    let response = identity(&service, &bearer);
    assert_eq!(response.status, 503, "{}", response.body);
    assert_eq!(service.audit(&response)["reason"], "database_unavailable");
    assert!(response.header("retry-after").is_some());
    let exchanged = service.exchange(&bearer, &with_claims(&emulator, json!({})));
    assert_eq!(
        exchanged.status, 200,
        "exchanges need no database: {}",
        exchanged.body
    );
    postgres.resume();
    until("the database is used again", || {
        thread::sleep(Duration::from_millis(200));
        let response = identity(&service, &bearer);
        Some(()).filter(|()| response.status == 200 && response.json()["identity"]["id"] == id)
    });
    assert_eq!(emulator.count("create_identity"), 1);
}

#[test]
fn a_replica_without_a_share_names_the_time_of_the_next_lease() {
    let (emulator, postgres) = (emulator(), Postgres::start());
    let _holder = start(&emulator, &postgres, &[]);
    let url = postgres.url();
    let waiting = Service::start_unready(&emulator, &[("DATABASE_URL", &url)]);
    until("an empty lease", || {
        let checks = waiting.get("/readyz").json()["checks"].clone();
        let is_empty = checks["budget"]["source"] == "lease" && checks["budget"]["share"] == 0;
        Some(()).filter(|()| is_empty && checks["signingKeys"] == "ok")
    });
    let bearer = own_token(&emulator);
    for number in 0..4 {
        let subject = with_claims(&emulator, json!({"uti": format!("token-{number}")}));
        let response = waiting.exchange(&bearer, &subject);
        assert_eq!(response.status, 429, "{}", response.body);
        let pause = response.header("retry-after").expect("a pause");
        let pause: u64 = pause.parse().expect("a number");
        assert!((1..=38).contains(&pause), "a window and a quarter: {pause}");
    }
}

/// Counts the connections to a port, and closes each.
fn count_connections(listener: TcpListener) -> Arc<AtomicU32> {
    let count: Arc<AtomicU32> = Arc::default();
    let counted = count.clone();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            drop(stream);
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    count
}

fn wait_for(count: &AtomicU32, connections: u32) {
    until("the database is tried again", || {
        Some(()).filter(|()| count.load(Ordering::Relaxed) >= connections)
    });
}

fn lines_with(service: &Service, text: &str) -> usize {
    let lines = service.lines();
    lines.iter().filter(|line| line.contains(text)).count()
}

#[test]
fn a_database_that_is_down_at_the_start_is_reported_once() {
    let emulator = emulator();
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let count = count_connections(listener);
    let url = format!("postgres://u@127.0.0.1:{port}/d?sslmode=disable");
    let service = Service::start_unready(&emulator, &[("DATABASE_URL", &url)]);
    wait_for(&count, 4);
    assert_eq!(lines_with(&service, "the database is unavailable"), 1);
}

#[test]
fn an_outage_of_the_database_has_one_line_and_not_one_per_second() {
    let (emulator, mut postgres) = (emulator(), Postgres::start());
    let service = start(&emulator, &postgres, &[]);
    postgres.stop();
    let listener = TcpListener::bind(("127.0.0.1", postgres.port)).expect("its port is free");
    let count = count_connections(listener);
    wait_for(&count, 4);
    assert_eq!(lines_with(&service, "No share of the budget was leased"), 1);
}

#[test]
fn a_user_without_the_right_to_create_can_use_the_schema_of_another_one() {
    let (emulator, postgres) = (emulator(), Postgres::start());
    let settings = [("ACSPASS_EXCHANGE_REPLICAS", "1")];
    drop(start(&emulator, &postgres, &settings));
    let grant = "CREATE ROLE plain LOGIN; GRANT USAGE ON SCHEMA acspass_exchange TO plain; \
         GRANT ALL ON ALL TABLES IN SCHEMA acspass_exchange TO plain";
    postgres.query(grant).expect("a role");
    let url = postgres.url().replace("postgres@", "plain@");
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("ACSPASS_EXCHANGE_REPLICAS", "1"),
    ];
    let service = Service::start(&emulator, &settings);
    assert_eq!(identity(&service, &own_token(&emulator)).status, 200);
}
