//! A running emulator: start, URLs, records and switches.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::runtime::Builder;
use tokio::sync::watch;

use crate::emulator::context::{Context, Listener, Ports};
use crate::emulator::faults::effect::Fault;
use crate::emulator::faults::selection::FaultSelection;
use crate::emulator::host_names::own_names;
use crate::emulator::journal::LoggedRequest;
use crate::emulator::options::Options;
use crate::emulator::rate_limits::RateLimits;
use crate::emulator::seed::model::SeedLimits;
use crate::emulator::world::resource::connection_string;
use crate::emulator::world::{self, IDENTITY_HEADER, World};
use crate::emulator::{acs, control, ports, real_hosts, server};
use crate::error::{Error, Kind, Result};
use crate::loopback::serve::{Limits, handler, serve_network};
use crate::loopback::{self, Bound};

/// The limits of a listener. No caller is known before its request is read, so all have the same
/// slots and time for a body.
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
    pub(crate) context: Arc<Context>,
    /// The data at the start.
    pub(crate) world: Arc<World>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Binds the ports and serves on a separate thread. Clients can connect when this returns.
    ///
    /// # Errors
    /// [`Kind::Usage`] if a requested port is taken or a host name is invalid;
    /// [`Kind::Internal`] if the system provides no socket or thread.
    pub fn start(mut options: Options) -> Result<Emulator> {
        options.host_names = own_names(&options.given_names())?;
        if options.real_hosts {
            options.host_names.extend(real_hosts::names::host_names());
        }
        let world = world::build(std::mem::take(&mut options.seed).file);
        let world = Arc::new(world.map_err(|invalid| invalid.into_error(None))?);
        let bound = ports::bind(&options, &world)?;
        let ports = bound.iter().map(|(http, https)| Ports {
            http: http.port,
            https: https.as_ref().map(|https| https.port),
        });
        let ports = ports.collect();
        let (now, names) = (options.clock.now(), &options.host_names);
        let certified = options
            .https_port
            .is_some()
            .then(|| options.certificates.https(now, names));
        let (tls, ca_pem, ca_file) = match certified.transpose()? {
            Some(https) => (Some(https.tls), https.ca_pem, https.ca_file),
            None => (None, None, None),
        };
        let (stop, stopping) = watch::channel(false);
        let context = Context::new(options, Arc::clone(&world), ports, ca_pem, stopping)?;
        let context = Arc::new(context);
        let runtime = Builder::new_current_thread().enable_all().build();
        let no_loop = "the emulator could not start its event loop";
        let runtime = runtime.map_err(|error| Error::internal(no_loop).caused_by(error))?;
        let shared = Arc::clone(&context);
        let serving = async move {
            let bound = bound.into_iter().enumerate();
            let all = bound.map(|(resource, (http, https))| {
                let (shared, tls) = (&shared, tls.clone());
                let at = move |scheme| Listener { scheme, resource };
                async move {
                    let http = serve(shared, at("http"), http, None);
                    match https {
                        Some(https) => {
                            let https = serve(shared, at("https"), https, tls);
                            tokio::join!(http, https);
                        }
                        None => http.await,
                    }
                }
            });
            futures_util::future::join_all(all).await;
        };
        // The subscriber of this thread also receives the events of the emulator's thread.
        let subscriber = tracing::dispatcher::get_default(Clone::clone);
        let thread = std::thread::Builder::new()
            .name("emulator".to_owned())
            .spawn(move || {
                tracing::dispatcher::with_default(&subscriber, || runtime.block_on(serving));
            })
            .map_err(|error| {
                Error::internal("the emulator could not start its thread").caused_by(error)
            })?;
        let emulator = Emulator {
            context,
            world,
            stop,
            thread: Some(thread),
        };
        emulator.keep_own_secrets();
        if let Some(path) = ca_file {
            emulator.set_ca_file(&path);
        }
        Ok(emulator)
    }

    /// Returns `http://localhost:PORT`, without port 80. It is authority host and ACS endpoint. With
    /// [`Options::listen`], the first additional host name replaces `localhost`.
    pub fn http_url(&self) -> String {
        let port = self.context.main_ports().http;
        self.context.options.url("http", port)
    }

    /// Returns `https://localhost:PORT`, without port 443, if https is served. The host is that of
    /// [`Emulator::http_url`].
    pub fn https_url(&self) -> Option<String> {
        let port = self.context.main_ports().https?;
        Some(self.context.options.url("https", port))
    }

    /// Returns the PEM certificate of the authority for [`Emulator::https_url`], which is limited to the
    /// emulator's names; `None` if https has a certificate from files.
    pub fn ca_pem(&self) -> Option<String> {
        self.context.ca_pem.clone()
    }

    /// Sets the file with [`Emulator::ca_pem`] that the front page names to its readers.
    pub fn set_ca_file(&self, path: &Path) {
        self.context.state().ca_file = Some(path.display().to_string());
    }

    /// Sets the file with the system's certificates and [`Emulator::ca_pem`], to which the settings on
    /// the front page point clients.
    pub fn set_bundle(&self, path: &Path) {
        self.context.state().bundle = Some(path.to_owned());
    }

    /// Returns whether a Communication token is valid: issued here, not expired, its identity not
    /// deleted, and issued after that identity's last revocation. `GET /emulator/whoami` with the
    /// token as bearer does the same over HTTP: it responds with 200 and the claims, or 401. The
    /// service has neither.
    pub fn is_token_valid(&self, token: &str) -> bool {
        acs::token::accepted(&self.context, token).is_some()
    }

    /// Returns the latest 4096 requests, oldest first.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        let state = self.context.state();
        state.journal.after(0).map(LoggedRequest::from).collect()
    }

    /// Returns the number of all requests of this [`LoggedRequest::operation`].
    pub fn count(&self, operation: &str) -> usize {
        let state = self.context.state();
        let count = state.journal.counts.operations.get(operation);
        count.map_or(0, |count| usize::try_from(*count).unwrap_or(usize::MAX))
    }

    /// Returns every secret that the emulator has, issued or received. None of them may occur in a
    /// log, page or file. Empty unless [`Options::keep_secrets`] is set.
    pub fn secrets(&self) -> Vec<String> {
        self.context
            .state()
            .secrets
            .iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// Returns the user codes that can be entered at [`Emulator::device_page`] now, oldest first.
    pub fn user_codes(&self) -> Vec<String> {
        let now = self.context.now();
        self.context.state().devices.user_codes(now)
    }

    /// Returns the URL of the page for user codes.
    pub fn device_page(&self) -> String {
        format!("{}/devicelogin", self.http_url())
    }

    /// Sets the rate limits of the first resource. `None`, the default, is no limit.
    pub fn set_rate_limits(&self, limits: Option<RateLimits>) {
        let limits = limits.as_ref().map(SeedLimits::from);
        let changed = self.context.change(|seed| {
            if let Some(resource) = seed.resources.iter_mut().flatten().next() {
                resource.limits = limits;
            }
        });
        debug_assert!(changed.is_ok(), "limits are always valid: {changed:?}");
    }

    /// Sets the life of new Entra access tokens.
    pub fn set_token_life(&self, life: Duration) {
        self.context.state().token_life = life;
    }

    /// Revokes each Entra token that was issued before to a client with Continuous Access
    /// Evaluation. Each exchange then responds with 401 and a claims challenge, in the form that
    /// Microsoft documents for APIs. Microsoft does not publish whether the real resource does so.
    pub fn revoke_access(&self) {
        let now = self.context.now();
        self.context.state().access_revoked = Some(now);
    }

    /// Stops granting this scope, given by its short name (`Teams.ManageChats`).
    pub fn withhold_scope(&self, name: &str) {
        self.context.state().withheld.insert(name.to_owned());
    }

    /// Replaces this claim of new id_tokens, or removes it. The tokens have a valid signature.
    pub fn change_id_token(&self, claim: &str, value: Option<serde_json::Value>) {
        let mut state = self.context.state();
        state.id_token_claims.insert(claim.to_owned(), value);
    }

    /// Returns the OpenAPI document of the control API, which is below `/_emulator/v1`.
    pub fn control_api() -> serde_json::Value {
        control::document()
    }

    /// Adds a fault.
    pub fn add_fault(&self, fault: Fault) {
        self.context.state().faults.add(fault);
    }

    /// Adds a fault of the catalogue. Returns its id.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the selection is not valid.
    pub fn select_fault(&self, selection: FaultSelection) -> Result<u64> {
        let selected = self.context.select_fault(selection);
        selected.map_err(|wrong| {
            let text = format!("invalid `{}` of a fault: {}", wrong.field, wrong.message);
            Error::new(Kind::Usage, text, "See the emulator's catalogue of faults.")
        })
    }

    /// Returns the faults that are left, as JSON: the selection, `id`, `affected` and `left`.
    pub fn faults(&self) -> Vec<serde_json::Value> {
        self.context.state().faults.to_json()
    }

    /// Removes the fault with this id. Returns whether there was one.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.context.state().faults.remove(id)
    }

    /// Returns the seed of the faults with a probability.
    pub fn fault_seed(&self) -> u32 {
        self.context.state().faults.seed
    }

    /// Removes all faults, changed id_token claims and withheld scopes.
    pub fn clear_faults(&self) {
        let mut state = self.context.state();
        state.faults.clear();
        state.id_token_claims.clear();
        state.withheld.clear();
    }

    fn keep_own_secrets(&self) {
        let urls = [Some(self.http_url()), self.https_url()];
        let mut state = self.context.state();
        state.keep_secret(IDENTITY_HEADER);
        let applications = self.world.applications.iter();
        for secret in applications.flat_map(|app| &app.secrets) {
            state.keep_secret(secret);
        }
        let resources = self.world.resources.iter();
        for (_, key) in resources.flat_map(|resource| resource.keys.named()) {
            state.keep_secret(&key.text);
            state.keep_secret(&String::from_utf8_lossy(&key.bytes));
            for url in urls.iter().flatten() {
                state.keep_secret(&connection_string(url, key));
            }
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread is already printed; a second one here would hide it.
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

async fn serve(context: &Arc<Context>, at: Listener, bound: Bound, tls: Option<Arc<ServerConfig>>) {
    let (shared, stopping) = (Arc::clone(context), context.stopping.clone());
    let handler = handler(move |request| server::respond(shared.clone(), at, request));
    let served = match context.options.is_open() {
        true => serve_network(bound, tls, handler, LIMITS, stopping).await,
        false => loopback::serve::serve(bound, tls, handler, LIMITS, stopping).await,
    };
    if let Err(error) = served {
        tracing::error!(target: "acspass::emulator", "the emulator stopped: {error}");
    }
}
