//! The session itself, without the command around it: over a store in memory, by a clock that the
//! emulator shares, so that hours pass in no time.

use std::sync::Arc;
use std::time::Duration;

use acspass::account::Tenancy;
use acspass::acs::IdentityClient;
use acspass::config;
use acspass::emulator::{Emulator, Options};
use acspass::entra::{Authority, Entra};

use acspass::error::Result;
use acspass::exchange::{ExchangeKind, TokenSource};
use acspass::http::{self, Http};
use acspass::session::{
    CacheLookup, Exchange, Net, Session, SignInOptions, Target, Token, TokenRequest,
};
use acspass::store::{MemoryStore, SessionStore};
use acspass::time::{SettableClock, Timestamp};

use super::browser::TestBrowser;

/// See the module.
pub(crate) struct Desk {
    pub(crate) emulator: Emulator,
    pub(crate) clock: SettableClock,
    session: Session,
    host: &'static str,
    http: http::Options,
    is_capable: bool,
}

impl Desk {
    pub(crate) fn with_token_life(life: Duration) -> Desk {
        Desk::at("localhost", life, http::Options::default())
    }

    /// With the emulator under this name for loopback, reached by such a client.
    pub(crate) fn at(host: &'static str, life: Duration, http: http::Options) -> Desk {
        let clock = SettableClock::new(Timestamp::from_unix_seconds(1_800_000_000));
        let emulator = Emulator::start(Options {
            clock: Arc::new(clock.clone()),
            token_life: life,
            host_names: vec![host.to_owned()],
            ..Options::default()
        });
        let emulator = emulator.expect("an emulator");
        let authority = authority(&emulator, host);
        let tenancy = Tenancy {
            authority_host: authority.host(),
            tenant: authority.tenant().to_owned(),
            client_id: emulator.client_id().to_owned(),
        };
        let sessions = Arc::new(SessionStore::new(Box::new(MemoryStore::new()), None));
        Desk {
            session: Session::new(sessions, Arc::new(clock.clone()), tenancy),
            emulator,
            clock,
            host,
            http,
            is_capable: false,
        }
    }

    /// The emulator's port for http.
    pub(crate) fn port(&self) -> u16 {
        let url = url::Url::parse(&self.emulator.http_url()).expect("its address");
        url.port().expect("a port")
    }

    /// Says in every request that its tokens may be taken back.
    pub(crate) fn declaring_continuous_access(mut self) -> Desk {
        self.is_capable = true;
        self
    }

    pub(crate) fn login(&self) {
        let browser = TestBrowser::walking();
        let options = SignInOptions::in_browser(browser.as_ref(), Duration::from_secs(60));
        let entra = self.net().entra;
        let scopes = scopes();
        let login = self.session.login(&entra, &options, None, &scopes);
        block_on(login).expect("a session");
    }

    /// A Communication token with more than ten minutes left, as `get --no-interactive`.
    pub(crate) fn get(&self) -> Result<Token> {
        match self.session.cached_token(None, self.request())? {
            CacheLookup::Fresh(token) => Ok(token),
            CacheLookup::Stale(renewal) => block_on(renewal.run(|| Ok(self.net()), None)),
        }
    }

    fn request(&self) -> TokenRequest {
        let source = TokenSource {
            endpoint: at_host(&self.emulator.http_url(), self.host),
            exchange: ExchangeKind::Key,
            scopes: scopes(),
        };
        TokenRequest::new(Target::Communication(source), Duration::from_secs(600))
    }

    fn net(&self) -> Net {
        let http = Arc::new(Http::new(self.http.clone()));
        let clock = Arc::new(self.clock.clone());
        let resource = at_host(&self.emulator.http_connection_string(), self.host);
        let acs = IdentityClient::from_connection_string(&resource)
            .expect("the emulator's own")
            .with_http(http.clone())
            .with_clock(clock.clone());
        let client_id = self.emulator.client_id().to_owned();
        let entra = Entra::new(http, clock, authority(&self.emulator, self.host), client_id);
        Net {
            entra: match self.is_capable {
                true => entra.with_continuous_access(),
                false => entra,
            },
            exchange: Some(Exchange::AsOwner(acs)),
        }
    }
}

fn at_host(text: &str, host: &str) -> String {
    text.replacen("localhost", host, 1)
}

fn authority(emulator: &Emulator, host: &str) -> Authority {
    Authority::new(&at_host(&emulator.http_url(), host), emulator.tenant_id())
        .expect("the emulator's own")
}

fn scopes() -> Vec<String> {
    config::parse_scopes("Teams.ManageCalls Teams.ManageChats").expect("scopes")
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(work)
}
