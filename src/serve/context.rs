//! The input of a service, what all its handlers share, and their work that may block.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use crate::account::Account;
use crate::acs::{Endpoint, IdentityClient};
use crate::entra::Entra;
use crate::entra::redirect::RedirectUri;
use crate::error::{Error, Kind, Result};
use crate::files::Folder;
use crate::loopback::WebOrigin;
use crate::session::{
    CacheLookup, Overview, PendingRenewal, RenewalServices, Sessions, Token, TokenRequest,
};
use crate::store::{Index, IndexEntry};
use crate::time::Clock;

use super::events::Events;
use super::managed_identity::ManagedIdentity;
use super::origins::Origins;

/// Makes the clients of other services when a request first needs them. Every call may block.
pub trait Clients: Send + Sync {
    /// Returns the clients for a token renewal.
    fn net(&self) -> Result<RenewalServices>;

    /// Returns the client of the ACS resource, for the identity operations.
    fn identity_client(&self) -> Result<IdentityClient>;

    /// Returns the endpoint of the ACS resource if this service has a key or a role there. The
    /// error's hint tells the user how to add one.
    fn resource(&self) -> Result<Endpoint>;

    /// Returns Entra ID, for a sign-in from the dashboard.
    fn entra(&self) -> Result<Entra>;

    /// Returns the stored accounts without secrets.
    fn overview(&self) -> Result<Overview>;
}

/// The configuration of a service.
pub struct Options {
    /// The session that holds the tokens.
    pub session: Sessions,
    /// The token to serve, and the remaining validity that a request asks for by default.
    pub token_request: TokenRequest,
    /// The only account of a service for one command. Such a service has no identities, no exchange and
    /// no dashboard. `None` serves all accounts, the active one by default.
    pub only: Option<Account>,
    /// The managed identity, if there is one.
    pub managed_identity: Option<ManagedIdentity>,
    /// The clients of other services.
    pub clients: Arc<dyn Clients>,
    /// The profile's name, for `GET /status`.
    pub profile: String,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The web origins that may send requests.
    pub origins: Vec<WebOrigin>,
    /// The redirect URI of a sign-in from the dashboard.
    pub redirect_uri: RedirectUri,
    /// The time limit of a sign-in from the dashboard.
    pub sign_in_timeout: Duration,
    /// Called once each time a token becomes unavailable until the user signs in. It must not block.
    pub sign_in_needed: Arc<dyn Fn(&Error) + Send + Sync>,
}

/// The options, the approved origins, the recent events, and the client of the ACS resource once a
/// request has needed it.
pub(super) struct Context {
    pub(super) options: Options,
    pub(super) origins: Origins,
    pub(super) events: Events,
    identity_client: OnceCell<IdentityClient>,
}

impl Context {
    /// Approvals of the user are kept in `folder`.
    pub(super) fn new(options: Options, folder: Folder) -> Self {
        let configured = options.origins.clone();
        let clock = options.clock.clone();
        let application = options.session.application();
        Context {
            origins: Origins::open(configured, clock, folder, &options.profile, application),
            events: Events::new(options.clock.clone()),
            options,
            identity_client: OnceCell::new(),
        }
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        self.options.clock.as_ref()
    }

    pub(super) fn session(&self) -> &Sessions {
        &self.options.session
    }

    /// Returns the client of the ACS resource. The first call makes it, which may read the keyring.
    pub(super) async fn identity_client(&self) -> Result<&IdentityClient> {
        let made = self.identity_client.get_or_try_init(|| {
            let clients = self.options.clients.clone();
            blocking(move || clients.identity_client())
        });
        made.await
    }

    /// Returns the id of the account that a request for this user gets; `None` is the active one.
    ///
    /// # Errors
    /// [`Kind::Refused`] if this service has one account, and the user is another one.
    pub(super) fn allowed<'u>(&'u self, user: Option<&'u str>) -> Result<Option<&'u str>> {
        let Some(only) = &self.options.only else {
            return Ok(user);
        };
        match user.is_none_or(|user| only.match_name(user).is_some()) {
            true => Ok(Some(&only.home_account_id)),
            false => Err(Error::new(
                Kind::Refused,
                "this service has the tokens of one account only",
                "Leave the account out, or run `acspass serve` for all accounts.",
            )
            .with_code("OtherAccount")),
        }
    }

    /// Returns the index entry of this user, or of the active account. An ambiguous name has none.
    pub(super) fn entry<'i>(&self, index: &'i Index, user: Option<&str>) -> Option<&'i IndexEntry> {
        let application = self.session().application();
        match user {
            Some(user) => match index.best_name_matches(application, user)[..] {
                [entry] => Some(entry),
                _ => None,
            },
            None => index.active(application),
        }
    }

    /// Returns the stored index entry of this user. The call blocks.
    pub(super) fn stored_entry(&self, user: &str) -> Result<Option<IndexEntry>> {
        let index = self.session().index()?;
        Ok(self.entry(&index, Some(user)).cloned())
    }

    /// Looks for a stored token of this user, or of the active account. The call may block.
    pub(super) fn cached_token(
        &self,
        user: Option<&str>,
        token_request: TokenRequest,
    ) -> Result<CacheLookup> {
        self.session().cached_token(user, token_request)
    }

    /// Returns the request for a Communication token with more than `min_validity` left.
    pub(super) fn token_request(&self, min_validity: Duration) -> TokenRequest {
        TokenRequest {
            min_validity,
            ..self.options.token_request.clone()
        }
    }

    /// Refreshes and exchanges again for the account with this id, regardless of cached tokens. The
    /// call blocks.
    pub(super) fn refresh_now(&self, home_account_id: &str) -> Result<Token> {
        let mut token_request = self.options.token_request.clone();
        token_request.force_refresh = true;
        match self
            .session()
            .cached_token(Some(home_account_id), token_request)?
        {
            CacheLookup::Hit(token) => Ok(token),
            CacheLookup::Miss(renewal) => self.renew(renewal),
        }
    }

    /// Renews a token without an interactive sign-in. The call blocks.
    pub(super) fn renew(&self, renewal: PendingRenewal) -> Result<Token> {
        let renewed = Handle::current().block_on(renewal.run(|| self.options.clients.net(), None));
        match &renewed {
            Ok(token) => {
                let name = &token.account.username;
                self.events.good(format!("New token for {name}"));
            }
            Err(error) => self.events.bad("No new token", error),
        }
        renewed
    }

    /// Reports an error that means that a sign-in is needed, once until `is_reported` is reset.
    pub(super) fn report_sign_in(&self, error: &Error, is_reported: &AtomicBool) {
        if error.kind() == Kind::SignInNeeded && !is_reported.swap(true, Ordering::Relaxed) {
            (self.options.sign_in_needed)(error);
        }
    }
}

/// Runs work that may block. Its log events go to the subscriber of the calling thread.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let subscriber = tracing::dispatcher::get_default(Clone::clone);
    let logged = move || tracing::dispatcher::with_default(&subscriber, work);
    match tokio::task::spawn_blocking(logged).await {
        Ok(outcome) => outcome,
        Err(error) => Err(Error::internal("a background task failed").caused_by(error)),
    }
}
