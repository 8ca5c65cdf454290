//! The dashboard: one link, one browser, one page that may act, and no token in any of it.

mod access;
mod actions;
mod assignments;

use serde_json::Value;

use super::{Caller, Service};
use crate::harness::Deadline;
use crate::harness::Home;
use crate::harness::http::Response;

/// The session of a browser that has opened a link.
pub(super) struct DashboardSession {
    /// The dashboard's own port; it has no secret to send.
    dashboard: Caller,
    /// The session's path, without a slash at its end.
    path: String,
    cookie: String,
    key: String,
}

pub(super) fn open() -> Home {
    let (mut home, _emulator) = Home::with_emulator();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    home
}

/// A new link: the dashboard's own port, and path and query there.
fn link(service: &Service<'_>) -> (Caller, String) {
    let bearer = service.bearer();
    let made = service.send("POST", "/dashboard/tickets", &[&bearer], "");
    let made = made.assert_status(201).json();
    assert_eq!(made["expiresInSeconds"], 60);
    caller_of(made["url"].as_str().expect("a link"))
}

/// The dashboard's port, and path and query of this link.
fn caller_of(link: &str) -> (Caller, String) {
    let rest = link.strip_prefix("http://localhost:").expect("its own");
    let (port, path) = rest.split_once('/').expect("a path");
    let dashboard = Caller {
        port: port.parse().expect("a port"),
        secret: String::new(),
    };
    (dashboard, format!("/{path}"))
}

/// The session's path and the cookie that an opened link sets, as a browser sends it back.
fn session_of(opened: &Response) -> (String, String) {
    let path = opened.header("location").expect("a page");
    let session = path.strip_suffix('/').expect("a slash");
    assert_eq!(session.len(), 1 + 22, "16 bytes: {path}");
    let set = opened.header("set-cookie").expect("a cookie");
    let (pair, attributes) = set.split_once("; ").expect("attributes");
    assert_eq!(
        attributes,
        format!("Path={path}; HttpOnly; SameSite=Strict")
    );
    let value = pair.strip_prefix("acspass=").expect("its name");
    assert_eq!(value.len(), 43, "32 bytes");
    (session.to_owned(), format!("Cookie: theme=dark; {pair}"))
}

impl DashboardSession {
    pub(in crate::serve) fn open(service: &Service<'_>) -> Self {
        let (dashboard, link) = link(service);
        let opened = dashboard.send("GET", &link, &[], "").assert_status(303);
        let (path, cookie) = session_of(&opened);
        let own = own_origin(&dashboard);
        let key = dashboard.send(
            "POST",
            &format!("{path}/dashboard/key"),
            &[&cookie, &own],
            "",
        );
        let key = key.assert_status(200).json()["key"].clone();
        DashboardSession {
            dashboard,
            path,
            cookie,
            key: format!("acspass-dashboard: {}", key.as_str().expect("a key")),
        }
    }

    /// As the page asks.
    pub(in crate::serve) fn ask(&self, method: &str, path: &str, body: &str) -> Response {
        let own = own_origin(&self.dashboard);
        let headers = [
            self.cookie.as_str(),
            &self.key,
            &own,
            "Sec-Fetch-Site: same-origin",
        ];
        self.send(method, path, &headers, body)
    }

    /// Below the session's path, with these headers.
    fn send(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Response {
        let path = format!("{}{path}", self.path);
        self.dashboard.send(method, &path, headers, body)
    }

    pub(in crate::serve) fn state(&self) -> Value {
        self.ask("GET", "/dashboard/state", "")
            .assert_status(200)
            .json()
    }

    /// Asks until it is so.
    fn wait_until(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Deadline::start();
        loop {
            let state = self.state();
            if is_so(&state) {
                return state;
            }
            deadline.pass("the dashboard shows the state");
        }
    }
}

fn own_origin(dashboard: &Caller) -> String {
    format!("Origin: http://127.0.0.1:{}", dashboard.port)
}
