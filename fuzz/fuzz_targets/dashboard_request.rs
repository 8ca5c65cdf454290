//! Requests to the dashboard over a real socket. The first byte selects what the sender knows: nothing,
//! the cookie of a session, its key too, or a ticket. The path is below the session.
#![no_main]

#[path = "../src/http.rs"]
mod http;
#[path = "../src/service.rs"]
mod service;

use std::sync::{Mutex, OnceLock};

use libfuzzer_sys::fuzz_target;

/// The dashboard, and the newest session.
struct Dashboard {
    service_port: u16,
    secret: String,
    port: u16,
    /// The path of the session, with a slash at both ends.
    path: String,
    cookie: String,
    key: String,
}

/// The headers of a page in a redirect file, and of the dashboard's page.
const FROM_FILE: &str =
    "sec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n";
const FROM_PAGE: &str = "sec-fetch-site: same-origin\r\n";

const SET_COOKIE: &str = "\r\nset-cookie: ";

/// Returns the text between two others.
fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let rest = text.split_once(start).expect(start).1;
    rest.split_once(end).expect(end).0
}

impl Dashboard {
    fn start() -> Mutex<Dashboard> {
        let (service_port, secret) = service::start();
        let mut dashboard = Dashboard {
            service_port,
            secret,
            port: 0,
            path: String::new(),
            cookie: String::new(),
            key: String::new(),
        };
        dashboard.open();
        Mutex::new(dashboard)
    }

    /// Opens a session. A ticket and a key are good once, so that a lost response needs a new ticket.
    fn open(&mut self) {
        let is_open = (0..http::TRIES).any(|_| {
            let request = format!("GET /open?ticket={}", self.ticket());
            let opened = http::exchange(self.port, request.as_bytes(), FROM_FILE);
            opened.is_some_and(|opened| self.adopt(&opened.headers))
        });
        assert!(is_open, "a ticket opens a session");
    }

    /// Issues a ticket, with the service's secret.
    fn ticket(&mut self) -> String {
        let bearer = format!("authorization: Bearer {}\r\n", self.secret);
        let issued = http::respond(self.service_port, b"POST /dashboard/tickets", &bearer);
        let port = between(&issued.body, "http://localhost:", "/open");
        self.port = port.parse().expect("a port");
        between(&issued.body, "ticket=", "\"").to_owned()
    }

    /// Uses the session that a response opened, and gets its key. Returns whether there is one.
    fn adopt(&mut self, headers: &str) -> bool {
        if !headers.contains(SET_COOKIE) {
            return false;
        }
        self.cookie = between(headers, SET_COOKIE, ";").to_owned();
        self.path = between(headers, "Path=", ";").to_owned();
        let request = format!("POST {}dashboard/key", self.path);
        let page = self.page_headers();
        let issued = http::exchange(self.port, request.as_bytes(), &page);
        let issued = issued.filter(|issued| issued.status == 200);
        if let Some(issued) = &issued {
            self.key = between(&issued.body, "\"key\":\"", "\"").to_owned();
        }
        issued.is_some()
    }

    /// The headers that a browser adds to a request of the page.
    fn page_headers(&self) -> String {
        let (cookie, port) = (&self.cookie, self.port);
        format!("cookie: {cookie}\r\norigin: http://127.0.0.1:{port}\r\n{FROM_PAGE}")
    }

    /// Sends a request with what the sender knows.
    fn send(&mut self, sender: u8, method: &[u8], path: &[u8]) -> Option<http::Response> {
        let below = [method, b" ", self.path.as_bytes(), path].concat();
        let key = format!("acspass-dashboard: {}\r\n", self.key);
        let cookie = format!("cookie: {}\r\n", self.cookie);
        let page = self.page_headers();
        match sender {
            0 => http::exchange(self.port, &[method, b" /", path].concat(), ""),
            1 => http::exchange(self.port, &below, &cookie),
            2 => http::exchange(self.port, &below, &page),
            3 => http::exchange(self.port, &below, &(cookie + &key)),
            4 => http::exchange(self.port, &below, &(page + &key)),
            _ => {
                let ticket = self.ticket();
                let start = format!(" /open?ticket={ticket}");
                let request = [method, start.as_bytes(), path].concat();
                http::exchange(self.port, &request, FROM_FILE)
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    static DASHBOARD: OnceLock<Mutex<Dashboard>> = OnceLock::new();
    let dashboard = DASHBOARD.get_or_init(Dashboard::start);
    let mut dashboard = dashboard.lock().expect("one thread");
    let Some((sender, rest)) = data.split_first() else {
        return;
    };
    let Some(at) = rest.iter().position(|byte| *byte == b' ') else {
        return;
    };
    let (sender, (method, path)) = (sender % 6, rest.split_at(at));
    let Some(response) = dashboard.send(sender, method, &path[1..]) else {
        return;
    };
    assert_ne!(response.status, 500, "an internal error");
    let text = format!("{}\n{}", response.headers, response.body);
    assert!(!text.contains(&dashboard.secret), "the service's secret");
    assert!(!text.contains(&dashboard.key), "the key of the page");
    let has_key = matches!(sender, 3 | 4);
    let is_data = response.status < 300 && response.body.starts_with('{');
    assert!(has_key || !is_data, "data without the key");
    let opens = response.headers.contains(SET_COOKIE);
    assert!(sender == 5 || !opens, "a session without a ticket");
    if opens && !dashboard.adopt(&response.headers) {
        dashboard.open();
    }
});
