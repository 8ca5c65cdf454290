//! A program's own token that is always good: nothing runs beside it, and nobody is asked twice.
//!
//! `cargo run --example credential_in_process`. It starts an emulator whose tokens live for seconds;
//! its user signs in once, and the credential then renews by itself.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use acspass::account::Tenancy;
use acspass::acs::{DirectExchange, Endpoint};
use acspass::config::{default_scopes, parse_scopes};
use acspass::credential::{
    self, CommunicationTokenCredential, RefreshedToken, Refresher, Refreshing,
};
use acspass::emulator::{Emulator, Options, UserAgent};
use acspass::entra::browser::{Browser, Link, Opened};
use acspass::entra::{Authority, Entra};
use acspass::exchange::{ExchangeKind, TokenSource};
use acspass::http::{self, Http};
use acspass::secret::CommunicationToken;
use acspass::session::{CacheLookup, Exchange, Net, Session, SignInOptions, Target, TokenRequest};
use acspass::store::{MemoryStore, SessionStore};
use acspass::time::SystemClock;
use acspass::{Error, Kind};
use tokio::runtime::Handle;

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

/// A Teams user who signs in where that is needed, and whatever leads to their tokens.
struct TeamsUser {
    session: Session,
    request: TokenRequest,
    http: Arc<Http>,
    authority: Authority,
    client_id: String,
    endpoint: Endpoint,
}

impl TeamsUser {
    fn token(&self, min_validity: Duration) -> acspass::Result<RefreshedToken> {
        let clock = Arc::new(SystemClock);
        let request = TokenRequest {
            min_validity,
            ..self.request.clone()
        };
        let net = || {
            let (http, endpoint) = (self.http.clone(), self.endpoint.clone());
            let direct = DirectExchange::new(http.clone(), clock.clone(), endpoint, Vec::new());
            let (authority, client_id) = (self.authority.clone(), self.client_id.clone());
            Ok(Net {
                entra: Entra::new(http, clock.clone(), authority, client_id),
                exchange: Some(Exchange::Direct(direct)),
            })
        };
        let options = SignInOptions::in_browser(&Unattended, Duration::from_secs(60));
        let token = match self.session.cached_token(None, request)? {
            CacheLookup::Fresh(token) => token,
            CacheLookup::Stale(renewal) => {
                Handle::current().block_on(renewal.run(net, Some(&options)))?
            }
        };
        Ok(RefreshedToken {
            token: CommunicationToken::new(token.secret.expose()),
            expires_on: token.expires_on,
            expires_in: Some(Duration::from_secs(token.expires_in_seconds)),
        })
    }
}

/// The store may block, and so the work is done beside the program's own.
struct InBackground(Arc<TeamsUser>);

impl Refresher for InBackground {
    fn refresh(&self, min_validity: Duration) -> Refreshing<'_> {
        let user = self.0.clone();
        Box::pin(async move {
            tokio::task::spawn_blocking(move || user.token(min_validity))
                .await
                .map_err(|error| {
                    let what = "the refresh ended before its time";
                    Error::new(Kind::Internal, what, "please report it").caused_by(error)
                })?
        })
    }
}

/// Three tokens, as they come; none is printed.
pub(crate) async fn run(out: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start(Options {
        token_life: Duration::from_secs(4),
        ..Options::default()
    })?;
    let endpoint = Endpoint::parse(&emulator.http_url())?;
    let authority = Authority::new(&emulator.http_url(), emulator.tenant_id())?;
    let client_id = emulator.client_id().to_owned();
    let tenancy = Tenancy {
        authority_host: authority.host(),
        tenant: authority.tenant().to_owned(),
        client_id: client_id.clone(),
    };
    // An app of yours keeps its sessions in the keyring, where the next run finds them.
    let sessions = Arc::new(SessionStore::new(Box::new(MemoryStore::new()), None));
    let scopes = parse_scopes(default_scopes(ExchangeKind::Entra))?;
    let user = TeamsUser {
        session: Session::new(sessions, Arc::new(SystemClock), tenancy),
        request: TokenRequest {
            target: Target::Communication(TokenSource {
                endpoint: endpoint.as_str().to_owned(),
                exchange: ExchangeKind::Entra,
                scopes: scopes.clone(),
            }),
            scopes,
            min_validity: Duration::ZERO,
            force: false,
        },
        http: Arc::new(Http::new(http::Options::default())),
        authority,
        client_id,
        endpoint,
    };

    let refresher = InBackground(Arc::new(user));
    let credential = CommunicationTokenCredential::new(refresher, credential::Options::default());
    // Whatever wants a token asks for it; that costs nothing while the one that is held is good.
    let token = credential.get(Duration::from_secs(60)).await?;
    writeln!(out, "a token until {}", token.expires_on)?;
    // Whatever keeps a connection open is told of each new one.
    let mut changes = credential.changes();
    changes.mark_unchanged();
    for _ in 0..2 {
        changes.changed().await?;
        let token = changes.borrow_and_update().clone();
        let token = token.ok_or("a credential never loses its token")?;
        writeln!(out, "another token until {}", token.expires_on)?;
    }
    Ok(())
}
