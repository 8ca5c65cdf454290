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
use crate::entra::{Authority, Entra, SignInMethod};
use crate::error::{Error, Result};
use crate::exchange::ExchangeKind;
use crate::http::{self, Http};
use crate::secret::CommunicationToken;
use crate::session::{
    CacheLookup, Exchange, RenewalServices, Sessions, SignInOptions, Target, Token, TokenRequest,
    TokenSecret,
};
use crate::time::Clock;

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
pub struct TeamsSession(pub(super) Arc<Parts>);

/// The parts that a builder made.
pub(super) struct Parts {
    pub(super) session: Sessions,
    pub(super) request: TokenRequest,
    pub(super) account: Option<String>,
    pub(super) authority: Authority,
    pub(super) client_id: String,
    pub(super) endpoint: Endpoint,
    pub(super) auth: Option<ResourceAuth>,
    pub(super) exchange: ExchangeKind,
    pub(super) browser: Arc<dyn Browser>,
    /// Whether a request for a token may ask the user to sign in.
    pub(super) may_sign_in: bool,
    pub(super) continuous_access: bool,
    pub(super) redirect_uri: RedirectUri,
    pub(super) sign_in_timeout: Duration,
    pub(super) allowed_hosts: Vec<String>,
    pub(super) clock: Arc<dyn Clock>,
    /// Constructed with the first request.
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
    /// otherwise as [`Sessions::cached_token`] and [`Renewal::run`](crate::session::Renewal::run).
    pub async fn token(&self) -> Result<Token> {
        self.request(self.0.request.clone()).await
    }

    /// Signs the user in, also if a session is cached, and makes the account the active one.
    ///
    /// # Errors
    /// As [`Sessions::login`].
    pub async fn sign_in(&self) -> Result<Account> {
        self.on_blocking_pool(|parts, runtime| {
            let (entra, options) = (parts.entra(), parts.sign_in_options());
            let (user, scopes) = (parts.account.as_deref(), parts.request.scopes());
            let login = parts.session.login(&entra, &options, user, scopes);
            Ok(runtime.block_on(login)?.account)
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
        request.target = Target::Entra(request.scopes().to_vec());
        self.request(request).await
    }

    /// Returns a new Communication token; the cached one is ignored and replaced.
    ///
    /// # Errors
    /// As [`TeamsSession::token`].
    pub async fn refreshed_token(&self) -> Result<Token> {
        let mut request = self.0.request.clone();
        request.force = true;
        self.request(request).await
    }

    /// The sessions of the application and tenant: accounts, sign-out, the active account.
    pub fn sessions(&self) -> &Sessions {
        &self.0.session
    }

    async fn request(&self, request: TokenRequest) -> Result<Token> {
        self.on_blocking_pool(|parts, runtime| parts.token(request, runtime))
            .await
    }

    async fn on_blocking_pool<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Parts, &Handle) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let parts = self.0.clone();
        let runtime = Handle::current();
        tokio::task::spawn_blocking(move || work(&parts, &runtime))
            .await
            .map_err(|_| Error::internal("the task of a session has panicked"))?
    }
}

impl Parts {
    fn token(&self, request: TokenRequest, runtime: &Handle) -> Result<Token> {
        let with_exchange = matches!(request.target, Target::Communication(_));
        match self
            .session
            .cached_token(self.account.as_deref(), request)?
        {
            CacheLookup::Usable(token) => Ok(token),
            CacheLookup::Stale(renewal) => {
                let options = self.may_sign_in.then(|| self.sign_in_options());
                let net = || Ok(self.net(with_exchange));
                runtime.block_on(renewal.run(net, options.as_ref()))
            }
        }
    }

    fn sign_in_options(&self) -> SignInOptions<'_> {
        let method = SignInMethod::Browser {
            browser: self.browser.as_ref(),
            redirect_uri: self.redirect_uri.clone(),
        };
        SignInOptions::new(method, self.sign_in_timeout)
    }

    fn http(&self) -> &Arc<Http> {
        self.http
            .get_or_init(|| Arc::new(Http::new(http::Options::default())))
    }

    fn entra(&self) -> Entra {
        let (authority, client_id) = (self.authority.clone(), self.client_id.clone());
        let entra = Entra::new(
            self.http().clone(),
            self.clock.clone(),
            authority,
            client_id,
        );
        match self.continuous_access {
            true => entra.with_continuous_access(),
            false => entra,
        }
    }

    fn net(&self, with_exchange: bool) -> RenewalServices {
        let http = self.http();
        let exchange = match (&self.auth, self.exchange) {
            (Some(auth), ExchangeKind::Key) => Exchange::WithResourceCredential(
                IdentityClient::new(self.endpoint.clone(), auth.clone())
                    .with_http(http.clone())
                    .with_clock(self.clock.clone())
                    .with_allowed_hosts(self.allowed_hosts.clone()),
            ),
            _ => Exchange::Direct(DirectExchange::new(
                http.clone(),
                self.clock.clone(),
                self.endpoint.clone(),
                self.allowed_hosts.clone(),
            )),
        };
        RenewalServices::new(self.entra(), with_exchange.then_some(exchange))
    }
}

impl Refresher for TeamsSession {
    fn refresh(&self, min_validity: Duration) -> Refreshing<'_> {
        let mut request = self.0.request.clone();
        request.min_validity = request.min_validity.max(min_validity);
        Box::pin(async move {
            let token = self.request(request).await?;
            let TokenSecret::Communication(secret) = &token.secret else {
                return Err(Error::internal(
                    "an Entra token in place of a Communication token",
                ));
            };
            let left = Duration::from_secs(token.expires_in_seconds);
            let refreshed =
                RefreshedToken::new(CommunicationToken::new(secret.expose()), token.expires_on);
            Ok(refreshed.with_expires_in(Some(left)))
        })
    }
}

impl fmt::Debug for TeamsSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TeamsSession")
            .field("authority", &self.0.authority)
            .field("client_id", &self.0.client_id)
            .field("endpoint", &self.0.endpoint)
            .finish_non_exhaustive()
    }
}
