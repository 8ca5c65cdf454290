//! An emulator of Microsoft Entra ID and ACS Identity, for tests and for trying things out.
//!
//! In come [`Options`], out comes a running [`Emulator`] with the URLs, ids and connection string
//! that any client can be pointed at, over real sockets on this machine's loopback; it stops when
//! dropped. It shares no code with the client that it checks, trusts nothing that the real services
//! would refuse, and never pretends to be them: pages, headers and tokens say what it is.

mod acs;
mod ca;
mod directory;
mod entra;
mod facts;
mod faults;
mod names;
mod pages;
mod reply;
mod scopes;
mod server;
mod sign;
mod state;
mod user_agent;
mod verify;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::service::service_fn;
use tokio::sync::watch;

pub use acs::limits::RateLimits;
pub use facts::Identity;
pub use faults::{Fault, FaultKind, Route};
pub use server::MissingIdentity;
pub use state::LoggedRequest;
pub use user_agent::{Page, UserAgent};

use crate::error::{Error, Result};
use crate::loopback::serve::Limits;
use crate::loopback::{self, Bound};
use crate::time::{Clock, SystemClock};
use ca::Authority;
use entra::Certificate;
use server::{Context, Entrance};
use sign::Signer;
use state::State;

/// How an emulator is started. `Options::default()` takes free ports and the system's clock, and
/// serves plain http only.
pub struct Options {
    /// The port for plain http; 0 takes a free one.
    pub http_port: u16,
    /// The port for https, if it is served as well; 0 takes a free one.
    pub https_port: Option<u16>,
    /// Whose time it is: every expiry, date check and `Date` header goes by it.
    pub clock: Arc<dyn Clock>,
    /// How long an Entra access token lives, and with it the Communication token.
    pub token_life: Duration,
    /// How long a device code can be entered.
    pub device_code_life: Duration,
    /// How long a client is told to wait between two polls for a device code, in whole seconds.
    pub device_interval: Duration,
    /// Each refresh token works once, and a second use revokes all of its sign-in. The real
    /// service lets old ones live on, which is the default here.
    pub strict_refresh: bool,
    /// Remember every secret for [`Emulator::secrets`]. Whoever does not ask for them turns this
    /// off, for the list only grows.
    pub keep_secrets: bool,
    /// Take the Entra tokens of every emulator on this machine, not only of this one: they share
    /// their keys. For a resource that outlives its authority, or has another one.
    pub takes_sibling_tokens: bool,
    /// What is said of an identity that never was or was deleted.
    pub missing_identity: MissingIdentity,
    /// Names beside the loopback ones that it answers to, at the same ports: for a proxy, a relay
    /// or a container's network in front of it. Its certificate holds for them too. Connections
    /// from other machines are still refused.
    pub host_names: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            http_port: 0,
            https_port: None,
            clock: Arc::new(SystemClock),
            token_life: Duration::from_secs(75 * 60),
            device_code_life: Duration::from_secs(15 * 60),
            device_interval: Duration::from_secs(5),
            strict_refresh: false,
            keep_secrets: true,
            takes_sibling_tokens: false,
            missing_identity: MissingIdentity::NotOwned,
            host_names: Vec::new(),
        }
    }
}

/// Any caller may be a person's browser or a client under test, and none is known before its
/// request is read: all have the same places, and time for a body.
const LIMITS: Limits = Limits {
    connections: 256,
    buffers: 256,
    unauthenticated: 256,
    kept_buffers: 192,
    head: 64 * 1024,
    idle: Duration::from_secs(10),
    authenticated_idle: Duration::from_secs(10),
    unauthenticated_exchange: Duration::from_secs(15),
    exchange: Duration::from_secs(60 * 60),
    stall: Duration::from_secs(10),
    linger: Duration::from_secs(2),
    tick: Duration::from_millis(250),
    grace: Duration::from_secs(1),
    dates: false,
};

/// A running emulator. Dropping it closes its listeners and waits for its thread.
///
/// ```
/// use acspass::emulator::{Emulator, Options, UserAgent};
///
/// let emulator = Emulator::start(Options::default())?;
/// let page = UserAgent::default().browse(&emulator.http_url())?;
/// assert!(page.html.contains("not Microsoft"));
/// assert_eq!(emulator.count("page"), 1);
/// # Ok::<(), acspass::Error>(())
/// ```
pub struct Emulator {
    shared: Arc<Context>,
    http_port: u16,
    https: Option<(u16, String)>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Binds, and then serves on a thread of its own; when this returns, clients can connect.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) where a port that was asked for is taken, or a name is
    /// no host's; [`Kind::Internal`](crate::Kind::Internal) where the machine gives no socket or thread.
    pub fn start(options: Options) -> Result<Emulator> {
        let host_names = names::checked(&options.host_names)?;
        let http = loopback::bind(options.http_port)?;
        let http_port = http.port;
        let https = match options.https_port {
            Some(port) => {
                let authority = Authority::new(options.clock.now(), &host_names)?;
                Some((loopback::bind(port)?, authority))
            }
            None => None,
        };
        let (stop, told) = watch::channel(false);
        let shared = Arc::new(Context {
            signer: Signer::new()?,
            state: State::new(&options),
            clock: options.clock,
            missing_identity: options.missing_identity,
            host_names,
            takes_sibling_tokens: options.takes_sibling_tokens,
            certificate: Certificate::published()?,
            http_port,
            https_port: https.as_ref().map(|(bound, _)| bound.port),
            stopping: told.clone(),
        });
        let trusted = https
            .as_ref()
            .map(|(bound, authority)| (bound.port, authority.pem.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::internal("the emulator got no event loop").caused_by(error))?;
        let world = Arc::clone(&shared);
        let serving = async move {
            let plain = serve(&world, "http", http, None, told.clone());
            let tls = async {
                if let Some((bound, authority)) = https {
                    serve(&world, "https", bound, Some(authority), told).await;
                }
            };
            tokio::join!(plain, tls);
        };
        // Whoever listens to this thread's events wants those of the emulator's own as well.
        let listener = tracing::dispatcher::get_default(Clone::clone);
        let thread = std::thread::Builder::new()
            .name("emulator".to_owned())
            .spawn(move || {
                tracing::dispatcher::with_default(&listener, || runtime.block_on(serving));
            })
            .map_err(|error| Error::internal("the emulator got no thread").caused_by(error))?;
        let emulator = Emulator {
            shared,
            http_port,
            https: trusted,
            stop,
            thread: Some(thread),
        };
        emulator.keep_own_secrets();
        Ok(emulator)
    }

    /// `http://localhost:PORT`: authority host and ACS endpoint at once. Port 80 is left out.
    pub fn http_url(&self) -> String {
        names::base("http", "localhost", self.http_port)
    }

    /// `https://localhost:PORT`, if https is served. Port 443 is left out.
    pub fn https_url(&self) -> Option<String> {
        let (port, _) = self.https.as_ref()?;
        Some(names::base("https", "localhost", *port))
    }

    /// The certificate authority that vouches for [`Emulator::https_url`], PEM. It was made for
    /// this run, is limited to loopback names, and its key is gone.
    pub fn ca_pem(&self) -> Option<String> {
        let (_, pem) = self.https.as_ref()?;
        Some(pem.clone())
    }

    /// Whether a Communication token is still accepted: issued here, not expired, its identity
    /// not deleted, and issued after that identity's last revocation. Over HTTP the same is asked
    /// by `GET /emulator/whoami` with the token as bearer: 200 with its claims, or 401. Neither is
    /// part of the service.
    pub fn is_token_valid(&self, token: &str) -> bool {
        acs::token::accepted(&self.shared, token).is_some()
    }

    /// The latest requests, oldest first: as many as a test makes, but not all of a day.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.state.lock().journal()
    }

    /// How many requests there ever were of this [`LoggedRequest::operation`].
    pub fn count(&self, operation: &str) -> usize {
        self.shared.state.lock().count(operation)
    }

    /// Every secret that was ever issued here, is known here or was sent here: what must not show
    /// up in any log, page or file. Empty unless [`Options::keep_secrets`].
    pub fn secrets(&self) -> Vec<String> {
        self.shared.state.lock().secrets()
    }

    /// The codes that a person could enter at [`Emulator::device_page`] now, oldest first.
    pub fn user_codes(&self) -> Vec<String> {
        let now = self.shared.clock.now();
        self.shared.state.lock().devices.user_codes(now)
    }

    /// The page where a person enters a device's code.
    pub fn device_page(&self) -> String {
        format!("{}/devicelogin", self.http_url())
    }

    /// From now on the resource takes no more requests than this; `None`, as at the start, is no
    /// limit.
    pub fn set_rate_limits(&self, limits: Option<RateLimits>) {
        self.shared.state.lock().meter.limits = limits;
    }

    /// From now on Entra access tokens live this long.
    pub fn set_token_life(&self, life: Duration) {
        self.shared.state.lock().token_life = life;
    }

    /// Revokes every refresh token issued so far, as a changed password does.
    pub fn revoke_sessions(&self) {
        self.shared.state.lock().sessions.revoke_all();
    }

    /// From now on the resource takes back each Entra token that was issued before and whose client
    /// declared Continuous Access Evaluation: 401 with a claims challenge at every exchange. Whether
    /// the real resource does so is not published; the challenge has the form that Microsoft
    /// documents for APIs.
    pub fn revoke_access(&self) {
        let now = self.shared.clock.now();
        self.shared.state.lock().access_revoked = Some(now);
    }

    /// From now on nobody is granted this scope, given by its short name (`Teams.ManageChats`).
    pub fn withhold_scope(&self, name: &str) {
        self.shared.state.lock().withheld.insert(name.to_owned());
    }

    /// From now on every id_token carries this claim instead of the right one, or lacks it: still
    /// well signed, but not to be believed.
    pub fn change_id_token(&self, claim: &str, value: Option<serde_json::Value>) {
        let mut state = self.shared.state.lock();
        state.id_token_claims.insert(claim.to_owned(), value);
    }

    /// Switches a fault on.
    pub fn add_fault(&self, fault: Fault) {
        self.shared.state.lock().faults.add(fault);
    }

    /// Switches all faults off, changed id_token claims and withheld scopes among them.
    pub fn clear_faults(&self) {
        let mut state = self.shared.state.lock();
        state.faults.clear();
        state.id_token_claims.clear();
        state.withheld.clear();
    }

    fn keep_own_secrets(&self) {
        let mut state = self.shared.state.lock();
        state.keep_secret(directory::ACCESS_KEY);
        state.keep_secret(&String::from_utf8_lossy(directory::ACCESS_KEY_BYTES));
        for app in &directory::SERVICE_APPS {
            state.keep_secret(app.secret);
        }
        state.keep_secret(directory::IDENTITY_HEADER);
        for url in [Some(self.http_url()), self.https_url()]
            .into_iter()
            .flatten()
        {
            state.keep_secret(&facts::connection_string(&url));
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic over there has been printed by then; a second one here would hide it.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator")
            .field("http", &self.http_url())
            .field("https", &self.https_url())
            .finish_non_exhaustive()
    }
}

async fn serve(
    shared: &Arc<Context>,
    scheme: &'static str,
    bound: Bound,
    authority: Option<Authority>,
    told: watch::Receiver<bool>,
) {
    let entrance = Entrance {
        scheme,
        port: bound.port,
    };
    let shared = Arc::clone(shared);
    let service = service_fn(move |request| server::answer(Arc::clone(&shared), entrance, request));
    let tls = authority.map(|authority| authority.server);
    if let Err(error) = loopback::serve::serve(bound, tls, service, LIMITS, told).await {
        tracing::error!(target: "acspass::emulator", "the emulator stopped serving: {error}");
    }
}
