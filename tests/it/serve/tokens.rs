//! Tokens: as `get` gives them, always fresh, renewed once for all who ask.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use acspass::emulator::{Fault, FaultKind, Route};
use zbus::zvariant::OwnedValue;

use super::Service;
use super::shape::Document;
use crate::harness::http;
use crate::harness::{Home, TestBrowser};
use crate::many_accounts::{keep, signed_in};

#[test]
fn tokens_and_status_are_those_of_the_command() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    let service = Service::start(&home, &[]);
    let document = Document(service.get("/openapi.json").json());
    let get = home.real(&["get", "-o", "json"]).json();
    let asked = emulator.requests().len();
    let response = service.get("/token").assert_status(200);
    document.assert_fits("get", "/token", 200, &response.json());
    for member in ["token", "expiresOn", "account"] {
        assert!(response.json()[member] == get[member], "{member}");
    }
    let token = response.token();
    for path in [
        "/token?account=ADA@contoso.example",
        "/token?min-validity=1h",
        "/token?account=ada%40contoso.example&min-validity=3600",
    ] {
        assert!(service.get(path).token() == token, "{path}");
    }
    let hero = service.get("/api/token/teams").assert_status(201).json();
    document.assert_fits("get", "/api/token/teams", 201, &hero);
    assert!(hero["token"] == token.as_str());
    assert_eq!(emulator.requests().len(), asked, "all of it was held");
    let status = service.get("/status").assert_status(200).json();
    document.assert_fits("get", "/status", 200, &status);
    assert_eq!(status, home.real(&["status", "-o", "json"]).json());
    for path in [
        "/token?acount=ada",
        "/token?min-validity=soon",
        "/token?account=a&account=b",
    ] {
        let response = service.get(path).assert_status(400);
        document.assert_fits("get", "/token", 400, &response.json());
    }
    let (kind, _) = service.get("/token?account=nobody@contoso.example").error();
    assert_eq!(kind, "sign_in_needed");
    service.stop().assert_code(0);
}

#[test]
fn ambiguous_account_is_a_bad_request_that_lists_the_candidates() {
    let (mut home, sessions, _emulator) = signed_in();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    let index = sessions.index().unwrap();
    let application = &index.entries().next().unwrap().application;
    keep(
        &sessions,
        application,
        "ada@contoso.example",
        "other",
        "other-tenant",
    );
    let service = Service::start(&home, &[]);
    let response = service.get("/token?account=ada@contoso.example");
    let json = response.assert_status(400).json();
    let hint = json["error"]["hint"].as_str().unwrap();
    assert_eq!(json["error"]["kind"], "usage");
    assert!(hint.contains("other.other-tenant"), "{hint}");
    let id = &index.entries().next().unwrap().account.home_account_id;
    service.get(&format!("/token?account={id}")).token();
    service.get(&format!("/token?account={}", &id[..8])).token();
    service.stop().assert_code(0);
}

#[test]
fn a_client_of_the_hero_sample_may_bring_a_users_entra_token() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    let entra = home.real(&["get", "--entra"]).token();
    home.real(&["logout"]).assert_code(0);
    let service = Service::start(&home, &[]);
    let header = format!("teams-user-aad-token: {entra}");
    let response = service.send("GET", "/api/token/teams", &[&service.bearer(), &header], "");
    let token = response.assert_status(201).json()["token"].clone();
    assert!(emulator.is_token_valid(token.as_str().expect("a token")));
    for wrong in ["", "not a token", "e30.e30.e30"] {
        let header = format!("teams-user-aad-token: {wrong}");
        let response = service.send("GET", "/api/token/teams", &[&service.bearer(), &header], "");
        assert_eq!(response.assert_status(400).error().0, "usage", "{wrong}");
    }
    service.stop().assert_code(0);
}

#[test]
fn many_at_once_cause_one_refresh_and_one_exchange() {
    let (home, emulator) = Home::with_keyring();
    // A sign-in leaves an Entra token that is not fresh.
    emulator.set_token_life(Duration::from_secs(300));
    home.login();
    emulator.set_token_life(Duration::from_secs(4500));
    let service = Service::start(&home, &[]);
    let caller = &*service;
    let tokens: BTreeSet<String> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..200)
            .map(|_| scope.spawn(|| caller.get("/token").token()))
            .collect();
        let answers = asking
            .into_iter()
            .map(|asking| asking.join().expect("it ends"));
        answers.collect()
    });
    assert_eq!(tokens.len(), 1);
    assert_eq!(emulator.count("refresh_token"), 1);
    assert_eq!(emulator.count("exchange"), 1);
    service.stop().assert_code(0);
}

#[test]
fn short_tokens_are_renewed_again_and_again_without_a_stale_one_and_without_a_storm() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    emulator.set_token_life(Duration::from_secs(4));
    home.real(&["get", "--force-refresh"]).assert_code(0);
    let before = emulator.count("refresh_token");
    let service = Service::start(&home, &[]);
    let start = Instant::now();
    let mut entry = BTreeSet::new();
    while entry.len() < 4 {
        assert!(start.elapsed() < Duration::from_secs(60), "no renewal");
        let token = service.get("/token").token();
        assert!(emulator.is_token_valid(&token), "a stale token");
        entry.insert(token);
    }
    // Half a life lies between two renewals: two seconds.
    let most = start.elapsed().as_secs() / 2 + 3;
    let refreshes = emulator.count("refresh_token") - before;
    assert!(
        refreshes as u64 <= most,
        "{refreshes} in {:?}",
        start.elapsed()
    );
    service.stop().assert_code(0);
}

#[test]
fn who_must_sign_in_is_told_once_and_served_right_after_the_login() {
    let (home, emulator) = Home::with_keyring();
    let desktop = Desktop::on_bus_of(&home);
    let service = Service::start(&home, &[]);
    let document = Document(service.get("/openapi.json").json());
    for _ in 0..3 {
        let response = service.get("/token").assert_status(401);
        document.assert_fits("get", "/token", 401, &response.json());
        assert_eq!(response.error().0, "sign_in_needed");
        assert!(response.header("www-authenticate").is_some());
    }
    let shown = desktop.next();
    assert!(shown.contains("sign-in needed"), "{shown}");
    home.login();
    service.get("/token").token();
    // The password was changed: Entra wants the person again, and is not asked each time.
    emulator.revoke_sessions();
    for _ in 0..5 {
        let response = service.get("/token?min-validity=23h").assert_status(401);
        assert_eq!(response.error().0, "sign_in_needed");
    }
    assert_eq!(emulator.count("refresh_token"), 1);
    desktop.next();
    home.login();
    service.get("/token?min-validity=23h").assert_status(200);
    assert!(desktop.is_quiet(), "once a need");
    service.stop().assert_code(0);
}

#[test]
fn a_refusal_is_repeated_to_any_number_of_requests_and_a_new_sign_in_is_served_at_once() {
    let refuses = |status: u16, code: &str| FaultKind::Status {
        status,
        retry_after: None,
        content_type: "application/json".to_owned(),
        body: format!("{{\"error\": {{\"code\": \"{code}\", \"message\": \"no\"}}}}"),
    };
    let client = FaultKind::Status {
        status: 401,
        retry_after: None,
        content_type: "application/json".to_owned(),
        body: "{\"error\": \"invalid_client\"}".to_owned(),
    };
    for (route, what) in [
        (Route::Exchange, refuses(403, "Denied")),
        (Route::Exchange, refuses(404, "NotFound")),
        (Route::Token, client),
    ] {
        let (home, emulator) = Home::with_keyring();
        home.login();
        let service = Service::start(&home, &[]);
        emulator.add_fault(Fault {
            route,
            times: None,
            what,
        });
        let before = emulator.requests().len();
        let start = Instant::now();
        for _ in 0..150 {
            let response = service.get("/token?min-validity=23h");
            assert!((400..500).contains(&response.status), "{}", response.status);
            let pause = response.header("retry-after").expect("a pause");
            let pause: u64 = pause.parse().expect("seconds");
            assert!((1..=60).contains(&pause), "{pause}");
        }
        // The pauses are at least 0.5 s, 1 s, 2 s, and so on.
        let most = (2.0 * start.elapsed().as_secs_f64() + 1.0).log2() as usize + 2;
        let upstream = emulator.requests().len() - before;
        assert!(
            upstream <= 4 * most,
            "{upstream} requests, at most {most} tries"
        );
        emulator.clear_faults();
        home.login();
        service.get("/token?min-validity=23h").assert_status(200);
        service.stop().assert_code(0);
    }
}

#[test]
fn what_a_renewal_says_is_heard() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let service = Service::start(&home, &["-v"]);
    service.get("/token?min-validity=23h").assert_status(200);
    // The renewal runs beside the requests; its words come out as those of the command.
    service.stop().assert_code(0).assert_says(&[
        "Refreshing the Entra token",
        "the tenant issues short-lived tokens",
    ]);
}

#[test]
fn a_session_that_the_store_lost_is_lost_to_the_service_and_to_status() {
    for found_by_service in [true, false] {
        let (home, _emulator) = Home::with_keyring();
        home.login();
        let service = Service::start(&home, &[]);
        if !found_by_service {
            service.get("/token").assert_status(200);
        }
        home.keyring().reset();
        home.real(&["status"]).assert_code(0);
        if !found_by_service {
            home.real(&["get"]).assert_code(4);
        }
        // A token in memory is served until the index is read again, a second later.
        let start = Instant::now();
        while service.get("/token").status != 401 {
            assert!(start.elapsed() < Duration::from_secs(30), "it never shows");
        }
        home.real(&["status"]).assert_code(4);
        home.login();
        service.get("/token").assert_status(200);
        service.stop().assert_code(0);
    }
}

#[test]
fn a_logout_and_a_switch_elsewhere_show_within_seconds() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    home.login_as(&TestBrowser::of("ben@contoso.example"));
    let service = Service::start(&home, &[]);
    let until = |what: &dyn Fn() -> bool| {
        let start = Instant::now();
        while !what() {
            assert!(start.elapsed() < Duration::from_secs(30), "it never shows");
        }
    };
    let username = || service.get("/token").json()["account"]["username"].clone();
    assert_eq!(username(), "ben@contoso.example");
    home.real(&["account", "switch", "ada@contoso.example"])
        .assert_code(0);
    until(&|| username() == "ada@contoso.example");
    home.real(&["logout", "--all"]).assert_code(0);
    until(&|| service.get("/token").status == 401);
    assert_eq!(
        service.get("/token?account=ada@contoso.example").status,
        401
    );
    service.stop().assert_code(0);
}

#[test]
fn a_token_of_a_session_that_is_over_is_not_served_to_the_next() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    let service = Service::start(&home, &[]);
    let first = service.get("/token").token();
    home.real(&["logout"]).assert_code(0);
    // Sessions are told apart by when their tokens end.
    emulator.set_token_life(Duration::from_secs(5000));
    home.login();
    let own = home.real(&["get"]).token();
    assert!(own != first, "it is a new session");
    let start = Instant::now();
    while service.get("/token").token() != own {
        assert!(start.elapsed() < Duration::from_secs(30), "it never shows");
    }
    service.stop().assert_code(0);
}

#[test]
fn an_outage_is_503_and_says_when_to_come_back() {
    let (mut home, emulator) = Home::with_keyring();
    emulator.set_token_life(Duration::from_secs(30));
    home.login();
    let port = http::unused_port();
    let away = format!("endpoint=http://127.0.0.1:{port}/;accesskey=d29ydGhsZXNz");
    home.set("COMMUNICATION_SERVICES_CONNECTION_STRING", &away);
    let service = Service::start(&home, &[]);
    let document = Document(service.get("/openapi.json").json());
    let response = service.get("/token").assert_status(503);
    document.assert_fits("get", "/token", 503, &response.json());
    assert_eq!(response.error().0, "unreachable");
    assert!(response.header("retry-after").is_some());
    service.stop().assert_code(0);
}

/// A desktop that keeps what it is told to show.
struct Desktop {
    shown: Receiver<String>,
    _bus: zbus::Connection,
}

struct Notifications(Sender<String>);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    #[expect(clippy::too_many_arguments, reason = "the specification has so many")]
    fn notify(
        &self,
        _app: String,
        _replaces: u32,
        _icon: String,
        summary: String,
        body: String,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        let _ = self.0.send(format!("{summary}\n{body}"));
        1
    }
}

impl Desktop {
    fn on_bus_of(home: &Home) -> Desktop {
        let environment: BTreeMap<String, String> = home.keyring().env().into_iter().collect();
        let address = environment["DBUS_SESSION_BUS_ADDRESS"].clone();
        let (tell, shown) = mpsc::channel();
        let path = "/org/freedesktop/Notifications";
        let connect = async {
            zbus::connection::Builder::address(address.as_str())?
                .name("org.freedesktop.Notifications")?
                .serve_at(path, Notifications(tell))?
                .build()
                .await
        };
        Desktop {
            shown,
            _bus: async_io::block_on(connect).expect("a bus"),
        }
    }

    fn next(&self) -> String {
        self.shown
            .recv_timeout(http::TIMEOUT)
            .expect("a notification")
    }

    fn is_quiet(&self) -> bool {
        self.shown.try_recv().is_err()
    }
}
