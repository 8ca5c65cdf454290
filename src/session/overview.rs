//! What the index tells of the sessions of one application: who, what is fresh until when, and
//! what the next `get` would do. No secret is read, and no store is called.

use std::time::Duration;

use crate::account::Account;
use crate::exchange::TokenSource;
use crate::store::{IndexEntry, IndexPage};
use crate::time::{Moment, Timestamp};

/// The accounts of an application in a tenant, and what a token must be for them.
pub struct Overview {
    /// What is kept, the active account first; how many are left out.
    pub shown: IndexPage,
    /// What Communication tokens must have come from; `None` where no resource is configured.
    pub source: Option<TokenSource>,
    /// The Entra scopes that are configured, sorted.
    pub scopes: Vec<String>,
    /// A token is fresh with more than this left.
    pub min_validity: Duration,
    /// When this is.
    pub now: Moment,
}

/// One account, as far as the index knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountState {
    /// Who it is.
    pub account: Account,
    /// Whether it is meant where none is named.
    pub active: bool,
    /// The Entra token for the configured scopes.
    pub entra: Option<TokenState>,
    /// The Communication token from the configured source.
    pub communication: Option<TokenState>,
    /// Whether there is a refresh token.
    pub can_renew: bool,
}

/// A kept token, without its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenState {
    /// When it expires, by the service's clock.
    pub expires_on: Timestamp,
    /// How long it still lives.
    pub left: Duration,
    /// Whether that is enough.
    pub fresh: bool,
}

impl Overview {
    /// The accounts, as the index lists them.
    pub fn accounts(&self) -> Vec<AccountState> {
        let entries = self.shown.entries.iter();
        entries.map(|entry| self.account(entry)).collect()
    }

    /// Whether the active account can give a token without a person, as far as the index tells.
    pub fn active_can_get_token(&self) -> bool {
        let mut entries = self.shown.entries.iter();
        entries.any(|entry| entry.active && self.account(entry).can_get_token())
    }

    fn account(&self, entry: &IndexEntry) -> AccountState {
        let mut entra = entry.entra_tokens.iter();
        let entra = entra.find(|token| token.scopes == self.scopes);
        let mut communication = entry.communication_tokens.iter();
        let communication = communication.find(|token| Some(&token.source) == self.source.as_ref());
        let now = self.now.by_service(entry.clock.as_ref());
        let state = |expires_on: Timestamp| TokenState {
            expires_on,
            left: expires_on.since(now),
            fresh: expires_on.since(now) > self.min_validity,
        };
        AccountState {
            account: entry.account.clone(),
            active: entry.active,
            entra: entra.map(|token| state(token.expires_on)),
            communication: communication.map(|token| state(token.expires_on)),
            can_renew: entry.can_renew,
        }
    }
}

impl AccountState {
    /// Whether it can give a token without a person, as far as the index tells.
    pub fn can_get_token(&self) -> bool {
        let fresh = |token: Option<TokenState>| token.is_some_and(|token| token.fresh);
        self.can_renew || fresh(self.communication) || fresh(self.entra)
    }
}
