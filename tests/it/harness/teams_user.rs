//! A session of the library, without the command: a store in memory, and a clock that the emulator
//! shares, so that hours pass in no time.

use std::sync::Arc;
use std::time::Duration;

use acspass::TeamsSession;
use acspass::emulator::{Emulator, Options};
use acspass::entra::browser::{Browser, Link, Opened};
use acspass::error::Result;
use acspass::http::{self, Http};
use acspass::session::Token;
use acspass::store::MemoryStore;
use acspass::teams_session::TeamsSessionBuilder;
use acspass::time::{SettableClock, Timestamp};

use super::browser::TestBrowser;

/// See the module.
pub(crate) struct TeamsUser {
    pub(crate) emulator: Emulator,
    pub(crate) clock: SettableClock,
    session: TeamsSession,
}

/// Signs the user in without a person.
struct Walking(Arc<TestBrowser>);

impl Browser for Walking {
    fn open(&self, link: &Link) -> Result<Opened> {
        self.0.open(link)
    }
}

impl TeamsUser {
    pub(crate) fn with_token_life(life: Duration) -> TeamsUser {
        TeamsUser::new("localhost", life, http::Options::default(), |builder| {
            builder
        })
    }

    /// A user whose client supports Continuous Access Evaluation.
    pub(crate) fn with_continuous_access(life: Duration) -> TeamsUser {
        let options = http::Options::default();
        TeamsUser::new(
            "localhost",
            life,
            options,
            TeamsSessionBuilder::continuous_access,
        )
    }

    /// A user whose client reaches the emulator by this name for loopback, with these options.
    pub(crate) fn at(host: &str, life: Duration, options: http::Options) -> TeamsUser {
        TeamsUser::new(host, life, options, |builder| builder)
    }

    fn new(
        host: &str,
        life: Duration,
        options: http::Options,
        adjust: impl FnOnce(TeamsSessionBuilder) -> TeamsSessionBuilder,
    ) -> TeamsUser {
        let clock = SettableClock::new(Timestamp::from_unix_seconds(1_800_000_000));
        let emulator = Emulator::start(Options {
            clock: Arc::new(clock.clone()),
            token_life: life,
            host_names: vec![host.to_owned()],
            ..Options::default()
        })
        .expect("an emulator");
        let at_host = |text: String| text.replacen("localhost", host, 1);
        let builder = TeamsSession::builder()
            .authority_host(at_host(emulator.http_url()))
            .tenant(emulator.tenant_id())
            .client_id(emulator.client_id())
            .resource(at_host(emulator.http_connection_string()))
            .allow_endpoint(host)
            .store(MemoryStore::new())
            .without_state_folder()
            .http(Arc::new(Http::new(options)))
            .browser(Walking(TestBrowser::walking()))
            .without_sign_in()
            .clock(Arc::new(clock.clone()));
        TeamsUser {
            session: adjust(builder).build().expect("a session"),
            emulator,
            clock,
        }
    }

    /// The emulator's port for http.
    pub(crate) fn port(&self) -> u16 {
        let url = url::Url::parse(&self.emulator.http_url()).expect("its address");
        url.port().expect("a port")
    }

    pub(crate) fn login(&self) {
        block_on(self.session.sign_in()).expect("a session");
    }

    /// A Communication token with more than ten minutes left, as `get --no-interactive`.
    pub(crate) fn get(&self) -> Result<Token> {
        block_on(self.session.token())
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(work)
}
