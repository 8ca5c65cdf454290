//! The index: which sessions there are, and until when their tokens live.
//!
//! It is what `status` reads, and what names the active account before a store is opened, so there
//! is nothing secret in it: no token, and nothing made from one. It says what was true at the last
//! save; whether an item is still in its store, only the store knows.

mod file;
mod form;
mod lines;
#[cfg(test)]
mod lines_tests;
mod login_scope;
mod salvage;

use serde::{Deserialize, Serialize};

use super::record::{Record, ShortTokens};
use crate::account::{Account, SessionKey, Tenancy};
use crate::exchange::TokenSource;
use crate::time::{ClockMark, Timestamp};
use salvage::Lost;

pub(super) use file::IndexFile;
pub(super) use login_scope::LoginScope;

/// The sessions of one store, as they were when the index was read.
#[derive(Debug, Clone)]
pub struct Index {
    scope: LoginScope,
    entries: Vec<IndexEntry>,
    lost: Option<Lost>,
}

/// Some sessions of one tenancy in one store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IndexPage {
    /// The sessions, the active one first.
    pub entries: Vec<IndexEntry>,
    /// How many more there are.
    pub left: usize,
    /// Whether the index was damaged and may lack sessions of this tenancy that the store still
    /// holds; see [`crate::store::SessionStore::restore`].
    pub is_incomplete: bool,
}

impl IndexPage {
    /// Whether somebody is signed in and nobody is active: the active account was signed out.
    pub fn lacks_active(&self) -> bool {
        self.entries.first().is_some_and(|entry| !entry.active)
    }
}

/// What the index knows of one session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexEntry {
    /// Where the account signed in.
    pub tenancy: Tenancy,
    /// Who signed in.
    pub account: Account,
    /// The name of the store that holds the session's item.
    pub store: String,
    /// The login that the item belongs to, if the store keeps each login's items apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// Whether the session holds a refresh token.
    pub can_renew: bool,
    /// The Entra tokens, newest first.
    pub entra_tokens: Vec<IndexedEntraToken>,
    /// The Communication tokens, newest first.
    pub communication_tokens: Vec<IndexedCommunicationToken>,
    /// The record's note that this tenant's tokens are short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_tokens: Option<ShortTokens>,
    /// What the clocks showed when a service last answered.
    #[serde(default)]
    pub clock: Option<ClockMark>,
    /// Whether commands without `--account` mean this account, within its tenancy. The list that an
    /// entry stands in decides; the entry repeats it for a file whose lists are damaged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub active: bool,
}

/// An Entra token, without the token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexedEntraToken {
    /// The scopes that were configured when it was asked for, sorted.
    pub scopes: Vec<String>,
    /// When it expires, by the service's clock.
    #[serde(rename = "expires_on_seconds", with = "unix_seconds")]
    pub expires_on: Timestamp,
}

/// A Communication token, without the token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexedCommunicationToken {
    /// What issued it, and for what.
    pub source: TokenSource,
    /// When it expires, by the service's clock.
    #[serde(rename = "expires_on_seconds", with = "unix_seconds")]
    pub expires_on: Timestamp,
}

impl Index {
    /// All sessions in this store that this login can use.
    pub fn entries(&self) -> impl Iterator<Item = &IndexEntry> {
        self.entries.iter().filter(|entry| self.scope.holds(entry))
    }

    /// The sessions in this store that belong to this application in this tenant.
    pub fn in_tenancy<'a, 't>(
        &'a self,
        tenancy: &'t Tenancy,
    ) -> impl Iterator<Item = &'a IndexEntry> + use<'a, 't> {
        self.entries()
            .filter(move |entry| entry.tenancy == *tenancy)
    }

    /// The session that commands mean where no account is named.
    pub fn active(&self, tenancy: &Tenancy) -> Option<&IndexEntry> {
        self.in_tenancy(tenancy).find(|entry| entry.active)
    }

    /// The sessions that a typed name fits best: the one with this home account id, else those with
    /// this username, else those whose username or home account id begins with it. More than one
    /// session means that the name is ambiguous.
    pub fn called(&self, tenancy: &Tenancy, name: &str) -> Vec<&IndexEntry> {
        let fits = |entry: &&IndexEntry| entry.account.fit(name);
        let best = self
            .in_tenancy(tenancy)
            .filter_map(|entry| fits(&entry))
            .max();
        match best {
            Some(best) => self
                .in_tenancy(tenancy)
                .filter(|entry| fits(entry) == Some(best))
                .collect(),
            None => Vec::new(),
        }
    }

    /// What is known of this session.
    pub fn entry(&self, key: &SessionKey) -> Option<&IndexEntry> {
        self.entries().find(|entry| entry.is(key))
    }

    /// Whether the index was damaged and may lack sessions of this tenancy.
    pub(super) fn is_incomplete(&self, tenancy: &Tenancy) -> bool {
        let lost = self.lost.as_ref();
        lost.is_some_and(|lost| !lost.is_restored(tenancy, &self.scope))
    }

    /// The sessions that other stores hold, which no vault over this store can load.
    pub fn elsewhere(&self) -> impl Iterator<Item = &IndexEntry> {
        self.entries
            .iter()
            .filter(|entry| entry.store != self.scope.store)
    }
}

impl IndexPage {
    pub(in crate::store) fn into_index(self, scope: LoginScope) -> Index {
        Index {
            scope,
            entries: self.entries,
            lost: None,
        }
    }
}

impl IndexEntry {
    /// What names the session.
    pub fn key(&self) -> SessionKey {
        SessionKey {
            tenancy: self.tenancy.clone(),
            home_account_id: self.account.home_account_id.clone(),
        }
    }

    fn is(&self, key: &SessionKey) -> bool {
        self.account.home_account_id == key.home_account_id && self.tenancy == key.tenancy
    }

    fn of(record: &Record, scope: &LoginScope, active: bool) -> Self {
        IndexEntry {
            tenancy: record.tenancy.clone(),
            account: record.account.clone(),
            store: scope.store.to_owned(),
            login: scope.login().map(str::to_owned),
            can_renew: record.refresh_token.is_some(),
            entra_tokens: record
                .entra_tokens
                .iter()
                .map(|kept| IndexedEntraToken {
                    scopes: kept.scopes.clone(),
                    expires_on: kept.expires_on,
                })
                .collect(),
            communication_tokens: record
                .communication_tokens
                .iter()
                .map(|kept| IndexedCommunicationToken {
                    source: kept.source.clone(),
                    expires_on: kept.expires_on,
                })
                .collect(),
            short_tokens: record.short_tokens,
            clock: record.clock.clone(),
            active,
        }
    }
}

mod unix_seconds {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::time::Timestamp;

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(at.unix_seconds())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp::from_unix_seconds)
    }
}
