//! Ways into the dashboard that nobody has: guessed and spent tickets, cookies of the attacker's own,
//! and pages that speak for the browser. Forged changes are in `serve/dashboard/access.rs`.

use std::io::Write;
use std::net::TcpStream;

use super::{AttackedService, home};
use crate::harness::http::{self, Response};

/// The dashboard's own port, attacked as the service is.
struct DashboardPort<'b, 'h> {
    attacked: &'b AttackedService<'h>,
    port: u16,
}

impl DashboardPort<'_, '_> {
    fn host(&self) -> String {
        format!("Host: localhost:{}", self.port)
    }

    fn connect(&self) -> TcpStream {
        http::connect(self.port)
    }

    fn ask(&self, method: &str, target: &str, headers: &[&str]) -> String {
        let request = http::request(method, target, headers, "");
        http::exchange(self.connect(), request.as_bytes())
    }

    #[track_caller]
    fn assert_refused(&self, what: &str, text: &str, status: u16) -> Response {
        self.attacked.assert_refused(what, text, status)
    }
}

/// The dashboard's port, and the path and query of a new link.
fn link<'b, 'h>(attacked: &'b AttackedService<'h>) -> (DashboardPort<'b, 'h>, String) {
    let bearer = attacked.bearer();
    let made = attacked
        .service
        .send("POST", "/dashboard/tickets", &[&bearer], "");
    let made = made.assert_status(201).json();
    let link = made["url"].as_str().expect("a link");
    let rest = link.strip_prefix("http://localhost:").expect("its own");
    let (port, path) = rest.split_once('/').expect("a path");
    let port = port.parse().expect("a port");
    (DashboardPort { attacked, port }, format!("/{path}"))
}

#[test]
fn a_ticket_is_neither_guessed_nor_used_twice_nor_opened_by_another_page() {
    let home = home();
    let attacked = AttackedService::start(&home);
    let (dashboard, link) = link(&attacked);
    let ours = dashboard.host();
    let ticket = link.split_once("ticket=").expect("a ticket").1;
    let last = ticket.len() - 1;
    let mut guesses = vec![
        String::new(),
        "?".to_owned(),
        "?ticket".to_owned(),
        "?ticket=".to_owned(),
        format!("?Ticket={ticket}"),
        format!("?TICKET={ticket}"),
        format!("?ticket={}", &ticket[..last]),
        format!("?ticket={}", &ticket[1..]),
        format!("?ticket={ticket}{ticket}"),
        format!("?ticket={ticket}%00"),
        format!("?ticket=%20{ticket}"),
        format!("?ticket=x&ticket={ticket}"),
        format!("?ticket[]={ticket}"),
        format!("?ticket={}", ticket.to_ascii_lowercase()),
        format!("?ticket={}", "A".repeat(ticket.len())),
        format!("?ticket={}", "A".repeat(8 * 1024)),
        format!("?ticket={}", attacked.service.secret),
    ];
    // More than there can be tickets: guesses push none of them out.
    guesses.extend((0..100).map(|guess| format!("?ticket={guess:0>43}")));
    for query in &guesses {
        let target = format!("/open{query}");
        let text = dashboard.ask("GET", &target, &[&ours]);
        let response = dashboard.assert_refused(query, &text, 401);
        assert!(response.header("set-cookie").is_none(), "{query}");
    }
    // The right ticket in the wrong hands: a foreign name, page, link, form or method.
    let evil = "Origin: http://evil.example";
    for (method, headers, status) in [
        ("GET", vec!["Host: evil.example"], 421),
        ("GET", vec![ours.as_str(), evil], 403),
        ("GET", vec![&ours, "Sec-Fetch-Site: cross-site"], 403),
        ("GET", vec![&ours, "Sec-Fetch-Site: same-site"], 403),
        ("POST", vec![&ours, evil], 403),
        ("POST", vec![&ours], 405),
        ("PUT", vec![&ours], 405),
    ] {
        let text = dashboard.ask(method, &link, &headers);
        let response = dashboard.assert_refused(method, &text, status);
        assert!(response.header("set-cookie").is_none(), "{headers:?}");
    }
    // None of that has spent it. Of many who use it at once, one gets in.
    let request = http::request("GET", &link, &[&ours], "");
    let mut streams: Vec<_> = (0..16).map(|_| dashboard.connect()).collect();
    for stream in &mut streams {
        stream.write_all(request.as_bytes()).expect("it listens");
    }
    let answers = streams.iter_mut().map(http::read_to_end);
    let opened = answers.filter(|text| text.contains("set-cookie")).count();
    assert_eq!(opened, 1);
    dashboard.assert_refused("a spent link", &dashboard.ask("GET", &link, &[&ours]), 401);
    attacked.end();
}

#[test]
fn a_cookie_of_the_attackers_is_worth_nothing_before_and_after_somebody_gets_in() {
    let home = home();
    let attacked = AttackedService::start(&home);
    let (dashboard, link) = link(&attacked);
    let ours = dashboard.host();
    let opened = Response::parse(&dashboard.ask("GET", &link, &[&ours, "Cookie: acspass=planted"]));
    let opened = opened.assert_status(303);
    let set = opened.header("set-cookie").expect("a cookie");
    let good = set.split(';').next().expect("a pair");
    assert!(!set.contains("planted"), "the cookie is a new one");
    let value = good.split_once('=').expect("a pair").1;
    let session = opened.header("location").expect("a page");
    let at = |path: &str| format!("{}{path}", session.trim_end_matches('/'));
    let own = format!("Origin: http://localhost:{}", dashboard.port);
    for cookie in [
        "planted".to_owned(),
        String::new(),
        value[1..].to_owned(),
        format!("{value}x"),
        value.to_ascii_lowercase(),
        attacked.service.secret.clone(),
    ] {
        let cookie = format!("Cookie: acspass={cookie}");
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/main.js"),
            ("POST", "/dashboard/key"),
        ] {
            let text = dashboard.ask(method, &at(path), &[&ours, &own, &cookie]);
            dashboard.assert_refused(path, &text, 401);
        }
    }
    // With the right cookie, but from elsewhere: framed, linked or fetched by another page.
    let good = format!("Cookie: {good}");
    for headers in [
        ["Origin: http://evil.example", "X-None: x"],
        ["Origin: null", "X-None: x"],
        ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: iframe"],
        ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"],
        ["Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors"],
    ] {
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/token"),
            ("GET", "/dashboard/state"),
            ("POST", "/dashboard/key"),
            ("POST", "/dashboard/tickets"),
        ] {
            let headers = [ours.as_str(), &good, headers[0], headers[1]];
            dashboard.assert_refused(path, &dashboard.ask(method, &at(path), &headers), 403);
        }
    }
    // No way leads from the page's cookie, as any port of this host gets it at the same path, to a
    // key, once the page has its own; nor is a missing origin taken for ours.
    let key = at("/dashboard/key");
    let text = dashboard.ask("POST", &key, &[&ours, &good]);
    dashboard.assert_refused("no origin", &text, 403);
    let text = dashboard.ask("POST", &key, &[&ours, &good, &own]);
    Response::parse(&text).assert_status(200);
    let text = dashboard.ask("POST", &key, &[&ours, &good, &own]);
    dashboard.assert_refused("a second key", &text, 401);
    // No path leads around the session's own.
    for path in [
        "/dashboard/state",
        "//dashboard/state",
        "/../token",
        "/x/token",
    ] {
        let text = dashboard.ask("GET", path, &[&ours, &good]);
        dashboard.assert_refused(path, &text, 401);
    }
    attacked.end();
}
