//! [`TeamsSession`]: tokens of one user.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::account::Account;
use crate::acs::{DirectExchange, Endpoint, IdentityClient, ResourceAuth};
use crate::credential::{RefreshedToken, Refresher, Refreshing};
use crate::entra::browser::Browser;
use crate::entra::redirect::RedirectUri;
use crate::entra::{Authority, Entra, MetadataCache, SignInMethod};
use crate::error::{Error, Result};
use crate::exchange_client::{ExchangeClient, ServiceUrl};
use crate::http::{self, Http};
use crate::session::{
    CacheLookup, Exchange, RenewalServices, Sessions, SignInOptions, Token, TokenKind,
    TokenRequest, TokenSecret,
};
use crate::time::Clock;

const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(300);

/// Tokens of one Teams user. Clones share the session.
///
/// # Examples
/// ```no_run
/// # async fn example() -> acspass::Result<()> {
/// use acspass::TeamsSession;
///
/// let session = TeamsSession::builder()
///     .tenant("contoso.onmicrosoft.com")
///     .client_id("00000000-0000-0000-0000-000000000000")
///     .resource("https://contoso.communication.azure.com")
///     .build()?;
/// let token = session.token().await?;
/// println!("valid for {} s", token.expires_in_seconds);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TeamsSession(pub(super) Arc<SessionState>);

/// What a builder made.
pub(super) struct SessionState {
    pub(super) session: Sessions,
    pub(super) request: TokenRequest,
    pub(super) authority: Authority,
    pub(super) client_id: String,
    pub(super) issuer: Issuer,
    pub(super) browser: Arc<dyn Browser>,
    pub(super) metadata: Arc<MetadataCache>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: Settings,
}

/// The issuer of the Communication tokens.
#[derive(Debug)]
pub(super) enum Issuer {
    /// The resource, by its own API with this credential.
    ResourceApi(Endpoint, ResourceAuth),
    /// The resource, for the Entra token alone.
    Resource(Endpoint),
    /// An organisation's exchange service, and whether it requests tokens on behalf of the user.
    Service {
        url: ServiceUrl,
        is_on_behalf_of: bool,
    },
}

/// The settings that requests use. Those that are not set have the defaults of the command.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) account: Option<String>,
    pub(super) allowed_hosts: Vec<String>,
    /// Whether only [`TeamsSession::sign_in`] may ask the user to sign in.
    pub(super) is_silent: bool,
    pub(super) continuous_access: bool,
    pub(super) redirect_uri: Option<RedirectUri>,
    pub(super) sign_in_timeout: Option<Duration>,
    /// Made for the first request, unless it is given.
    pub(super) http: OnceLock<Arc<Http>>,
}

impl TeamsSession {
    /// Returns a Communication token with more than the minimum validity left. The cached token
    /// costs one read of the store. Otherwise the session is refreshed, or the user signs in.
    ///
    /// The store can block, so the work runs on the runtime's blocking pool. It continues if the
    /// returned future is dropped, because a refresh token that was redeemed must be stored.
    ///
    /// # Errors
    /// [`Kind::SignInNeeded`](crate::Kind::SignInNeeded) if a sign-in is needed and switched off;
    /// otherwise as [`Sessions::cached_token`] and [`PendingRenewal::run`](crate::session::PendingRenewal::run).
    pub async fn token(&self) -> Result<Token> {
        self.request(self.0.request.clone()).await
    }

    /// Signs the user in, also if a session is cached, and makes the account the active one.
    ///
    /// # Errors
    /// As [`Sessions::login`].
    pub async fn sign_in(&self) -> Result<Account> {
        self.on_blocking_pool(|parts| {
            let (entra, options) = (parts.entra(), parts.sign_in_options());
            let (user, scopes) = (parts.settings.account.as_deref(), parts.request.scopes());
            let login = parts.session.login(&entra, &options, user, scopes);
            Ok(Handle::current().block_on(login)?.account)
        })
        .await
    }

    /// Returns an Entra access token for the session's scopes, as [`TeamsSession::token`] returns a
    /// Communication token.
    ///
    /// # Errors
    /// As [`TeamsSession::token`].
    pub async fn entra_token(&self) -> Result<Token> {
        let mut request = self.0.request.clone();
        request.kind = TokenKind::Entra(request.scopes().to_vec());
        self.request(request).await
    }

    /// Returns a new Communication token; the cached one is ignored and replaced.
    ///
    /// # Errors
    /// As [`TeamsSession::token`].
    pub async fn refreshed_token(&self) -> Result<Token> {
        let mut request = self.0.request.clone();
        request.force_refresh = true;
        self.request(request).await
    }

    /// The sessions of the application and tenant: accounts, sign-out, the active account.
    pub fn sessions(&self) -> &Sessions {
        &self.0.session
    }

    async fn request(&self, request: TokenRequest) -> Result<Token> {
        self.on_blocking_pool(|parts| parts.token(request)).await
    }

    async fn on_blocking_pool<T: Send + 'static>(
        &self,
        work: impl FnOnce(&SessionState) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let parts = self.0.clone();
        tokio::task::spawn_blocking(move || work(&parts))
            .await
            .map_err(|_| Error::internal("the task of a session has panicked"))?
    }
}

impl SessionState {
    fn token(&self, request: TokenRequest) -> Result<Token> {
        let user = self.settings.account.as_deref();
        match self.session.cached_token(user, request)? {
            CacheLookup::Hit(token) => Ok(token),
            CacheLookup::Miss(renewal) => {
                let options = (!self.settings.is_silent).then(|| self.sign_in_options());
                let renewed = renewal.run(|| Ok(self.net()), options.as_ref());
                Handle::current().block_on(renewed)
            }
        }
    }

    fn sign_in_options(&self) -> SignInOptions<'_> {
        let redirect_uri = self.settings.redirect_uri.clone();
        let method = SignInMethod::Browser {
            browser: self.browser.as_ref(),
            redirect_uri: redirect_uri.unwrap_or_else(|| RedirectUri::localhost(0)),
        };
        let timeout = self.settings.sign_in_timeout.unwrap_or(SIGN_IN_TIMEOUT);
        SignInOptions::new(method, timeout)
    }

    fn http(&self) -> &Arc<Http> {
        let http = &self.settings.http;
        http.get_or_init(|| Arc::new(Http::new(http::Options::default())))
    }

    fn entra(&self) -> Entra {
        let (http, clock) = (self.http().clone(), self.clock.clone());
        let entra = Entra::new(http, clock, self.authority.clone(), self.client_id.clone())
            .with_further_consent(self.request.service_scopes.clone())
            .with_metadata_cache(self.metadata.clone());
        match self.settings.continuous_access {
            true => entra.with_continuous_access(),
            false => entra,
        }
    }

    fn net(&self) -> RenewalServices {
        let http = self.http();
        let allowed_hosts = self.settings.allowed_hosts.clone();
        let exchange = match &self.issuer {
            Issuer::ResourceApi(endpoint, auth) => Exchange::WithResourceCredential(
                IdentityClient::new(endpoint.clone(), auth.clone())
                    .with_http(http.clone())
                    .with_clock(self.clock.clone())
                    .with_allowed_hosts(allowed_hosts),
            ),
            Issuer::Resource(endpoint) => Exchange::Direct(DirectExchange::new(
                http.clone(),
                self.clock.clone(),
                endpoint.clone(),
                allowed_hosts,
            )),
            Issuer::Service {
                url,
                is_on_behalf_of,
            } => Exchange::Service {
                client: ExchangeClient::new(http.clone(), url.clone(), allowed_hosts),
                is_on_behalf_of: *is_on_behalf_of,
            },
        };
        RenewalServices::new(self.entra(), Some(exchange))
    }
}

impl Refresher for TeamsSession {
    fn refresh(&self, min_validity: Duration) -> Refreshing<'_> {
        let mut request = self.0.request.clone();
        request.min_validity = request.min_validity.max(min_validity);
        Box::pin(async move {
            let token = self.request(request).await?;
            let TokenSecret::Communication(secret) = token.secret else {
                return Err(Error::internal(
                    "an Entra token in place of a Communication token",
                ));
            };
            let left = Duration::from_secs(token.expires_in_seconds);
            Ok(RefreshedToken::new(secret, token.expires_on).with_expires_in(Some(left)))
        })
    }
}

impl fmt::Debug for TeamsSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TeamsSession")
            .field("authority", &self.0.authority)
            .field("client_id", &self.0.client_id)
            .field("issuer", &self.0.issuer)
            .finish_non_exhaustive()
    }
}
