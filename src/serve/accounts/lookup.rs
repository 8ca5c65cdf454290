//! Finds the account of a request, and its token.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::credential::CachedToken;
use crate::error::{Error, Kind, Result};
use crate::serve::blocking::blocking;
use crate::serve::context::Context;
use crate::session::CacheLookup;

use super::cache::{AccountCache, AccountCredential};
use super::refresher::SignInNotice;

/// The accounts of the service.
pub(in crate::serve) struct Accounts {
    pub(super) context: Arc<Context>,
    cache: Mutex<AccountCache>,
    /// Held while the index is read.
    pub(super) refresh_lock: tokio::sync::Mutex<()>,
    sign_in_notice: SignInNotice,
}

/// The state of an account's credential.
#[derive(Default)]
pub(in crate::serve) struct CredentialState {
    /// The token in memory.
    pub(in crate::serve) token: Option<Arc<CachedToken>>,
    /// Whether a renewal needs a sign-in.
    pub(in crate::serve) needs_sign_in: bool,
    /// The error of the latest renewal, if it failed.
    pub(in crate::serve) failure: Option<Error>,
}

impl Accounts {
    pub(in crate::serve) fn new(context: Arc<Context>) -> Self {
        Accounts {
            context,
            cache: Mutex::default(),
            refresh_lock: tokio::sync::Mutex::default(),
            sign_in_notice: SignInNotice::default(),
        }
    }

    /// Returns a token of this user, or of the active account, with more than `min_validity` left.
    pub(in crate::serve) async fn token(
        &self,
        user: Option<&str>,
        min_validity: Option<Duration>,
    ) -> Result<(Arc<AccountCredential>, Arc<CachedToken>)> {
        let account = self.credential(user).await?;
        let default = self.context.options.token_request.min_validity;
        let token = account
            .credential
            .get(min_validity.unwrap_or(default))
            .await?;
        Ok((account, token))
    }

    /// Makes later requests read the index again. Waits for a read in progress, which may return the
    /// index before the change.
    pub(in crate::serve) async fn expire_cache(&self) {
        let _reading = self.refresh_lock.lock().await;
        self.cache().read_at = None;
    }

    /// Returns the state of this account's credential.
    pub(in crate::serve) fn state(&self, home_account_id: &str) -> CredentialState {
        match self.cache().credentials.get(home_account_id) {
            Some(account) => CredentialState {
                token: account.credential.cached(),
                needs_sign_in: account.state.notice.is_set(),
                failure: account.state.failure().clone(),
            },
            None => CredentialState::default(),
        }
    }

    pub(super) async fn credential(&self, user: Option<&str>) -> Result<Arc<AccountCredential>> {
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
                    "the account was signed in and out again during this request",
                    "send the request again",
                ),
            },
        };
        // A request may name any user. Only a missing active account needs a sign-in.
        if user.is_none() {
            self.sign_in_notice.set(&self.context, &error);
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
            self.sign_in_notice.clear();
        }
        Ok(credential)
    }

    /// Does what `get` does for an account that the index does not have. The error gives the reason.
    async fn token_without_credential(&self, user: Option<&str>) -> Result<()> {
        let context = self.context.clone();
        let user = user.map(str::to_owned);
        blocking(move || {
            let min_validity = context.options.token_request.min_validity;
            match context.cached_token(user.as_deref(), min_validity)? {
                CacheLookup::Usable(_) => Ok(()),
                CacheLookup::Stale(renewal) => context.renew(renewal).map(drop),
            }
        })
        .await
    }

    pub(super) fn cache(&self) -> MutexGuard<'_, AccountCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
