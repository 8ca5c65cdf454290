//! [`TeamsSessionBuilder`]: the settings of a session, checked as a whole.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use etcetera::app_strategy::{AppStrategy, AppStrategyArgs, choose_native_strategy};

use super::user_session::{Issuer, SessionState, Settings, TeamsSession};
use crate::account::EntraApplication;
use crate::acs::ResourceAuth;
use crate::config::{GivenResource, default_scopes, parse_scopes, parse_service_scope};
use crate::entra::browser::{Browser, SystemBrowser};
use crate::entra::redirect::RedirectUri;
use crate::entra::{Authority, MetadataCache, check_client_id};
use crate::error::{Error, Kind, Result};
use crate::exchange::{CommunicationTokenSource, ExchangeKind};
use crate::exchange_client::ServiceUrl;
use crate::files::Folder;
use crate::http::Http;
use crate::session::{Sessions, TokenKind, TokenRequest};
use crate::store::{KeyringStore, SessionStore, TokenStore};
use crate::time::{Clock, SystemClock};

const AUTHORITY_HOST: &str = "login.microsoftonline.com";
const MIN_VALIDITY: Duration = Duration::from_secs(600);

/// The settings of a [`TeamsSession`]. Those that are not set have the defaults of the command.
#[derive(Default)]
pub struct TeamsSessionBuilder {
    tenant: Option<String>,
    client_id: Option<String>,
    resource: Option<String>,
    authority_host: Option<String>,
    scopes: Option<String>,
    exchange: Option<ExchangeKind>,
    resource_auth: Option<ResourceAuth>,
    /// The address and the scope of an exchange service.
    exchange_service: Option<(String, String)>,
    is_on_behalf_of: bool,
    min_validity: Option<Duration>,
    store: Option<Box<dyn TokenStore>>,
    state_folder: Option<PathBuf>,
    has_no_folder: bool,
    browser: Option<Arc<dyn Browser>>,
    clock: Option<Arc<dyn Clock>>,
    /// The settings that requests use.
    settings: Settings,
}

impl TeamsSession {
    /// Returns a builder with the defaults of the command.
    pub fn builder() -> TeamsSessionBuilder {
        TeamsSessionBuilder::default()
    }
}

impl TeamsSessionBuilder {
    /// The tenant, by id or domain. Required.
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// The client id of the application. Required.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// The ACS resource: its endpoint, or a connection string. Required without an exchange service. With an access key the
    /// exchange goes through the resource's own API ([`ExchangeKind::Key`]), otherwise the user's
    /// token is exchanged directly ([`ExchangeKind::Entra`]).
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// The authority, `login.microsoftonline.com` by default.
    pub fn authority_host(mut self, host: impl Into<String>) -> Self {
        self.authority_host = Some(host.into());
        self
    }

    /// The Entra scopes, separated by spaces. The default depends on the exchange.
    pub fn scopes(mut self, scopes: impl Into<String>) -> Self {
        self.scopes = Some(scopes.into());
        self
    }

    /// The kind of exchange, if it does not follow from the resource.
    pub fn exchange(mut self, exchange: ExchangeKind) -> Self {
        self.exchange = Some(exchange);
        self
    }

    /// The credential of the resource, in place of the access key of a connection string.
    pub fn resource_auth(mut self, auth: ResourceAuth) -> Self {
        self.resource_auth = Some(auth);
        self
    }

    /// The organisation's exchange service, which has the resource's credential: its address and its
    /// Entra scope. [`TeamsSessionBuilder::allow_endpoint`] permits its host.
    pub fn exchange_service(mut self, url: impl Into<String>, scope: impl Into<String>) -> Self {
        self.exchange_service = Some((url.into(), scope.into()));
        self
    }

    /// The exchange service requests the token for ACS on behalf of the user, so it gets none.
    pub fn on_behalf_of(mut self) -> Self {
        self.is_on_behalf_of = true;
        self
    }

    /// Permits a host that is not one of Azure Communication Services to receive Entra tokens.
    pub fn allow_endpoint(mut self, host: impl Into<String>) -> Self {
        self.settings.allowed_hosts.push(host.into());
        self
    }

    /// The user, by username or home account id. The default is the active account.
    pub fn account(mut self, user: impl Into<String>) -> Self {
        self.settings.account = Some(user.into());
        self
    }

    /// A cached token is returned if more than this is left of it: ten minutes by default.
    pub fn min_validity(mut self, min_validity: Duration) -> Self {
        self.min_validity = Some(min_validity);
        self
    }

    /// The token store, the operating system's keyring by default.
    pub fn store(mut self, store: impl TokenStore + 'static) -> Self {
        self.store = Some(Box::new(store));
        self
    }

    /// The folder of the index and the locks, by default the one that the command uses.
    pub fn state_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.state_folder = Some(folder.into());
        self
    }

    /// Keeps index and locks in memory, for a store that no other process uses.
    pub fn without_state_folder(mut self) -> Self {
        self.has_no_folder = true;
        self
    }

    /// Opens the sign-in page, by default in the system's browser.
    pub fn browser(mut self, browser: impl Browser + 'static) -> Self {
        self.browser = Some(Arc::new(browser));
        self
    }

    /// Asks the user to sign in by [`TeamsSession::sign_in`] only: a request for a token that needs a
    /// sign-in fails with [`Kind::SignInNeeded`].
    pub fn without_sign_in(mut self) -> Self {
        self.settings.is_silent = true;
        self
    }

    /// Declares support of Continuous Access Evaluation: Entra may revoke tokens before they expire.
    pub fn continuous_access(mut self) -> Self {
        self.settings.continuous_access = true;
        self
    }

    /// The redirect URI, by default `http://localhost` with a free port.
    pub fn redirect_uri(mut self, uri: RedirectUri) -> Self {
        self.settings.redirect_uri = Some(uri);
        self
    }

    /// The time that a user has for a sign-in: five minutes by default.
    pub fn sign_in_timeout(mut self, timeout: Duration) -> Self {
        self.settings.sign_in_timeout = Some(timeout);
        self
    }

    /// The clock, the system's by default.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The HTTP client. The default one uses the system's proxy and certificate authorities.
    pub fn http(mut self, http: Arc<Http>) -> Self {
        self.settings.http = OnceLock::from(http);
        self
    }

    /// Checks the settings. Opens no store and sends no request.
    ///
    /// # Errors
    /// [`Kind::Usage`] if a required setting is missing or a setting is invalid.
    pub fn build(self) -> Result<TeamsSession> {
        let tenant = required("tenant", self.tenant.clone())?;
        let client_id = check_client_id(&required("client_id", self.client_id.clone())?)?;
        let host = self.authority_host.as_deref().unwrap_or(AUTHORITY_HOST);
        let authority = Authority::new(host, &tenant)?;
        let (issuer, request) = match &self.exchange_service {
            Some((url, scope)) => self.of_service(url, scope)?,
            None => self.of_resource()?,
        };
        let folder = match self.has_no_folder {
            true => None,
            false => self.state_folder.or_else(native_state_folder),
        };
        let browser = self.browser.unwrap_or_else(|| {
            let files = folder.clone();
            let files = files.map(|path| Folder::new(path).subfolder("browser"));
            Arc::new(SystemBrowser::new().with_redirect_files(files))
        });
        let store = self.store;
        let store = store.unwrap_or_else(|| Box::new(KeyringStore::new()));
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let application = EntraApplication::new(
            authority.host_and_port(),
            authority.tenant(),
            client_id.as_str(),
        );
        let metadata = folder
            .as_ref()
            .map(|path| MetadataCache::in_folder(Folder::new(path)));
        let sessions = Arc::new(SessionStore::new(store, folder));
        Ok(TeamsSession(Arc::new(SessionState {
            session: Sessions::new(sessions, clock.clone(), application),
            request,
            authority,
            client_id,
            issuer,
            browser,
            metadata: Arc::new(metadata.unwrap_or_default()),
            clock,
            settings: self.settings,
        })))
    }

    /// Returns the resource as the issuer, and the request for its tokens.
    fn of_resource(&self) -> Result<(Issuer, TokenRequest)> {
        let resource = required("resource", self.resource.clone())?;
        let (endpoint, key) = match GivenResource::parse(&resource, &self.settings.allowed_hosts)? {
            GivenResource::ConnectionString(read) => (read.endpoint, Some(read.access_key)),
            GivenResource::Endpoint(endpoint) => (endpoint, None),
        };
        let auth = self.resource_auth.clone().or(key.map(ResourceAuth::Key));
        let exchange = self.exchange.unwrap_or(match auth {
            Some(_) => ExchangeKind::Key,
            None => ExchangeKind::Entra,
        });
        let scopes = self.scopes.as_deref().unwrap_or(default_scopes(exchange));
        let request = self.request(endpoint.as_str(), exchange, parse_scopes(scopes)?);
        let issuer = match (exchange, auth) {
            (ExchangeKind::Key, Some(auth)) => Issuer::ResourceApi(endpoint, auth),
            (ExchangeKind::Key, None) => {
                return Err(Error::new(
                    Kind::Usage,
                    "the exchange with the access key has no access key",
                    "Pass a connection string to `resource`, or call `resource_auth`.",
                ));
            }
            (ExchangeKind::Service, _) => {
                return Err(Error::new(
                    Kind::Usage,
                    "the exchange by a service has no service",
                    "Call `exchange_service` on the builder.",
                ));
            }
            (ExchangeKind::Entra | ExchangeKind::TeamsExtension, _) => Issuer::Resource(endpoint),
        };
        Ok((issuer, request))
    }

    /// Returns the exchange service as the issuer, and the request for its tokens.
    fn of_service(&self, url: &str, scope: &str) -> Result<(Issuer, TokenRequest)> {
        let url = ServiceUrl::parse(url)?;
        url.check_may_receive(&self.settings.allowed_hosts)?;
        let own = vec![parse_service_scope(scope)?];
        let kind = ExchangeKind::Service;
        let request = match self.is_on_behalf_of {
            true => self.request(url.as_str(), kind, own),
            false => {
                let scopes = self.scopes.as_deref().unwrap_or(default_scopes(kind));
                let mut request = self.request(url.as_str(), kind, parse_scopes(scopes)?);
                request.service_scopes = own;
                request
            }
        };
        let issuer = Issuer::Service {
            url,
            is_on_behalf_of: self.is_on_behalf_of,
        };
        Ok((issuer, request))
    }

    fn request(&self, issuer: &str, exchange: ExchangeKind, scopes: Vec<String>) -> TokenRequest {
        let source = CommunicationTokenSource::new(issuer, exchange, scopes);
        let min_validity = self.min_validity.unwrap_or(MIN_VALIDITY);
        TokenRequest::new(TokenKind::Communication(source), min_validity)
    }
}

fn required(name: &str, value: Option<String>) -> Result<String> {
    value.ok_or_else(|| {
        Error::new(
            Kind::Usage,
            format!("the session has no `{name}`"),
            format!("Call `{name}` on the builder."),
        )
    })
}

/// The folder that the command uses; `None` without a home folder.
fn native_state_folder() -> Option<PathBuf> {
    let strategy = choose_native_strategy(AppStrategyArgs {
        top_level_domain: "dev".to_owned(),
        author: "acspass".to_owned(),
        app_name: "acspass".to_owned(),
    })
    .ok()?;
    strategy.state_dir().or_else(|| Some(strategy.data_dir()))
}
