//! The accounts that tokens are served for, each with a credential of its own.
//!
//! A warm answer comes from memory. Once a second at most, and whenever nobody fits, the index is
//! read again: so a login, a logout or a switch in another process shows at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::account::Account;
use crate::credential::{
    self, CachedToken, CommunicationTokenCredential, RefreshedToken, Refresher, Refreshing,
};
use crate::error::{Error, Kind, Result};
use crate::session::{
    CacheLookup, Net, Renewal, Session, Target, Token, TokenRequest, TokenSecret,
};
use crate::store::{Index, IndexEntry};
use crate::time::Clock;

use refusals::Refusals;

use super::Factory;
use super::events::Events;

mod refusals;
#[cfg(test)]
mod tests;

/// How long what the index said is believed.
const CACHE_TTL: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Accounts {
    core: Arc<Core>,
    cache: Mutex<AccountCache>,
    /// One look at the index at a time.
    refresh_lock: tokio::sync::Mutex<()>,
    sign_in_notice: SignInNotice,
}

/// What every account's refresher shares.
struct Core {
    session: Session,
    token_request: TokenRequest,
    net: Factory<Net>,
    clock: Arc<dyn Clock>,
    sign_in_needed: Arc<dyn Fn(&Error) + Send + Sync>,
    events: Arc<Events>,
}

#[derive(Default)]
struct AccountCache {
    index: Option<Index>,
    reads: u64,
    /// What the clock had run when the index was read.
    at: Option<Duration>,
    credentials: HashMap<String, Arc<AccountCredential>>,
}

/// One account, and the token that is held for it.
pub(super) struct AccountCredential {
    pub(super) account: Account,
    credential: CommunicationTokenCredential,
    state: Arc<RefresherState>,
}

/// What the service has for one account.
#[derive(Default)]
pub(super) struct CredentialState {
    /// The token in memory.
    pub(super) token: Option<Arc<CachedToken>>,
    /// Whether only a person can renew it.
    pub(super) needs_person: bool,
    /// Why the last renewal failed, if it did.
    pub(super) failure: Option<Error>,
}

/// Whether a person is needed, and was told.
#[derive(Default)]
struct SignInNotice(AtomicBool);

impl SignInNotice {
    fn set(&self, core: &Core, error: &Error) {
        if error.kind() == Kind::SignInNeeded && !self.0.swap(true, Ordering::Relaxed) {
            (core.sign_in_needed)(error);
        }
    }

    fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Accounts {
    pub(super) fn new(
        session: Session,
        token_request: TokenRequest,
        net: Factory<Net>,
        clock: Arc<dyn Clock>,
        sign_in_needed: Arc<dyn Fn(&Error) + Send + Sync>,
        events: Arc<Events>,
    ) -> Self {
        Accounts {
            core: Arc::new(Core {
                session,
                token_request,
                net,
                clock,
                sign_in_needed,
                events,
            }),
            cache: Mutex::default(),
            refresh_lock: tokio::sync::Mutex::default(),
            sign_in_notice: SignInNotice::default(),
        }
    }

    pub(super) fn events(&self) -> &Events {
        &self.core.events
    }

    pub(super) fn store_name(&self) -> &'static str {
        self.core.session.store_name()
    }

    /// A token of this user, or of the active account, with more than `min_validity` left.
    pub(super) async fn token(
        &self,
        user: Option<&str>,
        min_validity: Option<Duration>,
    ) -> Result<(Arc<AccountCredential>, Arc<CachedToken>)> {
        let credential = self.credential(user).await?;
        let min_validity = min_validity.unwrap_or(self.core.token_request.min_validity);
        let held = credential.credential.get(min_validity).await?;
        Ok((credential, held))
    }

    /// The index was changed here: whoever asks from now on goes by what it then says. A look that
    /// is under way may have read what it said before.
    pub(super) async fn expire_cache(&self) {
        let _look = self.refresh_lock.lock().await;
        self.cache().at = None;
    }

    /// What the service has for this account.
    pub(super) fn held(&self, home_account_id: &str) -> CredentialState {
        match self.cache().credentials.get(home_account_id) {
            Some(credential) => CredentialState {
                token: credential.credential.held(),
                needs_person: credential.state.need.is_set(),
                failure: credential.state.failure().clone(),
            },
            None => CredentialState::default(),
        }
    }

    async fn credential(&self, user: Option<&str>) -> Result<Arc<AccountCredential>> {
        let looks = {
            let mut known = self.cache();
            if known.is_current(self.core.clock.as_ref())
                && let Some(credential) = known.credential_of(&self.core, user)
            {
                return Ok(credential);
            }
            known.reads
        };
        if let Some(credential) = self.refresh_cache(looks, user).await? {
            return Ok(credential);
        }
        // The account may have been signed in since that look: then one more finds it.
        let looks = self.cache().reads;
        let error = match self.token_without_credential(user).await {
            Err(error) => error,
            Ok(_) => match self.refresh_cache(looks, user).await? {
                Some(credential) => return Ok(credential),
                None => Error::new(
                    Kind::Unreachable,
                    "the account was signed in and out again during this request",
                    "send the request again",
                ),
            },
        };
        // Somebody may ask for anybody; only without the active account a person is needed.
        if user.is_none() {
            self.sign_in_notice.set(&self.core, &error);
        }
        Err(error)
    }

    /// Reads the index, unless that was done since there were this many looks, and returns the
    /// user's seat.
    async fn refresh_cache(
        &self,
        looks: u64,
        user: Option<&str>,
    ) -> Result<Option<Arc<AccountCredential>>> {
        let look = self.refresh_lock.lock().await;
        // Whoever had the look before may have looked for all who waited.
        let is_new = self.cache().reads != looks;
        if !is_new {
            let core = self.core.clone();
            let index = blocking(move || core.session.index()).await?;
            self.cache().take(index, &self.core);
        }
        drop(look);
        let credential = self.cache().credential_of(&self.core, user);
        if credential.is_some() {
            self.sign_in_notice.clear();
        }
        Ok(credential)
    }

    /// What `get` does for an account that the last look did not find: it says why there is none.
    async fn token_without_credential(&self, user: Option<&str>) -> Result<Token> {
        let core = self.core.clone();
        let user = user.map(str::to_owned);
        blocking(
            move || match core.stored(user.as_deref(), core.token_request.min_validity)? {
                CacheLookup::Fresh(token) => Ok(token),
                CacheLookup::Stale(renewal) => core.renew(renewal),
            },
        )
        .await
    }

    fn cache(&self) -> MutexGuard<'_, AccountCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AccountCache {
    fn is_current(&self, clock: &dyn Clock) -> bool {
        match (self.at, clock.running()) {
            (Some(at), Some(now)) => now.saturating_sub(at) < CACHE_TTL,
            _ => false,
        }
    }

    /// Whoever is signed out loses the seat, and the token with it; so does who has signed in anew,
    /// or had the session renewed elsewhere.
    fn take(&mut self, index: Index, core: &Core) {
        self.credentials.retain(|_, credential| {
            let mut entries = index.in_tenancy(core.session.tenancy());
            entries
                .any(|entry| entry.account == credential.account && core.keeps(entry, credential))
        });
        self.index = Some(index);
        self.reads += 1;
        self.at = core.clock.running();
    }

    fn credential_of(
        &mut self,
        core: &Arc<Core>,
        user: Option<&str>,
    ) -> Option<Arc<AccountCredential>> {
        let entry = core.entry(self.index.as_ref()?, user)?;
        let id = &entry.account.home_account_id;
        if let Some(credential) = self.credentials.get(id) {
            return Some(credential.clone());
        }
        let state = Arc::<RefresherState>::default();
        let refresher = AccountRefresher {
            core: core.clone(),
            user: id.clone(),
            state: state.clone(),
        };
        let options = credential::Options {
            clock: core.clock.clone(),
            ..credential::Options::default()
        };
        let credential = Arc::new(AccountCredential {
            account: entry.account.clone(),
            credential: CommunicationTokenCredential::new(refresher, options),
            state,
        });
        self.credentials.insert(id.clone(), credential.clone());
        Some(credential)
    }
}

impl Core {
    fn entry<'i>(&self, index: &'i Index, user: Option<&str>) -> Option<&'i IndexEntry> {
        let tenancy = self.session.tenancy();
        match user {
            // An ambiguous name has no seat either; `nobody_fits` then explains it.
            Some(user) => match index.called(tenancy, user)[..] {
                [entry] => Some(entry),
                _ => None,
            },
            None => index.active(tenancy),
        }
    }

    /// Whether the token that a seat holds is still the one that the session keeps.
    fn keeps(&self, entry: &IndexEntry, credential: &AccountCredential) -> bool {
        let (Some(held), Target::Communication(source)) =
            (credential.credential.held(), &self.token_request.target)
        else {
            return true;
        };
        let mut kept = entry.communication_tokens.iter();
        kept.any(|kept| kept.source == *source && kept.expires_on == held.expires_on)
    }

    /// Looks for a stored token with more than `min_validity` left. It blocks: the store may.
    fn stored(&self, user: Option<&str>, min_validity: Duration) -> Result<CacheLookup> {
        let token_request = TokenRequest {
            min_validity,
            ..self.token_request.clone()
        };
        self.session.cached_token(user, token_request)
    }

    /// Renews a token, as `get` does it without a person. It blocks.
    fn renew(&self, renewal: Renewal) -> Result<Token> {
        let renewed = Handle::current().block_on(renewal.run(|| (self.net)(), None));
        match &renewed {
            Ok(token) => {
                let name = &token.account.username;
                self.events.good(format!("{name} has a new token"));
            }
            Err(error) => self.events.bad("No token could be had", error),
        }
        renewed
    }
}

/// What the requests for one account have shown.
#[derive(Default)]
struct RefresherState {
    need: SignInNotice,
    refusals: Refusals,
    failure: Mutex<Option<Error>>,
}

impl RefresherState {
    fn failure(&self) -> MutexGuard<'_, Option<Error>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refresh(&self, core: &Core, user: &str, min_validity: Duration) -> Result<RefreshedToken> {
        let session = || {
            let index = core.session.index()?;
            Result::Ok(core.entry(&index, Some(user)).cloned())
        };
        // A refused renewal hides no stored token that is good enough.
        let renewal = match core.stored(Some(user), min_validity)? {
            CacheLookup::Fresh(token) => return refreshed(token),
            CacheLookup::Stale(renewal) => renewal,
        };
        let ask = || core.renew(renewal);
        refreshed(self.refusals.ask(core.clock.as_ref(), session, ask)?)
    }
}

/// What gets new tokens for one account.
struct AccountRefresher {
    core: Arc<Core>,
    user: String,
    state: Arc<RefresherState>,
}

impl Refresher for AccountRefresher {
    fn refresh(&self, min_validity: Duration) -> Refreshing<'_> {
        let (core, state) = (self.core.clone(), self.state.clone());
        let user = self.user.clone();
        Box::pin(blocking(move || {
            // Who was signed out is not asked to come back.
            if core.entry(&core.session.index()?, Some(&user)).is_none() {
                return Err(Error::new(
                    Kind::SignInNeeded,
                    "the account was signed out",
                    "run `acspass login` to sign in again",
                ));
            }
            let outcome = state.refresh(&core, &user, min_validity);
            match &outcome {
                Ok(_) => state.need.clear(),
                Err(error) => state.need.set(&core, error),
            }
            *state.failure() = outcome.as_ref().err().cloned();
            outcome
        }))
    }
}

fn refreshed(token: Token) -> Result<RefreshedToken> {
    match token.secret {
        TokenSecret::Communication(secret) => Ok(RefreshedToken {
            token: secret,
            expires_on: token.expires_on,
            expires_in: Some(Duration::from_secs(token.expires_in_seconds)),
        }),
        TokenSecret::Entra(_) => Err(Error::internal("an Entra token where another was asked")),
    }
}

/// Runs what may block beside the requests. What it says is heard by whoever listens here: a
/// listener is one thread's.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let listener = tracing::dispatcher::get_default(Clone::clone);
    let heard = move || tracing::dispatcher::with_default(&listener, work);
    match tokio::task::spawn_blocking(heard).await {
        Ok(outcome) => outcome,
        Err(error) => Err(Error::internal("a piece of work did not end").caused_by(error)),
    }
}
