//! Access to the dashboard: by one link, with one browser, from one page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha384};

use super::{DashboardSession, caller_of, link, open, own_origin, session_of};
use crate::harness::TestBrowser;
use crate::serve::Service;

#[test]
fn a_link_opens_one_browser_and_leaves_no_trace_in_its_address() {
    let home = open();
    let service = Service::start(&home, &[]);
    let (dashboard, link) = link(&service);
    assert_ne!(dashboard.port, service.port, "it is a listener of its own");
    // Whoever has the cookie of another service on this host is nobody here.
    let opened = dashboard.send("GET", &link, &["Cookie: acspass=x"], "");
    let opened = opened.assert_status(303);
    assert_eq!(opened.header("referrer-policy"), Some("no-referrer"));
    let cleared = opened.header("clear-site-data");
    assert_eq!(cleared, Some("\"cache\", \"storage\""));
    let (path, cookie) = session_of(&opened);
    let page = format!("{path}/");
    let shown = dashboard
        .send("GET", &page, &[&cookie], "")
        .assert_status(200);
    assert!(shown.body.starts_with("<!doctype html>"));
    assert!(shown.header("clear-site-data").is_none());

    let wrong = link.replace("ticket=", "ticket=x");
    for spent in [link.as_str(), &wrong, "/open", "/open?ticket="] {
        let response = dashboard.send("GET", spent, &[], "").assert_status(401);
        assert!(response.body.contains("acspass serve --open"), "{spent}");
        assert!(response.header("set-cookie").is_none(), "{spent}");
    }
    let other = format!("{cookie}x");
    for headers in [vec![], vec![other.as_str()], vec!["Cookie: acspass="]] {
        for path in [&page, "/", "/nowhere/"] {
            let response = dashboard.send("GET", path, &headers, "").assert_status(401);
            assert!(response.body.contains("acspass serve --open"), "{path}");
        }
    }
    service.stop().assert_code(0);
    // Another run has other secrets.
    let next = Service::start(&home, &[]);
    let (dashboard, _) = super::link(&next);
    assert_eq!(dashboard.send("GET", &page, &[&cookie], "").status, 401);
    next.stop().assert_code(0);
}

#[test]
fn each_of_two_services_has_a_dashboard_at_a_port_of_its_own() {
    let homes = [open(), open()];
    let services = homes.each_ref().map(|home| Service::start(home, &[]));
    let [first, second] = services.each_ref().map(|service| link(service).0.port);
    assert_ne!(first, second);
    for service in services {
        service.stop().assert_code(0);
    }
}

#[test]
fn second_opening_in_one_browser_leaves_the_first_as_it_is() {
    let home = open();
    let service = Service::start(&home, &[]);
    let first = DashboardSession::open(&service);
    let (dashboard, link) = link(&service);
    let opened = dashboard.send("GET", &link, &[&first.cookie], "");
    let (path, cookie) = session_of(&opened.assert_status(303));
    assert_ne!(
        path, first.path,
        "its page asks for nothing with a key of the first"
    );
    let own = own_origin(&dashboard);
    let key = format!("{path}/dashboard/key");
    for (method, status, allow) in [
        ("POST", 200, None),
        ("POST", 401, None),
        ("PUT", 405, Some("POST")),
    ] {
        let response = dashboard.send(method, &key, &[&cookie, &own], "");
        assert_eq!((response.status, response.header("allow")), (status, allow));
    }
    // The paths keep the cookies apart, so that both pages go on. A key that a page
    // asks for twice is no event.
    assert_eq!(first.state()["events"], serde_json::json!([]));
    service.stop().assert_code(0);
}

#[test]
fn fixed_port_has_no_page_that_runs_scripts_and_takes_no_cookie() {
    let home = open();
    let service = Service::start(&home, &[]);
    let session = DashboardSession::open(&service);
    for path in ["/", "/dashboard"] {
        for headers in [vec![], vec![session.cookie.as_str()]] {
            let hint = service.send("GET", path, &headers, "").assert_status(401);
            assert_eq!(
                hint.header("content-type"),
                Some("text/html; charset=utf-8")
            );
            assert!(hint.body.contains("acspass serve --open"), "{path}");
            assert!(!hint.body.contains("<script"), "{path}");
            let policy = hint.header("content-security-policy").expect("a policy");
            assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
            assert!(!policy.contains("script-src"), "{policy}");
        }
        // The secret does not open it either.
        assert_eq!(service.get(path).assert_status(404).error().0, "refused");
    }
    // What the page may do is not to be had here, with its cookie and its key, from any origin.
    let fixed = format!("Origin: http://127.0.0.1:{}", service.port);
    let own = own_origin(&session.dashboard);
    for (path, headers, status) in [
        ("/dashboard/state", vec![], 401),
        ("/token", vec![], 401),
        ("/token", vec![own.as_str()], 403),
        // A page that another program left at this origin.
        ("/token", vec![fixed.as_str()], 403),
        ("/token", vec!["Sec-Fetch-Site: same-origin"], 403),
    ] {
        let mut headers = headers;
        headers.extend([session.cookie.as_str(), &session.key]);
        let below = format!("{}{path}", session.path);
        for path in [path, &below] {
            let response = service.send("GET", path, &headers, "");
            assert_eq!(response.status, status, "{path}: {}", response.body);
        }
    }
    let planted = service.send("GET", "/token", &[&service.bearer(), &fixed], "");
    assert_eq!(planted.status, 403);
    service.stop().assert_code(0);
}

#[test]
fn every_page_is_closed_to_everybody_elses() {
    let home = open();
    let service = Service::start(&home, &[]);
    let (dashboard, link) = link(&service);
    let opened = dashboard.send("GET", &link, &[], "");
    let (session, cookie) = session_of(&opened);
    let at = |path: &str| format!("{session}{path}");
    let get = |path: &str| {
        dashboard
            .send("GET", &at(path), &[&cookie], "")
            .assert_status(200)
    };
    let mut pages = vec![(opened, None)];
    let page = get("/");
    let parts: Vec<&str> = page
        .body
        .split('"')
        .filter(|text| text.ends_with(".css") || text.ends_with(".js"))
        .map(|part| part.trim_start_matches("./"))
        .collect();
    let modules = [
        "accounts",
        "assignments",
        "identities",
        "origins",
        "page",
        "service",
        "snippets",
        "main",
    ];
    let modules = modules.map(|name| format!("{name}.js"));
    assert_eq!(parts[0], "style.css");
    assert_eq!(
        parts[1..],
        modules,
        "relative: below the session's own path"
    );
    let policy = "script-src 'self' 'sha256-";
    for name in parts {
        let path = format!("/{name}");
        assert_eq!(
            dashboard.send("GET", &at(&path), &[], "").status,
            401,
            "{name}"
        );
        assert_eq!(
            dashboard.send("GET", &path, &[&cookie], "").status,
            401,
            "{name}"
        );
        let part = get(&path);
        let digest = STANDARD.encode(Sha384::digest(part.body.as_bytes()));
        let is_named = [
            format!("\"{name}\" integrity=\"sha384-{digest}\""),
            format!("\"./{name}\":\"sha384-{digest}\""),
        ];
        assert!(
            is_named.iter().any(|named| page.body.contains(named)),
            "{name}"
        );
        pages.push((part, Some(policy)));
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
    pages.push((page, Some(policy)));
    for closed in ["/", "/open?ticket=x"] {
        let response = dashboard.send("GET", closed, &[], "").assert_status(401);
        pages.push((response, Some("style-src 'sha256-")));
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
    let session = DashboardSession::open(&service);
    let own = own_origin(&session.dashboard);
    for (method, path) in [
        ("GET", "/dashboard/state"),
        ("GET", "/dashboard/claims"),
        ("GET", "/token"),
        ("POST", "/dashboard/sign-in"),
        ("POST", "/identities"),
        // The key was handed out.
        ("POST", "/dashboard/key"),
    ] {
        let response = session.send(method, path, &[&session.cookie, &own], "");
        let (_, code) = response.assert_status(401).error();
        assert_eq!(code.as_deref(), Some("DashboardClosed"), "{path}");
    }
    // The page has no business there, whatever it brings.
    for (method, path) in [
        ("GET", "/openapi.json"),
        ("GET", "/status"),
        ("GET", "/api/token/teams"),
        ("POST", "/dashboard/tickets"),
    ] {
        assert_eq!(session.ask(method, path, "").status, 401, "{path}");
    }
    // One session's key does not fit another's cookie.
    let other = DashboardSession::open(&service);
    let mixed = [other.cookie.as_str(), &session.key];
    for session in [&session, &other] {
        let response = session.send("GET", "/dashboard/state", &mixed, "");
        assert_eq!(response.status, 401);
    }
    assert_eq!(session.ask("GET", "/dashboard/state", "").status, 200);
    // The service's secret opens nothing here: its place is at the service's own port.
    let bearer = service.bearer();
    let response = session.send("GET", "/dashboard/state", &[&bearer], "");
    assert_eq!(response.status, 401);
    service.stop().assert_code(0);
}

#[test]
fn only_the_page_itself_changes_anything() {
    let home = open();
    // Even a page that may ask for tokens is not the dashboard.
    let approved = "http://localhost:3000";
    let service = Service::start(&home, &["--allow-origin", approved]);
    let session = DashboardSession::open(&service);
    let DashboardSession { cookie, key, .. } = &session;
    let own = own_origin(&session.dashboard);
    let approved = format!("Origin: {approved}");
    let changes = [
        ("POST", "/dashboard/sign-in", "{}"),
        ("DELETE", "/dashboard/sign-in", ""),
        ("POST", "/dashboard/switch", "{\"account\": \"x\"}"),
        ("POST", "/dashboard/sign-out", "{\"account\": \"x\"}"),
        ("POST", "/dashboard/assignments/grant", "{}"),
        ("POST", "/dashboard/assignments/revoke", "{}"),
        ("POST", "/identities", "{}"),
        ("POST", "/identities/8:acs:x/tokens", "{}"),
        ("POST", "/identities/8:acs:x/revoke", ""),
        ("DELETE", "/identities/8:acs:x", ""),
        ("POST", "/dashboard/key", ""),
    ];
    for (method, path, body) in changes {
        for (headers, status) in [
            (vec![cookie.as_str(), key], 403),
            (vec![cookie.as_str(), key, "Origin: http://evil.test"], 403),
            (vec![cookie.as_str(), key, "Origin: null"], 403),
            (vec![cookie.as_str(), key, &approved], 403),
            (
                vec![cookie.as_str(), key, &own, "Sec-Fetch-Site: same-site"],
                403,
            ),
            (
                vec![cookie.as_str(), key, &own, "Sec-Fetch-Site: none"],
                403,
            ),
            (vec![cookie.as_str(), &own], 401),
            (vec![cookie.as_str(), &own, "acspass-dashboard: x"], 401),
            (vec![key.as_str(), &own], 401),
        ] {
            let response = session.send(method, path, &headers, body);
            assert_eq!(response.status, status, "{method} {path} {headers:?}");
        }
    }
    // A form or a link of somebody else's page never gets so far, and reading changes nothing.
    for (_, path, _) in changes {
        let response = session.send("GET", path, &[cookie, key], "");
        assert!(
            matches!(response.status, 401 | 403 | 405),
            "{path}: {}",
            response.status
        );
    }
    service.stop().assert_code(0);
}

#[test]
fn open_shows_the_link_where_no_browser_is_opened_and_finds_the_one_that_runs() {
    let mut home = open();
    home.set("BROWSER", "true");
    let mut process = home
        .call(&["serve", "--port", "0", "--open", "-o", "json"])
        .spawn();
    let link = process.printed_address();
    let service = Service::ready(process);
    let (dashboard, link) = caller_of(&link);
    dashboard.send("GET", &link, &[], "").assert_status(303);

    // At a terminal, with a browser: a link of the service that runs.
    let browser = TestBrowser::idle();
    let run = home
        .call(&["serve", "--open"])
        .at_terminal()
        .by(&browser)
        .run();
    run.assert_code(0).assert_says(&["already running"]);
    let (dashboard, link) = caller_of(&browser.wait_for_opening());
    dashboard.send("GET", &link, &[], "").assert_status(303);
    // Without a terminal, as from a desktop launcher.
    let browser = TestBrowser::idle();
    let launched = home.call(&["serve", "--open"]).by(&browser).run();
    launched.assert_code(0);
    let (dashboard, link) = caller_of(&browser.wait_for_opening());
    dashboard.send("GET", &link, &[], "").assert_status(303);
    // For programs nothing is opened.
    let run = home.call(&["serve", "--open", "-o", "json"]).at_terminal();
    let run = run.by(&TestBrowser::never()).run();
    assert_eq!(
        run.json()["url"],
        format!("http://127.0.0.1:{}", service.port)
    );
    assert!(run.stderr.contains("/open?ticket="), "{}", run.stderr);
    service.stop().assert_code(0);
}

#[test]
fn open_dashboard_prevents_a_sign_in_elsewhere() {
    let home = open();
    let words = ["serve", "--emulator", "--port", "0", "-o", "json"];
    let without = Service::ready(home.call(&words).spawn());
    assert_eq!(without.get("/token").status, 200, "its user has signed in");
    without.stop().assert_code(0);
    let mut process = home.call(&[&words[..], &["--open"]].concat()).spawn();
    process.printed_address();
    let with = Service::ready(process);
    let (kind, _) = with.get("/token").assert_status(401).error();
    assert_eq!(kind, "sign_in_needed");
    with.stop().assert_code(0);
}
