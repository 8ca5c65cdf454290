//! Requests to the token service, with and without its secret, over a real socket.
#![no_main]

#[path = "../src/http.rs"]
mod http;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use acspass::account::EntraApplication;
use acspass::acs::{Endpoint, IdentityClient};
use acspass::entra::Entra;
use acspass::entra::redirect::RedirectUri;
use acspass::exchange::{CommunicationTokenSource, ExchangeKind};
use acspass::serve::{Clients, Options, Server};
use acspass::session::{Overview, RenewalServices, Sessions, TokenKind, TokenRequest};
use acspass::store::{MemoryStore, SessionStore};
use acspass::time::SystemClock;
use acspass::{Error, Kind, Result};
use libfuzzer_sys::fuzz_target;

struct NoClients;

fn none<T>() -> Result<T> {
    Err(Error::new(
        Kind::SignInNeeded,
        "no account is signed in",
        "Sign in.",
    ))
}

impl Clients for NoClients {
    fn net(&self) -> Result<RenewalServices> {
        none()
    }

    fn identity_client(&self) -> Result<IdentityClient> {
        none()
    }

    fn resource(&self) -> Result<Endpoint> {
        none()
    }

    fn entra(&self) -> Result<Entra> {
        none()
    }

    fn overview(&self) -> Result<Overview> {
        none()
    }
}

/// The port and the secret of a service that runs until the process ends.
fn service() -> &'static (u16, String) {
    static SERVICE: OnceLock<(u16, String)> = OnceLock::new();
    SERVICE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder").keep();
        let application = EntraApplication::new("login.test", "organizations", "app");
        let store = SessionStore::new(Box::new(MemoryStore::new()), None);
        let clock = Arc::new(SystemClock);
        let source = CommunicationTokenSource::new(
            "https://a.test",
            ExchangeKind::Key,
            vec!["s".to_owned()],
        );
        let options = Options {
            session: Sessions::new(Arc::new(store), clock.clone(), application),
            token_request: TokenRequest::new(
                TokenKind::Communication(source),
                Duration::from_secs(600),
            ),
            only: None,
            managed_identity: None,
            clients: Arc::new(NoClients),
            profile: "default".to_owned(),
            clock,
            origins: Vec::new(),
            redirect_uri: RedirectUri::localhost(0),
            sign_in_timeout: Duration::from_secs(1),
            sign_in_needed: Arc::new(|_| {}),
        };
        let server = Server::open(options, 0_u16, folder).expect("a service");
        let running = server.running().clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime
                .block_on(server.run(std::future::pending()))
                .expect("it runs");
        });
        let secret = std::fs::read_to_string(&running.secret_file).expect("a secret");
        let port = running.url.rsplit(':').next().expect("a port");
        (port.parse().expect("a port"), secret)
    })
}

fuzz_target!(|data: &[u8]| {
    let (port, secret) = service();
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let bearer = format!("authorization: Bearer {secret}\r\n");
    let is_known = first % 2 == 0;
    let response = http::exchange(*port, rest, if is_known { &bearer } else { "" });
    if let Some((status, body)) = response {
        assert_ne!(status, 500, "an internal error");
        let is_refused = matches!(status, 400..=499);
        assert!(
            is_known || is_refused || !body.contains("\"token\""),
            "a token without the secret"
        );
    }
});
