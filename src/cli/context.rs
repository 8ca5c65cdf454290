//! The composition root: configuration and the outside world in, the real parts out.
//!
//! Nothing else constructs them. With `--emulator` it starts one and points the URLs at it; that
//! is all the difference there is.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};

use tokio::runtime::Runtime;

use crate::account::{Account, Tenancy};
use crate::acs::IdentityClient;
use crate::config::{self, Config, Profile, Setting, Sources};
use crate::emulator::{self, Emulator};
use crate::entra::Entra;
use crate::entra::browser::Browser;
use crate::error::{Error, Kind, Result};
use crate::http::{self, Http};
use crate::session::{Net, Overview, Session, Target, TokenRequest};
use crate::store::SessionStore;
use crate::text::quoted;
use crate::time::Clock;

use super::Folders;
use super::args::Global;
use super::clients::Clients;
use super::output::Messages;
use super::prompt::{self, Keyboard};
use super::stores;

/// The authority host of sessions with the embedded emulator.
pub(super) const EMULATOR: &str = "emulator";

/// What the world gave this run, and what was typed for every command.
pub(super) struct Environment {
    pub(super) variables: BTreeMap<String, String>,
    /// The variables whose values are not UTF-8.
    pub(super) raw_variables: BTreeMap<String, OsString>,
    pub(super) folders: Option<Folders>,
    pub(super) stderr_is_terminal: bool,
    /// How high that terminal is.
    pub(super) stderr_lines: Option<usize>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) browser: Option<Arc<dyn Browser>>,
    pub(super) listeners: fn() -> io::Result<Vec<TcpListener>>,
    pub(super) program: Option<PathBuf>,
    pub(super) global: Global,
    pub(super) messages: Messages,
    /// The place of the answers that the first run has kept, for a sentence.
    pub(super) saved_answers: OnceLock<String>,
    /// Whether the warning about the configuration file was given.
    pub(super) has_warned: AtomicBool,
}

impl Environment {
    /// Adds to an interruption what the first run has kept before it.
    pub(super) fn with_saved_answers_hint(&self, error: Error) -> Error {
        match (error.kind(), self.saved_answers.get()) {
            (Kind::Interrupted, Some(place)) => error.with_hint(format!(
                "your answers are kept in {place}; run the command again, and it goes on from there"
            )),
            _ => error,
        }
    }

    /// An environment variable; an empty one counts as unset.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.trim().is_empty())
    }

    /// Whether a person can be asked: what is said is seen, and what is typed is theirs.
    pub(super) fn is_interactive(&self, keyboard: &Keyboard) -> bool {
        keyboard.is_terminal && self.stderr_is_terminal
    }

    /// The listeners that a service manager handed over to this process.
    pub(super) fn inherited_listeners(&self) -> Result<Vec<TcpListener>> {
        (self.listeners)().map_err(|cause| {
            Error::new(
                Kind::Usage,
                "a socket that was handed over to this process (LISTEN_FDS) cannot be served",
                "hand over stream sockets that listen on 127.0.0.1 and [::1], as the units of \
                 `acspass serve --install` do",
            )
            .caused_by(cause)
        })
    }

    /// The profile that is meant. Without a home there is none to read: the emulator needs none.
    pub(super) fn profile(&self) -> Result<(String, Profile)> {
        if self.global.emulator && self.config_folder().is_err() {
            return Ok((config::DEFAULT_PROFILE.to_owned(), Profile::default()));
        }
        let file = self.config_file()?;
        config::choose_profile(self.global.profile.as_deref(), &self.variables, &file)
    }
}

/// The real parts of one run.
pub(super) struct Context<'w> {
    pub(super) env: &'w Environment,
    pub(super) config: Arc<Config>,
    pub(super) sessions: Arc<SessionStore>,
    clients: Arc<Clients>,
    emulator: Option<Emulator>,
}

impl<'w> Context<'w> {
    /// Reads the configuration and builds what costs nothing: no store is opened, no connection
    /// made. `flags` are the settings that were typed.
    pub(super) fn new(env: &'w Environment, flags: &BTreeMap<Setting, String>) -> Result<Self> {
        let (name, profile) = env.profile()?;
        Context::of_profile(env, flags, name, &profile)
    }

    /// As [`Context::new`], for a profile that is at hand.
    pub(super) fn of_profile(
        env: &'w Environment,
        flags: &BTreeMap<Setting, String>,
        name: String,
        profile: &Profile,
    ) -> Result<Self> {
        let emulator = match env.global.emulator {
            true => Some(Emulator::start(emulator::Options {
                clock: env.clock.clone(),
                keep_secrets: false,
                // A session in a named store was begun with an emulator that is gone.
                takes_sibling_tokens: true,
                ..emulator::Options::default()
            })?),
            false => None,
        };
        let stand_ins = emulator.as_ref().map(emulator_settings).unwrap_or_default();
        let sources = Sources {
            flags,
            emulator: &stand_ins,
            variables: &env.variables,
            profile,
        };
        let config = Arc::new(Config::resolve(name, &sources)?);
        let sessions = Arc::new(stores::configured_store(env, config.store)?);
        let http = Arc::new(Http::new(http::Options {
            authorities: config::authority_files(|name| env.path_variable(name)),
            adds_system_bundle: config::leaves_out_system_authorities(&env.variables),
            proxies: config::proxies(&env.variables),
            ..http::Options::default()
        }));
        let clients = Arc::new(Clients {
            config: config.clone(),
            sessions: sessions.clone(),
            http,
            clock: env.clock.clone(),
            environment: env.variables.clone(),
            principal: Mutex::default(),
        });
        Ok(Context {
            env,
            config,
            sessions,
            clients,
            emulator,
        })
    }

    /// What sessions belong to.
    pub(super) fn tenancy(&self) -> Result<Tenancy> {
        let mut tenancy = self.config.tenancy()?;
        if self.emulator.is_some() {
            // Its port is another one in every run, and it is always the same emulator.
            EMULATOR.clone_into(&mut tenancy.authority_host);
        }
        Ok(tenancy)
    }

    pub(super) fn session(&self) -> Result<Session> {
        Ok(Session::new(
            self.sessions.clone(),
            self.env.clock.clone(),
            self.tenancy()?,
        ))
    }

    /// The wish for the configured Communication token, or for the Entra token.
    pub(super) fn token_request(&self, entra: bool) -> Result<TokenRequest> {
        let target = match entra {
            true => Target::Entra(self.config.scopes.clone()),
            false => Target::Communication(self.clients.token_source(&self.config.resource()?)),
        };
        Ok(TokenRequest::new(target, self.config.min_validity))
    }

    pub(super) fn http(&self) -> &Arc<Http> {
        &self.clients.http
    }

    /// What leads to the services, for whoever outlives this call.
    pub(super) fn clients(&self) -> Arc<Clients> {
        self.clients.clone()
    }

    /// Entra ID, for the configured application.
    pub(super) fn entra(&self) -> Result<Entra> {
        self.clients.entra()
    }

    /// What a renewal needs; the resource's key is fetched only now.
    pub(super) fn net(&self, with_exchange: bool) -> Result<Net> {
        self.clients.net(with_exchange)
    }

    /// The ACS resource, as its owner.
    pub(super) fn identity_client(&self) -> Result<IdentityClient> {
        self.clients.identity_client()
    }

    /// The accounts of the configured application and tenant, as the index has them.
    pub(super) fn overview(&self, most: usize) -> Result<Overview> {
        self.clients.overview(self.tenancy().ok().as_ref(), most)
    }

    /// Resolves the typed name of an account. The embedded emulator's users are all known, signed in
    /// or not: under it the name may be a prefix, and the whole username is returned. Else the text
    /// is returned as it was typed.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the name fits several accounts, or none.
    pub(super) fn requested_account(&self, account: Option<&str>) -> Result<Option<String>> {
        let (Some(name), Some(emulator)) = (account, &self.emulator) else {
            return Ok(account.map(str::to_owned));
        };
        let users = emulated_accounts(emulator);
        match self.session()?.named_among(name, &users)? {
            Some(account) => Ok(Some(account.username)),
            None => Err(unknown_user(name, &users)),
        }
    }

    /// The user that the embedded emulator signs in, if it is the authority: the one with this
    /// username, or else the first one.
    pub(super) fn emulated_user(&self, username: Option<&str>) -> Option<&str> {
        let emulator = self.emulator.as_ref()?;
        let named = username.and_then(|username| {
            let mut users = emulator.users().into_iter().map(|user| user.username);
            users.find(|user| user.eq_ignore_ascii_case(username))
        });
        named.or_else(|| Some(emulator.username()))
    }

    /// Runs what needs the network, until it ends or the user interrupts. The runtime is born
    /// here and dies with the call: with one thread, since one thing is done at a time.
    pub(super) fn block_on<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        block_on(work)
    }
}

/// A runtime with one thread: one thing is done at a time, and answers from memory need no more.
pub(super) fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal("no runtime could be started").caused_by(error))
}

/// See [`Context::block_on`].
pub(super) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    block_on_uninterrupted(async {
        tokio::select! {
            biased;
            outcome = work => outcome,
            () = interrupted() => Err(prompt::interrupted()),
        }
    })
}

/// The same for what minds signals by itself.
pub(super) fn block_on_uninterrupted<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    runtime()?.block_on(work)
}

/// Ends once the user or the system wants the program to stop.
#[cfg(unix)]
pub(super) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let wait = |kind| async move {
        match signal(kind) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            // Then the signal still ends the process, only less gently.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => {}
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::hangup()) => {}
    }
}

#[cfg(not(unix))]
pub(super) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The name of the item that keeps a profile's connection string.
pub(super) fn stored_name(profile: &str) -> String {
    format!("connection-string of profile {profile}")
}

/// The emulator's users as accounts at home.
fn emulated_accounts(emulator: &Emulator) -> Vec<Account> {
    let users = emulator.users().into_iter();
    users
        .map(|user| Account {
            home_account_id: format!("{}.{}", user.object_id, user.tenant_id),
            username: user.username.to_owned(),
            tenant_id: user.tenant_id.to_owned(),
            object_id: user.object_id.to_owned(),
        })
        .collect()
}

fn unknown_user(name: &str, users: &[Account]) -> Error {
    let names: Vec<&str> = users.iter().map(|user| user.username.as_str()).collect();
    Error::new(
        Kind::Usage,
        format!("the emulator has no user {}", quoted(name)),
        format!("name one of its users:\n\n  {}", names.join("\n  ")),
    )
}

fn emulator_settings(emulator: &Emulator) -> BTreeMap<Setting, String> {
    BTreeMap::from([
        (Setting::AuthorityHost, emulator.http_url()),
        (Setting::Tenant, emulator.tenant_id().to_owned()),
        (Setting::ClientId, emulator.client_id().to_owned()),
        (Setting::Endpoint, emulator.http_url()),
        (Setting::ConnectionString, emulator.connection_string()),
    ])
}
