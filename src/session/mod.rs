//! The main job: one fresh token for one signed-in user.
//!
//! [`Session::cached_token`] looks at what is kept and touches nothing else; only what it returns as stale
//! is renewed, under the session's lock: refresh, sign-in, exchange, save. How to sign in is a
//! value; whoever hands in none gets [`SignInNeeded`](crate::Kind::SignInNeeded) instead of a browser.

mod exchange;
mod freshness;
#[cfg(test)]
mod freshness_tests;
mod lock_wait;
mod named;
mod overview;
mod renewal;
mod sign_in;

use std::sync::Arc;

pub use exchange::Exchange;
pub use freshness::{Target, TokenRequest};
pub use overview::{AccountState, Overview, TokenState};
pub use renewal::{Net, Renewal};

pub use crate::entra::SignInOptions;

use crate::account::{Account, SessionKey, Tenancy};
use crate::error::{Error, Result};
use crate::secret::{CommunicationToken, EntraToken};
use crate::store::{Index, IndexEntry, Record, SessionStore};
use crate::time::{Clock, Moment, Timestamp};

use freshness::{Attempted, CachedToken, Step, find_cached, next_step};

/// The sessions of one application in one tenant.
#[derive(Clone)]
pub struct Session {
    sessions: Arc<SessionStore>,
    clock: Arc<dyn Clock>,
    tenancy: Tenancy,
}

/// A token that may be handed out.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// The token itself.
    pub secret: TokenSecret,
    /// When it expires, by the service's clock.
    pub expires_on: Timestamp,
    /// How many whole seconds are left, by the service's clock.
    pub expires_in_seconds: u64,
    /// Whose it is.
    pub account: Account,
}

/// A token of either kind.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TokenSecret {
    /// The Entra token.
    Entra(EntraToken),
    /// The Communication token.
    Communication(CommunicationToken),
}

impl TokenSecret {
    /// The token itself. Never print it but as the result that was asked for.
    pub fn expose(&self) -> &str {
        match self {
            TokenSecret::Entra(token) => token.expose(),
            TokenSecret::Communication(token) => token.expose(),
        }
    }
}

/// What a look at the kept session showed.
pub enum CacheLookup {
    /// A token that is good as it is: one read of the store, no network.
    Fresh(Token),
    /// Something must be done first.
    Stale(Renewal),
}

impl Session {
    /// The sessions of `tenancy` that `sessions` keeps.
    pub fn new(sessions: Arc<SessionStore>, clock: Arc<dyn Clock>, tenancy: Tenancy) -> Self {
        Session {
            sessions,
            clock,
            tenancy,
        }
    }

    /// Looks for a token that fulfils the wish: the index, then one read of the store, and neither
    /// where no such account is known. `user` is a username or home account id; without one, the
    /// active account is meant.
    ///
    /// # Errors
    /// As [`Session::named`]; [`Kind::Store`](crate::Kind::Store) where the store fails or its item cannot be read.
    pub fn cached_token(&self, user: Option<&str>, request: TokenRequest) -> Result<CacheLookup> {
        let entry = self.entry(user)?;
        let key = entry.as_ref().map(IndexEntry::key);
        if let Some(key) = &key
            && let Some(record) = self.sessions.load(key)?
        {
            let now = self.service_now(&record);
            if let Step::Use { fresh } =
                next_step(Some(&record), &request, Attempted::default(), now)
            {
                return hand_out(&record, &request, fresh, now).map(CacheLookup::Fresh);
            }
        }
        Ok(CacheLookup::Stale(Renewal {
            session: self.clone(),
            user: user.map(str::to_owned),
            key,
            username: entry.map(|entry| entry.account.username),
            request,
        }))
    }

    /// The session of this user, or else the active one.
    fn entry(&self, user: Option<&str>) -> Result<Option<IndexEntry>> {
        match user {
            Some(user) => self.named(user),
            None => self.sessions.active(&self.tenancy),
        }
    }

    /// What is kept for this tenancy, without secrets: one read of the index.
    ///
    /// # Errors
    /// As [`SessionStore::index`].
    pub fn index(&self) -> Result<Index> {
        self.sessions.index_of(&self.tenancy)
    }

    /// Makes this user's account the one that is meant where none is named.
    ///
    /// # Errors
    /// As [`Session::find`] and [`SessionStore::activate`].
    pub fn activate(&self, user: &str) -> Result<Account> {
        let entry = self.find(user)?;
        self.sessions.activate(&entry.key())?;
        Ok(entry.account)
    }

    /// Signs this user out on this machine.
    ///
    /// # Errors
    /// As [`Session::find`] and [`SessionStore::forget`].
    pub fn forget(&self, user: &str) -> Result<Account> {
        let entry = self.find(user)?;
        self.sessions.forget(&entry.key())?;
        Ok(entry.account)
    }

    /// What these sessions belong to.
    pub fn tenancy(&self) -> &Tenancy {
        &self.tenancy
    }

    /// The name of the store that keeps them.
    pub fn store_name(&self) -> &'static str {
        self.sessions.store_name()
    }

    /// The time by the service's clock, as far as the last answer told it.
    fn service_now(&self, record: &Record) -> Timestamp {
        Moment::now(self.clock.as_ref()).by_service(record.clock.as_ref())
    }
}

/// The kept token for the wish, at this time by the service's clock.
fn hand_out(record: &Record, request: &TokenRequest, fresh: bool, now: Timestamp) -> Result<Token> {
    let kept = find_cached(record, request)
        .ok_or_else(|| Error::internal("a token was to be used and is not there"))?;
    let left = kept.expires_on().since(now);
    if !fresh {
        tracing::warn!(
            "the token has {} left, less than the {} asked for: this tenant's tokens are short",
            crate::time::in_words(left),
            crate::time::in_words(request.min_validity),
        );
    }
    Ok(Token {
        secret: match kept {
            CachedToken::Entra(kept) => TokenSecret::Entra(kept.token.clone()),
            CachedToken::Communication(kept) => TokenSecret::Communication(kept.token.clone()),
        },
        expires_on: kept.expires_on(),
        expires_in_seconds: left.as_secs(),
        account: record.account.clone(),
    })
}

fn key_of(tenancy: &Tenancy, account: &Account) -> SessionKey {
    SessionKey {
        tenancy: tenancy.clone(),
        home_account_id: account.home_account_id.clone(),
    }
}
