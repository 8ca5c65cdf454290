//! The token service without accounts, on a thread that runs until the process ends.

use std::sync::Arc;
use std::time::Duration;

use acspass::account::EntraApplication;
use acspass::acs::{Endpoint, IdentityClient};
use acspass::entra::Entra;
use acspass::entra::redirect::RedirectUri;
use acspass::exchange::{CommunicationTokenSource, ExchangeKind};
use acspass::serve::{Clients, Options, Server};
use acspass::session::{Overview, RenewalServices, Sessions, TokenKind, TokenRequest};
use acspass::store::{IndexPage, MemoryStore, SessionStore};
use acspass::time::{LocalClocks, SystemClock};
use acspass::{Error, Kind, Result};

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
        Ok(Overview {
            shown: IndexPage::default(),
            source: None,
            scopes: vec!["s".to_owned()],
            min_validity: Duration::from_secs(600),
            now: LocalClocks::read(&SystemClock),
        })
    }
}

/// Starts the service. Returns its port and its secret.
pub fn start() -> (u16, String) {
    let folder = tempfile::tempdir().expect("a folder").keep();
    let application = EntraApplication::new("login.test", "organizations", "app");
    let store = SessionStore::new(Box::new(MemoryStore::new()), None);
    let clock = Arc::new(SystemClock);
    let source =
        CommunicationTokenSource::new("https://a.test", ExchangeKind::Key, vec!["s".to_owned()]);
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
}
