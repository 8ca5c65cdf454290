//! What leads to the services: configuration, the HTTP client and the store, owned, so that a
//! service's tasks can make clients as a command does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::account::Tenancy;
use crate::acs::resource_credential::{self, EntraPrincipal};
use crate::acs::{ConnectionString, DirectExchange, Endpoint, IdentityClient, ResourceAuth};
use crate::config::{Config, KeySource, Resource};
use crate::entra::Entra;
use crate::error::{Error, Kind, Result};
use crate::exchange::{ExchangeKind, TokenSource};
use crate::http::Http;
use crate::secret::AccessKey;
use crate::session::{Exchange, Net, Overview};
use crate::store::{IndexPage, SessionStore};
use crate::time::{Clock, Moment};

use super::context::stored_name;

/// What shows that the environment names a principal for the resource.
const PRINCIPAL: [&str; 5] = [
    "AZURE_CLIENT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_TOKEN_CREDENTIALS",
    "IDENTITY_ENDPOINT",
    "MSI_ENDPOINT",
];

/// See the module.
pub(super) struct Clients {
    pub(super) config: Arc<Config>,
    pub(super) sessions: Arc<SessionStore>,
    pub(super) http: Arc<Http>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) principal: Mutex<Option<EntraPrincipal>>,
}

impl Clients {
    /// Entra ID, for the configured application.
    pub(super) fn entra(&self) -> Result<Entra> {
        let client_id = self.config.tenancy()?.client_id;
        let entra = Entra::new(
            self.http.clone(),
            self.clock.clone(),
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
                    self.clock.clone(),
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
        let clock = self.clock.clone();
        let auth = match &resource.key {
            KeySource::Given(access_key) => ResourceAuth::Key(access_key.clone()),
            KeySource::Stored => ResourceAuth::Key(self.stored_key()?),
            KeySource::None => ResourceAuth::Entra(self.principal()?),
        };
        Ok(IdentityClient::new(resource.endpoint.clone(), auth)
            .with_http(self.http.clone())
            .with_clock(clock)
            .with_allowed_hosts(self.config.allowed_hosts.clone()))
    }

    /// The principal that the environment names. All clients share it, and thus its token.
    fn principal(&self) -> Result<EntraPrincipal> {
        let mut principal = self
            .principal
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(principal) = &*principal {
            return Ok(principal.clone());
        }
        let credential = resource_credential::from_environment(
            &self.environment,
            self.http.clone(),
            self.clock.clone(),
        )?;
        Ok(principal.insert(credential.into()).clone())
    }

    /// Where the resource is, where this machine is its owner: it has the key, or the environment
    /// names a principal. Nothing is contacted, and no store is read.
    pub(super) fn resource_auth(&self) -> Result<Endpoint> {
        let resource = self.config.any_resource()?;
        let names_principal = PRINCIPAL.iter().any(|name| {
            self.environment
                .get(*name)
                .is_some_and(|text| !text.trim().is_empty())
        });
        match resource.key {
            KeySource::None if !names_principal => Err(Error::new(
                Kind::Usage,
                "no access key and no role for the resource is configured",
                "run `acspass config set connection-string` and start the service again; or let \
                 AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET name a principal that \
                 has a role there",
            )),
            _ => Ok(resource.endpoint),
        }
    }

    fn stored_key(&self) -> Result<AccessKey> {
        let name = stored_name(&self.config.profile);
        let stored = self.sessions.load_secret(&name)?.ok_or_else(|| {
            Error::new(
                Kind::Usage,
                "the profile's connection string is not in the store any more",
                "run `acspass config set connection-string`",
            )
        })?;
        ConnectionString::parse(&String::from_utf8_lossy(stored.expose()))
            .map(|read| read.access_key)
    }

    /// So many accounts at most, the active one first; without a tenancy nobody can be signed in.
    pub(super) fn overview(&self, tenancy: Option<&Tenancy>, most: usize) -> Result<Overview> {
        Ok(Overview {
            shown: match tenancy {
                Some(tenancy) => self.sessions.first(tenancy, most)?,
                None => IndexPage::default(),
            },
            source: self
                .config
                .any_resource()
                .ok()
                .map(|resource| self.token_source(&resource)),
            scopes: self.config.scopes.clone(),
            min_validity: self.config.min_validity,
            now: Moment::now(self.clock.as_ref()),
        })
    }

    pub(super) fn token_source(&self, resource: &Resource) -> TokenSource {
        TokenSource {
            endpoint: resource.endpoint.as_str().to_owned(),
            exchange: self.config.exchange,
            scopes: self.config.scopes.clone(),
        }
    }
}
