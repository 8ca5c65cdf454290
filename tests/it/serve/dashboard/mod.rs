//! The dashboard: one link, one browser, one page that may act, and no token in any of it.

mod acts;
mod doors;

use serde_json::Value;

use super::{Answer, Service};
use crate::harness::Home;

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
