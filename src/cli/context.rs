//! Builds the configuration, the store and the clients of one command from the [`Environment`].
//!
//! Connections and TLS settings are made on first use, so that a command with a cached token makes none. With `--emulator`
//! the context starts an emulator and sets the addresses of the services to it.

use std::sync::{Arc, OnceLock};

use crate::account::{Account, EntraApplication};
use crate::acs::resource_credential::{self, EntraPrincipal};
use crate::acs::{ConnectionString, DirectExchange, Endpoint, IdentityClient, ResourceAuth};
use crate::config::{
    self, Config, KeySource, MissingSetting, Purpose, Setting, Sources, with_source,
};
use crate::emulator::{self, Emulator};
use crate::entra::{Entra, MetadataCache};
use crate::error::{Error, Result};
use crate::exchange::{CommunicationTokenSource, ExchangeKind};
use crate::exchange_client::ExchangeClient;
use crate::http::{self, Http};
use crate::secret::AccessKey;
use crate::session::{Exchange, Overview, RenewalServices, Sessions, TokenKind, TokenRequest};
use crate::store::{IndexPage, SessionStore};
use crate::text::quoted;
use crate::time::LocalClocks;

use super::env_vars as var;
pub(super) use super::environment::Flags;
use super::environment::{EMULATOR, Environment};
use super::stores::{configured_store, metadata_cache};

/// The configuration, store and clients of one command.
pub(super) struct Context {
    pub(super) env: Arc<Environment>,
    pub(super) config: Config,
    pub(super) session_store: Arc<SessionStore>,
    pub(super) http: Arc<Http>,
    metadata: Arc<MetadataCache>,
    principal: OnceLock<EntraPrincipal>,
    emulator: Option<Emulator>,
}

/// A context whose configuration lacks settings that have no default.
pub(super) struct NotConfigured {
    pub(super) context: Context,
    pub(super) missing: Vec<MissingSetting>,
}

impl Context {
    /// Reads the configuration, and starts the emulator that `--emulator` asks for. Opens no store
    /// and no connection.
    pub(super) fn new(env: &Arc<Environment>, flags: &Flags) -> Result<Self> {
        env.flags.get_or_init(|| flags.clone());
        let (name, profile) = env.profile()?;
        let emulator = match env.global.emulator {
            true => Some(Emulator::start(emulator::Options {
                clock: env.clock.clone(),
                keep_secrets: false,
                // A session in a named store is from an emulator that has ended.
                takes_sibling_tokens: true,
                ..emulator::Options::default()
            })?),
            false => None,
        };
        let emulated = emulator
            .as_ref()
            .map(|emulator| emulator_settings(emulator, &env.sources(&profile)))
            .unwrap_or_default();
        let sources = Sources {
            flags,
            emulator: &emulated,
            ..env.sources(&profile)
        };
        let config = Config::resolve(name, &sources)?;
        Ok(Context {
            session_store: Arc::new(configured_store(env, config.store)?),
            metadata: Arc::new(metadata_cache(env, config.store)?),
            http: Arc::new(Http::new(http::Options {
                ca_files: config::ca_files(|name| env.path_variable(name)),
                needs_system_bundle: config::platform_loader_omits_system_cas(&env.variables),
                proxies: config::proxies(&env.variables),
                ..http::Options::default()
            })),
            env: env.clone(),
            config,
            principal: OnceLock::new(),
            emulator,
        })
    }

    /// Returns the context if its settings suffice for this purpose.
    pub(super) fn require_settings(self, purpose: Purpose) -> Result<Self, Box<NotConfigured>> {
        let missing = self.config.missing(purpose);
        match missing.is_empty() {
            true => Ok(self),
            false => Err(Box::new(NotConfigured {
                context: self,
                missing,
            })),
        }
    }

    /// Returns the authority, tenant and application under which sessions are stored.
    pub(super) fn application(&self) -> Result<EntraApplication> {
        let mut application = self.config.application()?;
        if self.emulator.is_some() {
            // Its port differs in each run, and its sessions are the same.
            EMULATOR.clone_into(&mut application.authority_host);
        }
        Ok(application)
    }

    /// Returns the sessions of the configured application.
    pub(super) fn sessions(&self) -> Result<Sessions> {
        let (sessions, clock) = (self.session_store.clone(), self.env.clock.clone());
        Ok(Sessions::new(sessions, clock, self.application()?))
    }

    /// Returns the request for the configured Communication token, or for the Entra token.
    pub(super) fn token_request(&self, entra: bool) -> Result<TokenRequest> {
        let config = &self.config;
        if entra {
            let kind = TokenKind::Entra(config.scopes.clone());
            return Ok(TokenRequest::new(kind, config.min_validity));
        }
        let (issuer, service_scopes) = match config.uses_exchange_service() {
            true => {
                let service = config.exchange_service()?;
                (service.url.as_str().to_owned(), service.further_scopes())
            }
            false => {
                let endpoint = config.resource()?.endpoint;
                (endpoint.as_str().to_owned(), Vec::new())
            }
        };
        let kind = TokenKind::Communication(self.communication_token_source(issuer));
        let mut request = TokenRequest::new(kind, config.min_validity);
        request.service_scopes = service_scopes;
        Ok(request)
    }

    /// Returns the source of tokens from this endpoint or exchange service.
    fn communication_token_source(&self, issuer: String) -> CommunicationTokenSource {
        CommunicationTokenSource {
            endpoint: issuer,
            exchange: self.config.exchange,
            scopes: self.config.scopes.clone(),
        }
    }

    /// Returns the address of the exchange service or the endpoint of the resource, if one is configured.
    fn configured_issuer(&self) -> Option<String> {
        let config = &self.config;
        if config.uses_exchange_service() {
            let service = config.exchange_service_unchecked().ok()?;
            return Some(service.url.as_str().to_owned());
        }
        let resource = config.resource_unchecked().ok()?;
        Some(resource.endpoint.as_str().to_owned())
    }

    /// Returns at most `most` accounts from the index, the active one first. Without a client id
    /// there is none.
    pub(super) fn overview(&self, most: usize) -> Result<Overview> {
        let issuer = self.configured_issuer();
        Ok(Overview {
            shown: match self.application() {
                Ok(application) => self.session_store.list(&application, most)?,
                Err(_) => IndexPage::default(),
            },
            source: issuer.map(|issuer| self.communication_token_source(issuer)),
            scopes: self.config.scopes.clone(),
            needs_second_token: self.config.needs_two_tokens(),
            min_validity: self.config.min_validity,
            now: LocalClocks::read(self.env.clock.as_ref()),
        })
    }

    /// Resolves the account from the command line. The embedded emulator's users are all known,
    /// signed in or not: with it, the name may be a prefix, and the whole username is returned. Else
    /// the name is returned unchanged.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the name fits several accounts, or none.
    pub(super) fn requested_account(&self, account: Option<&str>) -> Result<Option<String>> {
        let (Some(name), Some(emulator)) = (account, &self.emulator) else {
            return Ok(account.map(str::to_owned));
        };
        let users = emulated_accounts(emulator);
        match self.sessions()?.find_session_among(name, &users)? {
            Some(account) => Ok(Some(account.username)),
            None => Err(unknown_user(name, &users)),
        }
    }

    /// Returns the user that the embedded emulator signs in: the one with this username, or else
    /// the first one. `None` without an embedded emulator.
    pub(super) fn emulated_user(&self, username: Option<&str>) -> Option<&str> {
        let emulator = self.emulator.as_ref()?;
        let mut users = emulator.users().into_iter().map(|user| user.username);
        username
            .and_then(|username| users.find(|user| user.eq_ignore_ascii_case(username)))
            .or_else(|| Some(emulator.username()))
    }

    /// Creates the client of Entra ID for the configured application.
    pub(super) fn entra(&self) -> Result<Entra> {
        let (http, clock) = (self.http.clone(), self.env.clock.clone());
        let authority = self.config.authority.clone();
        let entra = Entra::new(http, clock, authority, self.config.application()?.client_id)
            .with_metadata_cache(self.metadata.clone());
        let service = self.config.exchange_service_unchecked();
        let service = service.ok().filter(|_| self.config.uses_exchange_service());
        let entra = match service {
            Some(service) => entra.with_further_consent(service.further_scopes()),
            None => entra,
        };
        Ok(match self.config.continuous_access {
            true => entra.with_continuous_access(),
            false => entra,
        })
    }

    /// Creates the clients for a renewal. Reads the resource's key if it is in the store.
    pub(super) fn renewal_services(&self, with_exchange: bool) -> Result<RenewalServices> {
        let exchange = match self.config.exchange {
            _ if !with_exchange => None,
            ExchangeKind::Key => Some(Exchange::WithResourceCredential(self.identity_client()?)),
            ExchangeKind::Service => Some(Exchange::Service {
                client: self.exchange_client()?,
                is_on_behalf_of: self.config.requests_on_behalf_of(),
            }),
            ExchangeKind::Entra | ExchangeKind::TeamsExtension => {
                let endpoint = self.config.resource()?.endpoint;
                let hosts = self.config.allowed_hosts.clone();
                let (http, clock) = (self.http.clone(), self.env.clock.clone());
                Some(Exchange::Direct(DirectExchange::new(
                    http, clock, endpoint, hosts,
                )))
            }
        };
        let entra = self.entra()?;
        Ok(RenewalServices { entra, exchange })
    }

    /// Creates the client of the configured exchange service.
    pub(super) fn exchange_client(&self) -> Result<ExchangeClient> {
        let service = self.config.exchange_service_unchecked()?;
        let hosts = self.config.allowed_hosts.clone();
        Ok(ExchangeClient::new(self.http.clone(), service.url, hosts))
    }

    /// Creates a client of the ACS resource with its key, or else with the principal that the
    /// environment names.
    pub(super) fn identity_client(&self) -> Result<IdentityClient> {
        let resource = self.config.resource_unchecked()?;
        let auth = match &resource.key {
            KeySource::Given(access_key) => ResourceAuth::Key(access_key.clone()),
            KeySource::Stored => ResourceAuth::Key(self.stored_key()?),
            KeySource::None => ResourceAuth::Entra(self.principal()?),
        };
        Ok(self.identity_client_with(resource.endpoint, auth))
    }

    /// Creates a client of this ACS resource.
    pub(super) fn identity_client_with(
        &self,
        endpoint: Endpoint,
        auth: ResourceAuth,
    ) -> IdentityClient {
        IdentityClient::new(endpoint, auth)
            .with_http(self.http.clone())
            .with_clock(self.env.clock.clone())
            .with_allowed_hosts(self.config.allowed_hosts.clone())
    }

    /// Returns the principal that the environment names. All clients share it, and so its token.
    fn principal(&self) -> Result<EntraPrincipal> {
        if let Some(principal) = self.principal.get() {
            return Ok(principal.clone());
        }
        let (http, clock) = (self.http.clone(), self.env.clock.clone());
        let made = resource_credential::from_environment(&self.env.variables, http, clock)?;
        Ok(self.principal.get_or_init(|| made.into()).clone())
    }

    /// Returns the endpoint of the resource if this machine has its key, or if the environment names
    /// a principal. Contacts no service and reads no store.
    pub(super) fn endpoint_with_credential(&self) -> Result<Endpoint> {
        let resource = self.config.resource_unchecked()?;
        let is_set = |name: &&str| self.env.variable(name).is_some();
        match resource.key {
            KeySource::None if !var::PRINCIPAL.iter().any(is_set) => Err(Error::usage(
                "no access key and no role for the resource is configured",
                "Run `acspass config set connection-string`, then start the service again. Or set \
                 AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET to a principal that has \
                 a role on the resource.",
            )),
            _ => Ok(resource.endpoint),
        }
    }

    fn stored_key(&self) -> Result<AccessKey> {
        let name = stored_name(&self.config.profile);
        let stored = self.session_store.load_secret(&name)?.ok_or_else(|| {
            Error::usage(
                "the store no longer has the profile's connection string",
                "Run `acspass config set connection-string`.",
            )
        })?;
        let text = String::from_utf8_lossy(stored.expose());
        ConnectionString::parse(&text)
            .map(|read| read.access_key)
            .map_err(|error| with_source(error, "the store"))
    }
}

/// Returns the name of the store's item with a profile's connection string.
pub(super) fn stored_name(profile: &str) -> String {
    format!("connection-string of profile {profile}")
}

/// Returns the emulator's users as members of its tenant.
fn emulated_accounts(emulator: &Emulator) -> Vec<Account> {
    let users = emulator.users().into_iter().map(|user| Account {
        home_account_id: format!("{}.{}", user.object_id, user.tenant_id),
        username: user.username.to_owned(),
        tenant_id: user.tenant_id.to_owned(),
        object_id: user.object_id.to_owned(),
    });
    users.collect()
}

fn unknown_user(name: &str, users: &[Account]) -> Error {
    let names: Vec<&str> = users.iter().map(|user| user.username.as_str()).collect();
    Error::usage(
        format!("the emulator has no user {}", quoted(name)),
        format!("Use one of its users:\n\n  {}", names.join("\n  ")),
    )
}

/// Returns the settings that lead to the emulator. It has the resource's key, and no exchange service.
fn emulator_settings(emulator: &Emulator, sources: &Sources<'_>) -> Flags {
    let mut settings = Flags::from([
        (Setting::AuthorityHost, emulator.http_url()),
        (Setting::Tenant, emulator.tenant_id().to_owned()),
        (Setting::ClientId, emulator.client_id().to_owned()),
        (Setting::Endpoint, emulator.http_url()),
        (Setting::ConnectionString, emulator.connection_string()),
    ]);
    let exchange = sources.find(Setting::Exchange);
    let exchange = exchange.and_then(|found| config::parse_exchange(&found.text).ok());
    if exchange == Some(ExchangeKind::Service) {
        settings.insert(Setting::Exchange, "key".to_owned());
    }
    settings
}
