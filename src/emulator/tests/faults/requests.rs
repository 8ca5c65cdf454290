//! A valid request of each route, and its response as bytes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::super::harness::{
    Answer, Fixture, Signed, TEAMS, VERIFIER, challenge, encode, published::CLIENT_ID,
};
use crate::emulator::Route;
use crate::emulator::world::IDENTITY_HEADER;
use crate::time::Clock;

/// A deadline that no right response reaches.
const LONG: Duration = Duration::from_secs(60);
/// The wait for a response that does not arrive.
const BRIEF: Duration = Duration::from_millis(60);

/// A client that sends one request of a route.
pub(super) struct Caller<'f> {
    fixture: &'f Fixture,
    route: Route,
    request: String,
}

/// A response.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) answer: Answer,
    pub(super) bytes: Vec<u8>,
    pub(super) time: Duration,
    /// The connection ended as HTTP requires, or at least without an error.
    pub(super) is_ended: bool,
}

impl<'f> Caller<'f> {
    pub(super) fn new(fixture: &'f Fixture, route: Route) -> Caller<'f> {
        Caller {
            fixture,
            route,
            request: request(fixture, route, ""),
        }
    }

    /// Makes a client whose request has one more header line.
    pub(super) fn with_header(fixture: &'f Fixture, route: Route, header: &str) -> Caller<'f> {
        Caller {
            fixture,
            route,
            request: request(fixture, route, header),
        }
    }

    pub(super) fn send(&self) -> Seen {
        self.receive(LONG)
    }

    /// Sends, and waits a short time only.
    pub(super) fn send_briefly(&self) -> Seen {
        self.receive(BRIEF)
    }

    /// Returns how often the operation of the route was executed.
    pub(super) fn count(&self) -> usize {
        self.fixture.emulator.count(match self.route {
            Route::Metadata => "metadata",
            Route::Keys => "keys",
            Route::InstanceDiscovery => "instance_discovery",
            Route::Authorize => "authorize",
            Route::Device => "device_authorization",
            Route::Token => "refresh_token",
            Route::Exchange => "exchange",
            Route::Identities => "create_identity",
            Route::Assignments => "list_assignments",
            Route::ManagedIdentity => "managed_identity",
        })
    }

    fn receive(&self, limit: Duration) -> Seen {
        let port = self.fixture.emulator.context.main_ports().http;
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the emulator listens");
        stream.set_read_timeout(Some(limit)).expect("a limit");
        let start = Instant::now();
        stream.write_all(self.request.as_bytes()).expect("it reads");
        let mut response = Vec::new();
        let is_ended = stream.read_to_end(&mut response).is_ok();
        let time = start.elapsed();
        let end = response.windows(4).position(|part| part == b"\r\n\r\n");
        let bytes = end.map_or(Vec::new(), |end| response.split_off(end + 4));
        let head = String::from_utf8(response).expect("a head is text");
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        Seen {
            answer: Answer {
                status: status.unwrap_or(0),
                head,
                body: String::from_utf8_lossy(&bytes).into_owned(),
            },
            bytes,
            time,
            is_ended,
        }
    }
}

fn request(fixture: &Fixture, route: Route, header: &str) -> String {
    let base = fixture.emulator.http_url();
    let get = |target: &str| text(fixture, "GET", target, header, "");
    let form = format!("Content-Type: application/x-www-form-urlencoded\r\n{header}");
    let post = |target: &str, body: &str| text(fixture, "POST", target, &form, body);
    match route {
        Route::Metadata => get("/organizations/v2.0/.well-known/openid-configuration"),
        Route::Keys => get("/common/discovery/v2.0/keys"),
        Route::InstanceDiscovery => get(&format!(
            "/common/discovery/instance?api-version=1.1&authorization_endpoint=\
             {base}/organizations/oauth2/v2.0/authorize"
        )),
        Route::Authorize => get(&authorize()),
        Route::Device => {
            let body = encode(&[("client_id", CLIENT_ID), ("scope", TEAMS)], &[]);
            post("/organizations/oauth2/v2.0/devicecode", &body)
        }
        Route::Token => {
            let redeemed = fixture.redeem(&fixture.code(&[]), &[]).json();
            let refresh_token = redeemed["refresh_token"].as_str().expect("a token");
            let body = [
                ("client_id", CLIENT_ID),
                ("grant_type", "refresh_token"),
                ("refresh_token", refresh_token),
            ];
            post("/organizations/oauth2/v2.0/token", &encode(&body, &[]))
        }
        Route::Exchange => {
            let body = serde_json::json!({
                "token": fixture.entra_token("ada@contoso.example", TEAMS),
                "appId": CLIENT_ID,
                "userId": fixture.emulator.object_id(),
            });
            let target = "/teamsUser/:exchangeAccessToken?api-version=2023-10-01";
            signed(fixture, "POST", target, header, &body.to_string())
        }
        Route::Identities => {
            let body = r#"{"createTokenWithScopes":["chat"]}"#;
            let target = "/identities?api-version=2023-10-01";
            signed(fixture, "POST", target, header, body)
        }
        Route::Assignments => {
            let target = "/access/entra/assignments?api-version=2025-03-02-preview";
            signed(fixture, "GET", target, header, "")
        }
        Route::ManagedIdentity => {
            let target = "/emulator/managed-identity?api-version=2019-08-01&resource=\
                          https://communication.azure.com";
            let header = format!("X-IDENTITY-HEADER: {IDENTITY_HEADER}\r\n{header}");
            text(fixture, "GET", target, &header, "")
        }
    }
}

fn authorize() -> String {
    let challenge = challenge(VERIFIER);
    let query = encode(
        &[
            ("client_id", CLIENT_ID),
            ("response_type", "code"),
            ("redirect_uri", "http://localhost:4711"),
            ("scope", TEAMS),
            ("state", "a-state-of-this-test"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("login_hint", "ada@contoso.example"),
        ],
        &[],
    );
    format!("/organizations/oauth2/v2.0/authorize?{query}")
}

fn text(fixture: &Fixture, method: &str, target: &str, headers: &str, body: &str) -> String {
    let (host, length) = (fixture.host(), body.len());
    format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Length: {length}\r\n{headers}\r\n{body}"
    )
}

fn signed(fixture: &Fixture, method: &str, target: &str, header: &str, body: &str) -> String {
    let mut signed = Signed {
        method: method.to_owned(),
        target: target.to_owned(),
        host: fixture.host(),
        date: fixture.clock.now().to_http_date(),
        body: body.to_owned(),
        ..Signed::default()
    };
    signed.sign();
    let Signed {
        date,
        hash,
        authorization,
        ..
    } = &signed;
    let headers = format!(
        "Content-Type: application/json\r\nx-ms-date: {date}\r\nx-ms-content-sha256: {hash}\r\n\
         Authorization: {authorization}\r\n{header}"
    );
    text(fixture, method, target, &headers, body)
}
