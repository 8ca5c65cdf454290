//! The accounts of the service: the latest index, and a credential for each account.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;

use crate::account::Account;
use crate::credential::{CachedToken, CommunicationTokenCredential, Options};
use crate::error::{Error, Kind, Result};
use crate::serve::context::{Context, blocking};
use crate::session::{CacheLookup, Sessions, Token, TokenKind, TokenRequest};
use crate::store::{Index, IndexEntry};

use super::refresh::{RefreshState, refresh, stored_or_renewed};

/// How long an index is used before it is read again.
const CACHE_TTL: Duration = Duration::from_secs(1);

/// The state of the handlers.
pub(in crate::serve) type AccountsState = State<Arc<Accounts>>;

/// The accounts of the service.
pub(in crate::serve) struct Accounts {
    pub(in crate::serve) context: Arc<Context>,
    cache: Mutex<AccountCache>,
    /// Held while the index is read.
    pub(super) refresh_lock: tokio::sync::Mutex<()>,
    /// Whether the need of a sign-in was reported, since an account was found.
    is_sign_in_reported: AtomicBool,
}

#[derive(Default)]
pub(super) struct AccountCache {
    index: Option<Index>,
    /// How often the index was read.
    reads: u64,
    /// The running time of the clock at the last read; `None` if the index must be read again.
    read_at: Option<Duration>,
    credentials: HashMap<String, Arc<AccountCredential>>,
}

/// The credential of one account.
pub(in crate::serve) struct AccountCredential {
    pub(in crate::serve) account: Account,
    pub(in crate::serve) credential: CommunicationTokenCredential,
    state: Arc<RefreshState>,
}

impl Accounts {
    pub(in crate::serve) fn new(context: Arc<Context>) -> Self {
        Accounts {
            context,
            cache: Mutex::default(),
            refresh_lock: tokio::sync::Mutex::default(),
            is_sign_in_reported: AtomicBool::new(false),
        }
    }

    /// Returns a token of this user, or of the default account, with more than `min_validity` left.
    pub(in crate::serve) async fn token(
        &self,
        user: Option<&str>,
        min_validity: Option<Duration>,
    ) -> Result<(Arc<AccountCredential>, Arc<CachedToken>)> {
        let account = self.credential(user).await?;
        let default = self.context.options.token_request.min_validity;
        let min_validity = min_validity.unwrap_or(default);
        let token = account.credential.get(min_validity).await?;
        Ok((account, token))
    }

    /// Returns an Entra token of the default account for these scopes.
    pub(in crate::serve) async fn entra_token(&self, scopes: Vec<String>) -> Result<Token> {
        let account = self.credential(None).await?;
        let (context, state) = (self.context.clone(), account.state.clone());
        let min_validity = context.options.token_request.min_validity;
        let request = TokenRequest::new(TokenKind::Entra(scopes), min_validity);
        let id = account.account.home_account_id.clone();
        blocking(move || stored_or_renewed(&context, &state, &id, request)).await
    }

    /// Changes the store. Later requests read the index again, which may have changed although the
    /// store failed to delete an item.
    pub(in crate::serve) async fn change(
        &self,
        change: impl FnOnce(&Sessions) -> Result<Account> + Send + 'static,
    ) -> Result<Account> {
        let context = self.context.clone();
        let changed = blocking(move || change(context.session())).await;
        self.expire_cache().await;
        changed
    }

    /// Refreshes and exchanges again for this account, and returns the new token.
    pub(in crate::serve) async fn refresh_now(&self, home_account_id: &str) -> Result<()> {
        let (context, id) = (self.context.clone(), home_account_id.to_owned());
        let renewed = blocking(move || context.refresh_now(&id)).await;
        self.expire_cache().await;
        if let Err(error) = renewed {
            if let Some(account) = self.known(home_account_id) {
                *account.state.failure() = Some(error.clone());
            }
            return Err(error);
        }
        // The new token can expire in the same second as the one in memory.
        self.cache().credentials.remove(home_account_id);
        // Apps then find the token in memory.
        self.token(Some(home_account_id), None).await.map(drop)
    }

    /// Makes later requests read the index again. Waits for a read in progress, which may return the
    /// index before the change.
    pub(in crate::serve) async fn expire_cache(&self) {
        let _reading = self.refresh_lock.lock().await;
        self.cache().read_at = None;
    }

    /// Returns the credential of this account, if it has one.
    pub(in crate::serve) fn known(&self, home_account_id: &str) -> Option<Arc<AccountCredential>> {
        self.cache().credentials.get(home_account_id).cloned()
    }

    pub(super) async fn credential(&self, user: Option<&str>) -> Result<Arc<AccountCredential>> {
        let is_default = user.is_none();
        let user = self.context.allowed(user)?;
        let reads = {
            let mut cache = self.cache();
            if cache.is_current(&self.context)
                && let Some(credential) = cache.credential(&self.context, user)
            {
                return Ok(credential);
            }
            cache.reads
        };
        if let Some(credential) = self.refresh_cache(reads, user).await? {
            return Ok(credential);
        }
        // The account may have been signed in since that read; then a second read finds it.
        let reads = self.cache().reads;
        let error = match self.token_without_credential(user).await {
            Err(error) => error,
            Ok(()) => match self.refresh_cache(reads, user).await? {
                Some(credential) => return Ok(credential),
                None => Error::new(
                    Kind::Unreachable,
                    "the account changed during this request",
                    "Send the request again.",
                ),
            },
        };
        // A request may name any user. Only a missing active account needs a sign-in.
        if is_default {
            self.context
                .report_sign_in(&error, &self.is_sign_in_reported);
        }
        Err(error)
    }

    /// Reads the index, unless another request has read it since the read with this number.
    async fn refresh_cache(
        &self,
        reads: u64,
        user: Option<&str>,
    ) -> Result<Option<Arc<AccountCredential>>> {
        let reading = self.refresh_lock.lock().await;
        let is_unread = self.cache().reads == reads;
        if is_unread {
            let context = self.context.clone();
            let index = blocking(move || context.session().index()).await?;
            self.cache().replace(index, &self.context);
        }
        drop(reading);
        let credential = self.cache().credential(&self.context, user);
        if credential.is_some() {
            self.is_sign_in_reported.store(false, Ordering::Relaxed);
        }
        Ok(credential)
    }

    /// Does what `get` does for an account that the index does not have. The error gives the reason.
    async fn token_without_credential(&self, user: Option<&str>) -> Result<()> {
        let context = self.context.clone();
        let user = user.map(str::to_owned);
        blocking(move || {
            let token_request = context.options.token_request.clone();
            match context.cached_token(user.as_deref(), token_request)? {
                CacheLookup::Hit(_) => Ok(()),
                CacheLookup::Miss(renewal) => context.renew(renewal).map(drop),
            }
        })
        .await
    }

    pub(super) fn cache(&self) -> MutexGuard<'_, AccountCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AccountCache {
    fn is_current(&self, context: &Context) -> bool {
        let times = self.read_at.zip(context.clock().monotonic());
        times.is_some_and(|(then, now)| now.saturating_sub(then) < CACHE_TTL)
    }

    /// Replaces the index. Drops the credentials of accounts that were signed out, signed in again
    /// or renewed by another process.
    pub(super) fn replace(&mut self, index: Index, context: &Context) {
        self.credentials.retain(|_, credential| {
            let mut entries = index.of_application(context.session().application());
            entries.any(|entry| {
                entry.account == credential.account && credential.is_current(entry, context)
            })
        });
        self.index = Some(index);
        self.reads += 1;
        self.read_at = context.clock().monotonic();
    }

    /// Returns the credential of this user, or of the active account, and makes it if it is missing.
    fn credential(
        &mut self,
        context: &Arc<Context>,
        user: Option<&str>,
    ) -> Option<Arc<AccountCredential>> {
        let account = &context.entry(self.index.as_ref()?, user)?.account;
        if let Some(credential) = self.credentials.get(&account.home_account_id) {
            return Some(credential.clone());
        }
        let credential = Arc::new(AccountCredential::new(account.clone(), context));
        self.credentials
            .insert(account.home_account_id.clone(), credential.clone());
        Some(credential)
    }
}

impl AccountCredential {
    fn new(account: Account, context: &Arc<Context>) -> Self {
        let state = Arc::<RefreshState>::default();
        let shared = (
            context.clone(),
            state.clone(),
            account.home_account_id.clone(),
        );
        let refresher = move |min_validity| {
            let (context, state, id) = shared.clone();
            Box::pin(blocking(move || {
                refresh(&context, &state, &id, min_validity)
            })) as _
        };
        let options = Options {
            clock: context.options.clock.clone(),
            ..Options::default()
        };
        AccountCredential {
            account,
            credential: CommunicationTokenCredential::new(refresher, options),
            state,
        }
    }

    /// Whether a renewal needs a sign-in.
    pub(in crate::serve) fn needs_sign_in(&self) -> bool {
        self.state.is_sign_in_reported.load(Ordering::Relaxed)
    }

    /// Returns the error of the latest attempt to get a token, if it failed.
    pub(in crate::serve) fn failure(&self) -> Option<Error> {
        self.state.failure().clone()
    }

    /// Whether the token in memory is still the one in the store.
    fn is_current(&self, entry: &IndexEntry, context: &Context) -> bool {
        let target = &context.options.token_request.kind;
        let (Some(cached), TokenKind::Communication(source)) = (self.credential.cached(), target)
        else {
            return true;
        };
        let stored = entry.communication_token(source);
        stored.is_some_and(|stored| stored.expires_on == cached.expires_on)
    }
}
