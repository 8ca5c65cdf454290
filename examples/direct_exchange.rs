//! No access key at all: the user's own Entra token opens the resource, which its owner has
//! assigned them to. It is the set-up for a desktop.
//!
//! `cargo run --example direct_exchange`. It starts an emulator, whose own user agent walks the
//! sign-in pages; the session signs in, exchanges, keeps and renews.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use acspass::account::Tenancy;
use acspass::acs::{DirectExchange, Endpoint};
use acspass::config::{default_scopes, parse_scopes};
use acspass::emulator::{Emulator, Options, UserAgent};
use acspass::entra::browser::{Browser, Link, Opened};
use acspass::entra::{Authority, Entra};
use acspass::exchange::{ExchangeKind, TokenSource};
use acspass::http::{self, Http};
use acspass::session::{CacheLookup, Exchange, Net, Session, SignInOptions, Target, TokenRequest};
use acspass::store::{MemoryStore, SessionStore};
use acspass::time::SystemClock;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    run(&mut io::stdout()).await
}

/// A browser that nobody has to look at.
struct Unattended;

impl Browser for Unattended {
    fn open(&self, link: &Link) -> acspass::Result<Opened> {
        UserAgent::default().start(link.target())?;
        Ok(Opened::by("the emulator's user agent"))
    }
}

/// One token for each kind of direct exchange; none is printed.
pub(crate) async fn run(out: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start(Options::default())?;
    for exchange in [ExchangeKind::Entra, ExchangeKind::TeamsExtension] {
        let clock = Arc::new(SystemClock);
        let endpoint = Endpoint::parse(&emulator.http_url())?;
        let authority = Authority::new(&emulator.http_url(), emulator.tenant_id())?;
        let client_id = emulator.client_id().to_owned();
        let tenancy = Tenancy {
            authority_host: authority.host(),
            tenant: authority.tenant().to_owned(),
            client_id: client_id.clone(),
        };
        let sessions = Arc::new(SessionStore::new(Box::new(MemoryStore::new()), None));
        let session = Session::new(sessions, clock.clone(), tenancy);

        let scopes = parse_scopes(default_scopes(exchange))?;
        let request = TokenRequest {
            target: Target::Communication(TokenSource {
                endpoint: endpoint.as_str().to_owned(),
                exchange,
                scopes: scopes.clone(),
            }),
            scopes,
            min_validity: Duration::from_secs(600),
            force: false,
        };
        let options = SignInOptions::in_browser(&Unattended, Duration::from_secs(60));
        let net = || {
            let http = Arc::new(Http::new(http::Options::default()));
            let direct = DirectExchange::new(http.clone(), clock.clone(), endpoint, Vec::new());
            Ok(Net {
                entra: Entra::new(http, clock.clone(), authority, client_id),
                exchange: Some(Exchange::Direct(direct)),
            })
        };
        let token = match session.cached_token(None, request)? {
            CacheLookup::Fresh(token) => token,
            CacheLookup::Stale(renewal) => renewal.run(net, Some(&options)).await?,
        };
        writeln!(
            out,
            "{exchange:?}: {} has a token of {} bytes, good until {}",
            token.account.username,
            token.secret.expose().len(),
            token.expires_on
        )?;
    }
    Ok(())
}
