//! Who gets in: by one link, with one browser, from one page.

use super::{Visitor, cookie_of, link, open, own_origin, path_of};
use crate::harness::TestBrowser;
use crate::serve::Service;

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

#[test]
fn with_the_dashboard_open_nobody_is_signed_in_elsewhere() {
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
