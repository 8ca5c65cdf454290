//! The dashboard: one link, one browser, one page that may act, and no token in any of it.

use acspass::emulator::UserAgent;
use serde_json::{Value, json};

use super::{Answer, Service};
use crate::harness::{Home, TestBrowser};

/// What a browser of one's own has once it went through a link.
struct Visitor<'s, 'h> {
    service: &'s Service<'h>,
    cookie: String,
    key: String,
}

fn open() -> Home {
    let (mut home, _emulator) = Home::with_emulator();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    home
}

/// The path and query of a new link.
fn link(service: &Service<'_>) -> String {
    let bearer = service.bearer();
    let made = service.send("POST", "/dashboard/tickets", &[&bearer], "");
    let made = made.assert_status(201).json();
    assert_eq!(made["expiresInSeconds"], 60);
    path_of(service, made["url"].as_str().expect("a link"))
}

fn path_of(service: &Service<'_>, link: &str) -> String {
    let start = format!("http://127.0.0.1:{}", service.port);
    link.strip_prefix(&start).expect("its own").to_owned()
}

/// The cookie that an opened link sets, as a browser sends it back.
fn cookie_of(service: &Service<'_>, opened: &Answer) -> String {
    let set = opened.header("set-cookie").expect("a cookie");
    let (pair, attributes) = set.split_once("; ").expect("attributes");
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Strict");
    let (name, value) = pair.split_once('=').expect("a pair");
    assert_eq!(name, format!("acspass-{}", service.port));
    assert_eq!(value.len(), 43, "32 bytes");
    format!("Cookie: theme=dark; {pair}")
}

impl<'s, 'h> Visitor<'s, 'h> {
    fn enter(service: &'s Service<'h>) -> Self {
        let opened = service.send("GET", &link(service), &[], "");
        let cookie = cookie_of(service, &opened.assert_status(303));
        let own = own_origin(service);
        let key = service.send("POST", "/dashboard/key", &[&cookie, &own], "");
        let key = key.assert_status(200).json()["key"].clone();
        Visitor {
            service,
            cookie,
            key: format!("acspass-dashboard: {}", key.as_str().expect("a key")),
        }
    }

    /// As the page asks.
    fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let own = own_origin(self.service);
        let headers = [
            self.cookie.as_str(),
            &self.key,
            &own,
            "Sec-Fetch-Site: same-origin",
        ];
        self.service.send(method, path, &headers, body)
    }

    fn state(&self) -> Value {
        self.ask("GET", "/dashboard/state", "")
            .assert_status(200)
            .json()
    }

    /// Asks until it is so.
    fn wait_until(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        loop {
            let state = self.state();
            if is_so(&state) {
                return state;
            }
            std::thread::yield_now();
        }
    }
}

fn own_origin(service: &Service<'_>) -> String {
    format!("Origin: http://127.0.0.1:{}", service.port)
}

fn events(state: &Value) -> Vec<String> {
    let events = state["events"].as_array().expect("events").iter();
    events
        .map(|event| event["text"].as_str().expect("text").to_owned())
        .collect()
}

#[test]
fn a_link_opens_one_browser_and_leaves_no_trace_in_its_address() {
    let home = open();
    let service = Service::start(&home, &[]);
    let link = link(&service);
    // Whoever has the cookie of another service on this host is nobody here.
    let opened = service.send("GET", &link, &["Cookie: acspass-1=x"], "");
    let opened = opened.assert_status(303);
    assert_eq!(opened.header("location"), Some("/"));
    assert_eq!(opened.header("referrer-policy"), Some("no-referrer"));
    let cookie = cookie_of(&service, &opened);
    let page = service.send("GET", "/", &[&cookie], "").assert_status(200);
    assert!(page.body.starts_with("<!doctype html>"));

    let wrong = link.replace("ticket=", "ticket=x");
    for spent in [
        link.as_str(),
        &wrong,
        "/dashboard/open",
        "/dashboard/open?ticket=",
    ] {
        let answer = service.send("GET", spent, &[], "").assert_status(401);
        assert!(answer.body.contains("acspass serve --open"), "{spent}");
        assert!(answer.header("set-cookie").is_none(), "{spent}");
    }
    let other = format!("{cookie}x");
    for headers in [vec![], vec![other.as_str()], vec!["Cookie: acspass="]] {
        let answer = service.send("GET", "/", &headers, "").assert_status(401);
        assert!(answer.body.contains("acspass serve --open"));
    }
    service.stop().assert_code(0);
    // Another run has other secrets.
    let next = Service::start(&home, &[]);
    assert_eq!(next.send("GET", "/", &[&cookie], "").status, 401);
    next.stop().assert_code(0);
}

#[test]
fn every_page_is_closed_to_everybody_elses() {
    let home = open();
    let service = Service::start(&home, &[]);
    let opened = service.send("GET", &link(&service), &[], "");
    let cookie = cookie_of(&service, &opened);
    let get = |path: &str| service.send("GET", path, &[&cookie], "").assert_status(200);
    let mut pages = vec![(opened, None)];
    let page = get("/");
    let parts: Vec<&str> = page
        .body
        .split('"')
        .filter(|text| text.starts_with("/dashboard/"))
        .collect();
    assert_eq!(parts, ["/dashboard/style.css", "/dashboard/main.js"]);
    let modules = ["accounts", "identities", "page", "service"];
    let modules = modules.map(|name| format!("/dashboard/{name}.js"));
    for part in modules.iter().map(String::as_str).chain(parts) {
        assert_eq!(service.send("GET", part, &[], "").status, 401, "{part}");
        pages.push((get(part), Some("script-src 'self'; style-src 'self'")));
    }
    for text in [
        "<style",
        " style=",
        "<script>",
        " onclick=",
        "http:",
        "https:",
    ] {
        let body = page.body.replace("http://www.w3.org/2000/svg", "");
        assert!(!body.contains(text), "{text}");
    }
    pages.push((page, Some("script-src 'self'; style-src 'self'")));
    for closed in ["/", "/dashboard/open?ticket=x"] {
        let answer = service.send("GET", closed, &[], "").assert_status(401);
        pages.push((answer, Some("style-src 'sha256-")));
    }
    for (page, allows) in pages {
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(
            !policy.contains("unsafe") && !policy.contains('*'),
            "{policy}"
        );
        if let Some(allows) = allows {
            assert!(policy.contains(allows), "{policy}");
            assert!(policy.contains("base-uri 'none'"), "{policy}");
            assert!(policy.contains("form-action 'none'"), "{policy}");
        }
        for (name, value) in [
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(page.header(name), Some(value));
        }
    }
    service.stop().assert_code(0);
}

#[test]
fn the_cookie_alone_gets_nothing_but_the_page() {
    let home = open();
    let service = Service::start(&home, &[]);
    let visitor = Visitor::enter(&service);
    let own = own_origin(&service);
    for (method, path) in [
        ("GET", "/dashboard/state"),
        ("GET", "/dashboard/claims"),
        ("GET", "/token"),
        ("POST", "/dashboard/sign-in"),
        ("POST", "/identities"),
        // The key was handed out.
        ("POST", "/dashboard/key"),
    ] {
        let answer = service.send(method, path, &[&visitor.cookie, &own], "");
        let (_, code) = answer.assert_status(401).error();
        assert_eq!(code.as_deref(), Some("DashboardClosed"), "{path}");
    }
    // The page has no business there, whatever it brings.
    for (method, path) in [
        ("GET", "/openapi.json"),
        ("GET", "/status"),
        ("GET", "/api/token/teams"),
        ("POST", "/dashboard/tickets"),
    ] {
        assert_eq!(visitor.ask(method, path, "").status, 401, "{path}");
    }
    // One visitor's key does not fit another's cookie.
    let other = Visitor::enter(&service);
    let mixed = [other.cookie.as_str(), &visitor.key];
    let answer = service.send("GET", "/dashboard/state", &mixed, "");
    assert_eq!(answer.status, 401);
    assert_eq!(visitor.ask("GET", "/dashboard/state", "").status, 200);
    // A secret that is wrong is not made good by a cookie.
    let wrong = ["Authorization: Bearer x", &visitor.cookie, &visitor.key];
    let answer = service.send("GET", "/dashboard/state", &wrong, "");
    assert_eq!(answer.status, 401);
    service.stop().assert_code(0);
}

#[test]
fn only_the_page_itself_changes_anything() {
    let home = open();
    // Even a page that may ask for tokens is not the dashboard.
    let approved = "http://localhost:3000";
    let service = Service::start(&home, &["--allow-origin", approved]);
    let Visitor { cookie, key, .. } = Visitor::enter(&service);
    let own = own_origin(&service);
    let approved = format!("Origin: {approved}");
    let changes = [
        ("POST", "/dashboard/sign-in", "{}"),
        ("DELETE", "/dashboard/sign-in", ""),
        ("POST", "/dashboard/switch", "{\"account\": \"x\"}"),
        ("POST", "/dashboard/sign-out", "{\"account\": \"x\"}"),
        ("POST", "/identities", "{}"),
        ("POST", "/identities/8:acs:x/tokens", "{}"),
        ("POST", "/identities/8:acs:x/revoke", ""),
        ("DELETE", "/identities/8:acs:x", ""),
        ("POST", "/dashboard/key", ""),
    ];
    for (method, path, body) in changes {
        for (headers, status) in [
            (vec![cookie.as_str(), &key], 403),
            (vec![cookie.as_str(), &key, "Origin: http://evil.test"], 403),
            (vec![cookie.as_str(), &key, "Origin: null"], 403),
            (vec![cookie.as_str(), &key, &approved], 403),
            (
                vec![cookie.as_str(), &key, &own, "Sec-Fetch-Site: same-site"],
                403,
            ),
            (
                vec![cookie.as_str(), &key, &own, "Sec-Fetch-Site: none"],
                403,
            ),
            (vec![cookie.as_str(), &own], 401),
            (vec![cookie.as_str(), &own, "acspass-dashboard: x"], 401),
            (vec![key.as_str(), &own], 401),
        ] {
            let answer = service.send(method, path, &headers, body);
            assert_eq!(answer.status, status, "{method} {path} {headers:?}");
        }
    }
    // A form or a link of somebody else's page never gets so far, and reading changes nothing.
    for (_, path, _) in changes {
        let answer = service.send("GET", path, &[&cookie, &key], "");
        assert!(
            matches!(answer.status, 401 | 403 | 405),
            "{path}: {}",
            answer.status
        );
    }
    service.stop().assert_code(0);
}

#[test]
fn a_user_signs_in_and_out_and_no_token_is_told_but_on_demand() {
    let (home, emulator) = Home::with_keyring();
    let service = Service::start(&home, &[]);
    let visitor = Visitor::enter(&service);
    let state = visitor.state();
    assert_eq!(state["accounts"], json!([]));
    assert_eq!(
        state["service"]["url"],
        format!("http://127.0.0.1:{}", service.port)
    );

    let begun = visitor
        .ask("POST", "/dashboard/sign-in", "{}")
        .assert_status(200);
    let url = begun.json()["url"].as_str().expect("an address").to_owned();
    assert!(url.contains("prompt=select_account"), "{url}");
    assert_eq!(visitor.state()["signIn"]["url"], url.as_str());
    // One at a time, here and elsewhere.
    let again = visitor
        .ask("POST", "/dashboard/sign-in", "{}")
        .assert_status(200);
    assert_eq!(again.json()["url"], url.as_str());
    home.real(&["get"])
        .assert_error(4, &["is waiting for a person to sign in"]);
    let walk = UserAgent::new(Some("ben@contoso.example".to_owned())).start(&url);
    let page = walk
        .expect("a walk")
        .join()
        .expect("no panic")
        .expect("a page");
    assert!(page.html.contains("You are signed in"), "{}", page.html);

    let state = visitor.wait_until(|state| state["signIn"].is_null());
    let account = &state["accounts"][0];
    assert_eq!(account["username"], "ben@contoso.example");
    assert_eq!(account["active"], true);
    assert_eq!(account["next"]["does"], "renews");
    let left = account["communicationToken"]["expiresInSeconds"].as_u64();
    assert!(left.is_some_and(|left| left > 600), "{account}");
    home.real(&["get"]).assert_code(0);

    let id = account["homeAccountId"].as_str().expect("an id").to_owned();
    let claims = visitor.ask("GET", &format!("/dashboard/claims?account={id}"), "");
    let claims = claims.assert_status(200);
    assert!(claims.json()["claims"]["exp"].is_u64(), "{}", claims.body);
    let token = visitor
        .ask("GET", &format!("/token?account={id}"), "")
        .token();
    assert!(emulator.secrets().contains(&token));
    let told = [
        claims.body,
        visitor.ask("GET", "/dashboard/state", "").body,
        visitor.ask("GET", "/", "").body,
    ];
    for text in &told {
        home.sweep.bytes("the dashboard", text.as_bytes());
        for secret in [
            &service.secret,
            &visitor.key["acspass-dashboard: ".len()..].to_owned(),
        ] {
            assert!(!text.contains(secret));
        }
    }

    let body = json!({"account": id}).to_string();
    visitor
        .ask("POST", "/dashboard/sign-out", &body)
        .assert_status(200);
    let state = visitor.state();
    assert_eq!(state["accounts"], json!([]));
    assert_eq!(home.real(&["status"]).code, Some(4));
    let events = events(&state);
    for what in [
        "signed in",
        "has a new token",
        "was handed out",
        "was signed out",
    ] {
        let told = format!("ben@contoso.example {what}");
        let handed = format!("of ben@contoso.example {what}");
        let is_there = |event: &String| event.contains(&told) || event.contains(&handed);
        assert!(events.iter().any(is_there), "{what}: {events:?}");
    }
    let again = visitor.ask("POST", "/dashboard/sign-out", &body);
    assert_eq!(again.assert_status(401).error().0, "sign_in_needed");
    service.stop().assert_code(0);
}

#[test]
fn a_sign_in_that_is_cancelled_or_refused_leaves_the_way_free() {
    let (home, _emulator) = Home::with_keyring();
    let service = Service::start(&home, &[]);
    let visitor = Visitor::enter(&service);
    let begin = || {
        let begun = visitor
            .ask("POST", "/dashboard/sign-in", "{}")
            .assert_status(200);
        begun.json()["url"].as_str().expect("an address").to_owned()
    };
    let first = begin();
    visitor
        .ask("DELETE", "/dashboard/sign-in", "")
        .assert_status(200);
    assert_eq!(visitor.state()["signIn"], Value::Null);
    assert_ne!(begin(), first, "it is a new one");
    visitor
        .ask("DELETE", "/dashboard/sign-in", "")
        .assert_status(200);
    // Another process gets the lock.
    home.login();

    let walk = UserAgent::cancelling().start(begin()).expect("a walk");
    walk.join().expect("no panic").expect("a page");
    let state = visitor.wait_until(|state| !state["signInFailed"].is_null());
    let failed = &state["signInFailed"];
    assert!(
        failed["message"]
            .as_str()
            .is_some_and(|text| text.contains("cancelled"))
    );
    assert!(failed["hint"].as_str().is_some_and(|hint| !hint.is_empty()));
    assert_eq!(state["signIn"], Value::Null);
    visitor
        .ask("DELETE", "/dashboard/sign-in", "")
        .assert_status(200);
    assert_eq!(visitor.state()["signInFailed"], Value::Null);

    // Who signed in elsewhere is here as well, and can be made the active one.
    home.login_as(&TestBrowser::of("ben@contoso.example"));
    let state = visitor.state();
    let accounts = state["accounts"].as_array().expect("accounts");
    let ada = accounts.iter().find(|one| one["active"] == false);
    let id = ada.expect("two accounts")["homeAccountId"].clone();
    let body = json!({"account": id}).to_string();
    visitor
        .ask("POST", "/dashboard/switch", &body)
        .assert_status(200);
    let get = home.real(&["get", "-o", "json"]).json();
    assert_eq!(get["account"]["homeAccountId"], id);
    service.stop().assert_code(0);
}

#[test]
fn refusals_are_told_once_with_how_often_and_the_list_ends() {
    let home = open();
    let service = Service::start(&home, &[]);
    let visitor = Visitor::enter(&service);
    for _ in 0..5 {
        assert_eq!(service.send("GET", "/token", &[], "").status, 401);
    }
    let state = visitor.state();
    assert_eq!(state["events"][0]["times"], 5);
    assert_eq!(state["events"][0]["tone"], "bad");
    for _ in 0..80 {
        service.send("GET", "/token", &[], "");
        service.send("GET", "/token", &["Origin: http://evil.test"], "");
    }
    assert_eq!(events(&visitor.state()).len(), 100);
    service.stop().assert_code(0);
}

#[test]
fn without_a_key_or_a_role_the_page_is_told_how_to_give_one() {
    let (mut home, emulator) = Home::with_emulator();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    let service = Service::start(&home, &[]);
    let owner = Visitor::enter(&service).state()["owner"].clone();
    assert!(
        owner["endpoint"]
            .as_str()
            .is_some_and(|url| url.starts_with("http"))
    );
    service.stop().assert_code(0);
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    home.set("COMMUNICATION_SERVICES_ENDPOINT", &emulator.http_url());
    let service = Service::start(&home, &[]);
    let error = Visitor::enter(&service).state()["owner"]["error"].clone();
    let hint = error["hint"].as_str().expect("a hint");
    assert!(
        hint.contains("acspass config set connection-string"),
        "{hint}"
    );
    service.stop().assert_code(0);
    home.set("AZURE_CLIENT_ID", "app");
    let service = Service::start(&home, &[]);
    let owner = Visitor::enter(&service).state()["owner"].clone();
    assert!(owner["endpoint"].is_string(), "{owner}");
    service.stop().assert_code(0);
}

#[test]
fn open_shows_the_link_where_no_browser_is_opened_and_finds_the_one_that_runs() {
    let home = open();
    let mut process = home
        .call(&["serve", "--port", "0", "--open", "-o", "json"])
        .spawn();
    let link = process.printed_address();
    let service = Service::ready(process);
    let opened = service.send("GET", &path_of(&service, &link), &[], "");
    opened.assert_status(303);

    // At a terminal, with a browser: a link of the service that runs.
    let browser = TestBrowser::idle();
    let run = home
        .call(&["serve", "--open"])
        .at_terminal()
        .by(&browser)
        .run();
    run.assert_code(0).assert_says(&["runs already"]);
    let link = path_of(&service, &browser.wait_for_opening());
    service.send("GET", &link, &[], "").assert_status(303);
    // For programs nothing is opened.
    let run = home.call(&["serve", "--open", "-o", "json"]).at_terminal();
    let run = run.by(&TestBrowser::never()).run();
    assert_eq!(
        run.json()["url"],
        format!("http://127.0.0.1:{}", service.port)
    );
    assert!(
        run.stderr.contains("/dashboard/open?ticket="),
        "{}",
        run.stderr
    );
    service.stop().assert_code(0);
}
