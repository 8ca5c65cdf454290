//! The sessions of one application in one tenant.

use std::sync::Arc;

use crate::account::{Account, SessionKey, Tenancy};
use crate::error::Result;
use crate::store::{Index, IndexEntry, Record, SessionStore};
use crate::time::{Clock, ClockReading, Timestamp};

/// The sessions of one application in one tenant.
#[derive(Clone)]
pub struct Sessions {
    pub(super) store: Arc<SessionStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tenancy: Tenancy,
}

impl Sessions {
    /// Returns the sessions of `tenancy` in `sessions`.
    pub fn new(sessions: Arc<SessionStore>, clock: Arc<dyn Clock>, tenancy: Tenancy) -> Self {
        Sessions {
            store: sessions,
            clock,
            tenancy,
        }
    }

    /// Returns the session of this user, or else the active one.
    pub(super) fn named_or_active(&self, user: Option<&str>) -> Result<Option<IndexEntry>> {
        match user {
            Some(user) => self.named(user),
            None => self.store.active(&self.tenancy),
        }
    }

    /// Returns the index of this tenancy, by one read.
    ///
    /// # Errors
    /// As [`SessionStore::index`].
    pub fn index(&self) -> Result<Index> {
        self.store.index_of(&self.tenancy)
    }

    /// Makes this user's account the active one.
    ///
    /// # Errors
    /// As [`Sessions::find`] and [`SessionStore::activate`].
    pub fn activate(&self, user: &str) -> Result<Account> {
        let entry = self.find(user)?;
        self.store.activate(&entry.key())?;
        Ok(entry.account)
    }

    /// Signs this user out on this machine.
    ///
    /// # Errors
    /// As [`Sessions::find`] and [`SessionStore::forget`].
    pub fn forget(&self, user: &str) -> Result<Account> {
        let entry = self.find(user)?;
        self.store.forget(&entry.key())?;
        Ok(entry.account)
    }

    /// Returns the tenancy of the sessions.
    pub fn tenancy(&self) -> &Tenancy {
        &self.tenancy
    }

    /// Returns the name of the store.
    pub fn store_name(&self) -> &'static str {
        self.store.store_name()
    }

    /// Returns the service's present time, estimated from its last response.
    pub(super) fn service_now(&self, record: &Record) -> Timestamp {
        ClockReading::now(self.clock.as_ref()).by_service(record.clock.as_ref())
    }
}

/// Returns the key of an account's session.
pub(super) fn key_of(tenancy: &Tenancy, account: &Account) -> SessionKey {
    SessionKey {
        tenancy: tenancy.clone(),
        home_account_id: account.home_account_id.clone(),
    }
}
