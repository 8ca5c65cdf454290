//! The composition root: configuration and the outside world in, the real parts out.
//!
//! Nothing else constructs them. With `--emulator` it starts one and points the URLs at it; that
//! is all the difference there is.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use crate::account::Tenancy;
use crate::acs::{
    ConnectionString, DirectExchange, IdentityClient, ResourceAuth, resource_credential,
};
use crate::config::{self, Config, ConfigFile, KeySource, Profile, Resource, Setting, Sources};
use crate::emulator::{self, Emulator};
use crate::entra::Entra;
use crate::entra::browser::Browser;
use crate::error::{Error, Kind, Result};
use crate::exchange::{ExchangeKind, TokenSource};
use crate::http::{self, Http};
use crate::secret::AccessKey;
use crate::session::{Exchange, Net, Session, Target, Wish};
use crate::store::Vault;
use crate::time::Clock;

use super::Folders;
use super::args::Global;
use super::keyboard::{self, Keyboard};
use super::output::Talk;
use super::vaults;

/// The authority host of sessions with the embedded emulator.
pub(super) const EMULATOR: &str = "emulator";

/// What the world gave this run, and what was typed for every command.
pub(super) struct World {
    pub(super) environment: BTreeMap<String, String>,
    pub(super) folders: Option<Folders>,
    pub(super) stderr_is_terminal: bool,
    /// How high that terminal is.
    pub(super) stderr_lines: Option<usize>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) browser: Option<Arc<dyn Browser>>,
    pub(super) global: Global,
    pub(super) talk: Talk,
}

impl World {
    /// An environment variable; an empty one counts as unset.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.environment
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.trim().is_empty())
    }

    /// Whether a person can be asked: what is said is seen, and what is typed is theirs.
    pub(super) fn somebody_is_there(&self, keyboard: &Keyboard) -> bool {
        keyboard.is_terminal && self.stderr_is_terminal
    }

    /// The configuration file.
    pub(super) fn config_file(&self) -> Result<ConfigFile> {
        ConfigFile::read(self.config_folder()?.join("config.toml"))
    }

    fn config_folder(&self) -> Result<PathBuf> {
        self.folder("ACSPASS_CONFIG_DIR", |folders| &folders.config)
    }

    pub(super) fn state_folder(&self) -> Result<PathBuf> {
        self.folder("ACSPASS_STATE_DIR", |folders| &folders.state)
    }

    fn folder(&self, variable: &str, own: impl Fn(&Folders) -> &PathBuf) -> Result<PathBuf> {
        if let Some(path) = self.variable(variable) {
            return Ok(PathBuf::from(path));
        }
        self.folders
            .as_ref()
            .map(|folders| own(folders).clone())
            .ok_or_else(|| {
                Error::new(
                    Kind::Usage,
                    "this user has no home folder to keep anything in",
                    format!("set HOME, or name a folder in {variable}"),
                )
            })
    }

    /// The profile that is meant. Without a home there is none to read: the emulator needs none.
    pub(super) fn profile(&self) -> Result<(String, Profile)> {
        if self.global.emulator && self.config_folder().is_err() {
            return Ok((config::DEFAULT_PROFILE.to_owned(), Profile::default()));
        }
        let file = self.config_file()?;
        config::choose_profile(self.global.profile.as_deref(), &self.environment, &file)
    }
}

/// The real parts of one run.
pub(super) struct Parts<'w> {
    pub(super) world: &'w World,
    pub(super) config: Config,
    pub(super) vault: Arc<Vault>,
    http: Arc<Http>,
    emulator: Option<Emulator>,
}

impl<'w> Parts<'w> {
    /// Reads the configuration and builds what costs nothing: no store is opened, no connection
    /// made. `flags` are the settings that were typed.
    pub(super) fn new(world: &'w World, flags: &BTreeMap<Setting, String>) -> Result<Self> {
        let (name, profile) = world.profile()?;
        Parts::of_profile(world, flags, name, &profile)
    }

    /// As [`Parts::new`], for a profile that is at hand.
    pub(super) fn of_profile(
        world: &'w World,
        flags: &BTreeMap<Setting, String>,
        name: String,
        profile: &Profile,
    ) -> Result<Self> {
        let emulator = match world.global.emulator {
            true => Some(Emulator::start(emulator::Options {
                clock: world.clock.clone(),
                keep_secrets: false,
                // A session in a named store was begun with an emulator that is gone.
                takes_sibling_tokens: true,
                ..emulator::Options::default()
            })?),
            false => None,
        };
        let stand_ins = emulator.as_ref().map(stand_ins).unwrap_or_default();
        let sources = Sources {
            flags,
            emulator: &stand_ins,
            environment: &world.environment,
            profile,
        };
        let config = Config::resolve(name, &sources)?;
        let vault = Arc::new(vaults::chosen(world, &config)?);
        let http = Arc::new(Http::new(http::Options {
            authorities: config::authority_files(&world.environment),
            adds_system_bundle: config::leaves_out_system_authorities(&world.environment),
            proxies: config::proxies(&world.environment),
            ..http::Options::default()
        }));
        Ok(Parts {
            world,
            config,
            vault,
            http,
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
            self.vault.clone(),
            self.world.clock.clone(),
            self.tenancy()?,
        ))
    }

    /// The wish for the configured Communication token, or for the Entra token.
    pub(super) fn wish(&self, entra: bool) -> Result<Wish> {
        let target = match entra {
            true => Target::Entra,
            false => Target::Communication(self.token_source(&self.config.resource()?)),
        };
        Ok(Wish {
            target,
            scopes: self.config.scopes.clone(),
            min_validity: self.config.min_validity,
            force: false,
        })
    }

    pub(super) fn token_source(&self, resource: &Resource) -> TokenSource {
        TokenSource {
            endpoint: resource.endpoint.as_str().to_owned(),
            exchange: self.config.exchange,
            scopes: self.config.scopes.clone(),
        }
    }

    pub(super) fn http(&self) -> &Arc<Http> {
        &self.http
    }

    /// Entra ID, for the configured application.
    pub(super) fn entra(&self) -> Result<Entra> {
        let client_id = self.config.tenancy()?.client_id;
        let entra = Entra::new(
            self.http.clone(),
            self.world.clock.clone(),
            self.config.authority.clone(),
            client_id,
        );
        Ok(match self.config.continuous_access {
            true => entra.with_continuous_access(),
            false => entra,
        })
    }

    /// What a renewal needs; the resource's key is fetched only now.
    pub(super) fn net(&self, with_exchange: bool) -> Result<Net> {
        let exchange = match (with_exchange, self.config.exchange) {
            (false, _) => None,
            (true, ExchangeKind::Key) => Some(Exchange::AsOwner(self.identity_client()?)),
            (true, ExchangeKind::Entra | ExchangeKind::TeamsExtension) => {
                Some(Exchange::Direct(DirectExchange::new(
                    self.http.clone(),
                    self.world.clock.clone(),
                    self.config.resource()?.endpoint.clone(),
                    self.config.allowed_hosts.clone(),
                )))
            }
        };
        Ok(Net {
            entra: self.entra()?,
            exchange,
        })
    }

    /// The ACS resource, as its owner: with its key, or else as the principal that the environment
    /// names.
    pub(super) fn identity_client(&self) -> Result<IdentityClient> {
        let resource = self.config.any_resource()?;
        let clock = self.world.clock.clone();
        let auth = match &resource.key {
            KeySource::Given(access_key) => ResourceAuth::Key(access_key.clone()),
            KeySource::Stored => ResourceAuth::Key(self.stored_key()?),
            KeySource::None => ResourceAuth::Entra(resource_credential::from_environment(
                &self.world.environment,
                self.http.clone(),
                clock.clone(),
            )?),
        };
        Ok(IdentityClient::new(resource.endpoint.clone(), auth)
            .with_http(self.http.clone())
            .with_clock(clock)
            .with_allowed_hosts(self.config.allowed_hosts.clone()))
    }

    fn stored_key(&self) -> Result<AccessKey> {
        let name = stored_name(&self.config.profile);
        let stored = self.vault.load_secret(&name)?.ok_or_else(|| {
            Error::new(
                Kind::Usage,
                "the profile's connection string is not in the store any more",
                "run `acspass config set connection-string`",
            )
        })?;
        ConnectionString::parse(&String::from_utf8_lossy(stored.expose()))
            .map(|read| read.access_key)
    }

    /// Whom the embedded emulator signs in, where it is the authority.
    pub(super) fn emulated_user(&self) -> Option<&str> {
        self.emulator.as_ref().map(Emulator::username)
    }

    /// Runs what needs the network, until it ends or the user interrupts. The runtime is born
    /// here and dies with the call: with one thread, since one thing is done at a time.
    pub(super) fn block_on<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        block_on(work)
    }
}

/// See [`Parts::block_on`].
pub(super) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    block_on_uninterrupted(async {
        tokio::select! {
            biased;
            outcome = work => outcome,
            () = interrupted() => Err(keyboard::interrupted()),
        }
    })
}

/// The same for what minds signals by itself.
pub(super) fn block_on_uninterrupted<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal("no runtime could be started").caused_by(error))?
        .block_on(work)
}

#[cfg(unix)]
async fn interrupted() {
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
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The name of the item that keeps a profile's connection string.
pub(super) fn stored_name(profile: &str) -> String {
    format!("connection-string of profile {profile}")
}

fn stand_ins(emulator: &Emulator) -> BTreeMap<Setting, String> {
    BTreeMap::from([
        (Setting::AuthorityHost, emulator.http_url()),
        (Setting::Tenant, emulator.tenant_id().to_owned()),
        (Setting::ClientId, emulator.client_id().to_owned()),
        (Setting::Endpoint, emulator.http_url()),
        (Setting::ConnectionString, emulator.connection_string()),
    ])
}
