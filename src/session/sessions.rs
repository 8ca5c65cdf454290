//! The sessions of one application in one tenant, and the lookup of a cached token, which is the fast
//! path of `get`.

use std::sync::Arc;

use tracing::debug;

use super::freshness::{CompletedSteps, Step, next_step};
use super::token::{Token, TokenRequest};
use crate::account::{Account, EntraApplication};
use crate::error::Result;
use crate::store::{Index, IndexEntry, Record, SessionStore};
use crate::time::{Clock, LocalClocks, Timestamp};

/// The sessions of one application in one tenant.
#[derive(Clone)]
pub struct Sessions {
    pub(super) store: Arc<SessionStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) application: EntraApplication,
}

/// The result of a cache lookup.
pub enum CacheLookup {
    /// The cached token can be used without a renewal: it is fresh, or this tenant's tokens are short.
    Hit(Token),
    /// No cached token can be used for the request.
    Miss(PendingRenewal),
}

/// A request that the cache does not satisfy: the session must be renewed, or a user must sign in.
pub struct PendingRenewal {
    pub(super) sessions: Sessions,
    pub(super) user: Option<String>,
    /// The session in the index. It is kept here because the entry of a lost session is removed.
    pub(super) entry: Option<Box<IndexEntry>>,
    pub(super) request: TokenRequest,
}

impl PendingRenewal {
    /// Whether the index lists a session of the requested account.
    pub fn has_session(&self) -> bool {
        self.entry.is_some()
    }
}

impl Sessions {
    /// Returns the sessions of `application` in `store`.
    pub fn new(
        store: Arc<SessionStore>,
        clock: Arc<dyn Clock>,
        application: EntraApplication,
    ) -> Self {
        Sessions {
            store,
            clock,
            application,
        }
    }

    /// Returns the cached token if it satisfies the request. Reads the index, and one item of the
    /// store if the account is listed; repairs the index if it is damaged or the item is lost. Uses no
    /// network. `user` is a username or home account id, or the beginning of one; the
    /// default is the active account.
    ///
    /// # Errors
    /// As [`Sessions::find_session`]; [`Kind::Store`](crate::Kind::Store) if the store fails.
    pub fn cached_token(&self, user: Option<&str>, request: TokenRequest) -> Result<CacheLookup> {
        let entry = self.find_session_or_active(user)?;
        if let Some(entry) = &entry
            && let Some(record) = self.store.load(&entry.key())?
        {
            let now = self.service_now(&record);
            let step = next_step(Some(&record), &request, CompletedSteps::default(), now);
            if let Step::UseCached | Step::UseCachedBelowMinimum = step {
                debug!("{}", step.sentence(Some(&record.account.username)));
                return Token::from_cache(&record, &request, now).map(CacheLookup::Hit);
            }
        }
        Ok(CacheLookup::Miss(PendingRenewal {
            sessions: self.clone(),
            user: user.map(str::to_owned),
            entry: entry.map(Box::new),
            request,
        }))
    }

    /// Returns the session of this user, or else the active one.
    pub(super) fn find_session_or_active(&self, user: Option<&str>) -> Result<Option<IndexEntry>> {
        match user {
            Some(user) => self.find_session(user),
            None => self.store.active(&self.application),
        }
    }

    /// Returns the service's present time, estimated from its last response.
    pub(super) fn service_now(&self, record: &Record) -> Timestamp {
        LocalClocks::read(self.clock.as_ref()).estimate_server_time(record.time_sample.as_ref())
    }

    /// Returns the index of this application, by one read.
    ///
    /// # Errors
    /// As [`SessionStore::index`].
    pub fn index(&self) -> Result<Index> {
        self.store.list_all(&self.application)
    }

    /// Makes this user's account the active one.
    ///
    /// # Errors
    /// As [`Sessions::require_session`] and [`SessionStore::activate`].
    pub fn activate(&self, user: &str) -> Result<Account> {
        let entry = self.require_session(user)?;
        self.store.activate(&entry.key())?;
        Ok(entry.account)
    }

    /// Signs this user out on this machine.
    ///
    /// # Errors
    /// As [`Sessions::require_session`] and [`SessionStore::forget`].
    pub fn forget(&self, user: &str) -> Result<Account> {
        let entry = self.require_session(user)?;
        self.store.forget(&entry.key())?;
        Ok(entry.account)
    }

    /// Returns the application of the sessions.
    pub fn application(&self) -> &EntraApplication {
        &self.application
    }

    /// Returns the name of the store.
    pub fn store_name(&self) -> &'static str {
        self.store.store_name()
    }
}
