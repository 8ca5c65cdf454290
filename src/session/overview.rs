//! The state of the accounts, by the index: their tokens' expiry, and the result of the next `get`.
//! Reads no secret, and makes no call to the store.

use std::time::Duration;

use crate::account::Account;
use crate::exchange::CommunicationTokenSource;
use crate::store::{IndexEntry, IndexPage};
use crate::time::{LocalClocks, Timestamp};

/// The accounts of an application in a tenant, and the requirements for a token.
pub struct Overview {
    /// The listed accounts, the active one first, and the number of others.
    pub shown: IndexPage,
    /// The source of Communication tokens; `None` if no resource is configured.
    pub source: Option<CommunicationTokenSource>,
    /// The configured Entra scopes, sorted.
    pub scopes: Vec<String>,
    /// Whether an exchange needs a second Entra token, which a refresh token brings.
    pub needs_second_token: bool,
    /// A token is fresh with more than this left.
    pub min_validity: Duration,
    /// The current time.
    pub now: LocalClocks,
}

/// An account in the index.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountState {
    /// The account.
    pub account: Account,
    /// Whether it is the active account.
    pub active: bool,
    /// The Entra token for the configured scopes.
    pub entra: Option<TokenState>,
    /// The Communication token from the configured source.
    pub communication: Option<TokenState>,
    /// Whether there is a refresh token.
    pub can_renew: bool,
    /// Whether an exchange needs a second Entra token, which a refresh token brings.
    pub needs_second_token: bool,
}

/// A cached token, without its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenState {
    /// The expiry, by the service's clock.
    pub expires_on: Timestamp,
    /// The time until the expiry.
    pub remaining_validity: Duration,
    /// Whether the token is fresh.
    pub fresh: bool,
}

impl Overview {
    /// Returns the accounts in the order of the index.
    pub fn accounts(&self) -> Vec<AccountState> {
        let entries = self.shown.entries.iter();
        entries.map(|entry| self.account(entry)).collect()
    }

    /// Returns whether the active account can get a token without a user, by the index.
    pub fn active_can_get_token(&self) -> bool {
        let mut entries = self.shown.entries.iter();
        entries.any(|entry| entry.active && self.account(entry).can_get_token())
    }

    fn account(&self, entry: &IndexEntry) -> AccountState {
        let mut entra = entry.entra_tokens.iter();
        let entra = entra.find(|token| token.scopes == self.scopes);
        let source = self.source.as_ref();
        let communication = source.and_then(|source| entry.communication_token(source));
        let now = self.now.estimate_server_time(entry.time_sample.as_ref());
        let state = |expires_on: Timestamp| TokenState {
            expires_on,
            remaining_validity: expires_on.since(now),
            fresh: expires_on.since(now) > self.min_validity,
        };
        AccountState {
            account: entry.account.clone(),
            active: entry.active,
            entra: entra.map(|token| state(token.expires_on)),
            communication: communication.map(|token| state(token.expires_on)),
            can_renew: entry.can_renew,
            needs_second_token: self.needs_second_token,
        }
    }
}

impl AccountState {
    /// Returns whether it can get a token without a user, by the index.
    pub fn can_get_token(&self) -> bool {
        let fresh = |token: Option<TokenState>| token.is_some_and(|token| token.fresh);
        let can_exchange = fresh(self.entra) && !self.needs_second_token;
        self.can_renew || fresh(self.communication) || can_exchange
    }
}
