//! A session in the index, and the login to the operating system in which its item can be used.

use serde::{Deserialize, Serialize};

use crate::account::{Account, EntraApplication, SessionKey};
use crate::exchange::CommunicationTokenSource;
use crate::store::record::{Record, ShortLifetimeNote, readable};
use crate::store::token_store::{LoginSession, TokenStore};
use crate::time::{ServerTimeSample, Timestamp, unix_seconds};

/// Some sessions of one application in one store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IndexPage {
    /// The sessions, the active one first.
    pub entries: Vec<IndexEntry>,
    /// The number of further sessions.
    pub remaining: usize,
    /// Whether the index was damaged and may lack sessions of this application that are still in the
    /// store; see [`crate::store::SessionStore::restore`].
    pub is_incomplete: bool,
}

impl IndexPage {
    /// Returns whether there are accounts, and none is active: the active one was signed out.
    pub fn lacks_active(&self) -> bool {
        self.entries.first().is_some_and(|entry| !entry.active)
    }
}

/// A session in the index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexEntry {
    /// The application that the account signed in to.
    #[serde(rename = "tenancy")]
    pub application: EntraApplication,
    /// The account.
    pub account: Account,
    /// The name of the store with the session's item.
    pub store: String,
    /// The login of the item, if the store has separate items for each login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// Whether the session has a refresh token that Entra did not refuse.
    pub can_renew: bool,
    /// The Entra tokens, newest first.
    pub entra_tokens: Vec<IndexedEntraToken>,
    /// The Communication tokens of kinds of exchange that all programs know, newest first.
    pub communication_tokens: Vec<IndexedCommunicationToken>,
    /// Those of the other kinds. Earlier programs ignore this member.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(deserialize_with = "readable")]
    pub further_communication_tokens: Vec<IndexedCommunicationToken>,
    /// The record's note that this tenant's tokens are short.
    #[serde(rename = "short_tokens")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_lifetime: Option<ShortLifetimeNote>,
    /// The clocks at the last response of a service.
    #[serde(rename = "clock", default)]
    pub time_sample: Option<ServerTimeSample>,
    /// Whether this is the active account of its application, which commands without `--account` use.
    /// The list that contains the entry decides; the entry repeats it for a file whose lists are damaged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub active: bool,
}

/// An Entra token, without the token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexedEntraToken {
    /// The configured scopes at the time of the request, sorted.
    pub scopes: Vec<String>,
    /// The expiry, by the service's clock.
    #[serde(rename = "expires_on_seconds", with = "unix_seconds")]
    pub expires_on: Timestamp,
}

/// A Communication token, without the token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexedCommunicationToken {
    /// The issuing service and the request.
    pub source: CommunicationTokenSource,
    /// The expiry, by the service's clock.
    #[serde(rename = "expires_on_seconds", with = "unix_seconds")]
    pub expires_on: Timestamp,
}

impl IndexEntry {
    /// Returns the session's key.
    pub fn key(&self) -> SessionKey {
        SessionKey {
            application: self.application.clone(),
            home_account_id: self.account.home_account_id.clone(),
        }
    }

    /// Returns the Communication token from this source, fresh or not.
    pub fn communication_token(
        &self,
        source: &CommunicationTokenSource,
    ) -> Option<&IndexedCommunicationToken> {
        let mut tokens = self.communication_tokens.iter();
        let mut further = self.further_communication_tokens.iter();
        tokens
            .find(|token| token.source == *source)
            .or_else(|| further.find(|token| token.source == *source))
    }

    pub(super) fn is(&self, key: &SessionKey) -> bool {
        self.account.home_account_id == key.home_account_id && self.application == key.application
    }

    /// Returns the entry of a record that is saved in this login. It is not active.
    pub(super) fn of(record: &Record, location: &StoreAndLogin) -> Self {
        let tokens = record.communication_tokens.iter();
        let tokens = tokens.map(|kept| IndexedCommunicationToken {
            source: kept.source.clone(),
            expires_on: kept.expires_on,
        });
        let (communication_tokens, further_communication_tokens) =
            tokens.partition(|token| token.source.exchange.is_known_to_earlier_programs());
        IndexEntry {
            application: record.application.clone(),
            account: record.account.clone(),
            store: location.store.to_owned(),
            login: location.id().map(str::to_owned),
            can_renew: record.refresh_token.is_some() && !record.is_refresh_refused,
            entra_tokens: record
                .entra_tokens
                .iter()
                .map(|kept| IndexedEntraToken {
                    scopes: kept.scopes.clone(),
                    expires_on: kept.expires_on,
                })
                .collect(),
            communication_tokens,
            further_communication_tokens,
            short_lifetime: record.short_lifetime,
            time_sample: record.time_sample.clone(),
            active: false,
        }
    }
}

/// The store and the login session whose items this process uses. Some stores have separate items for
/// each login session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoreAndLogin {
    /// The store's name, as in the setting `store`.
    pub(super) store: &'static str,
    login: LoginSession,
}

impl StoreAndLogin {
    /// Returns the location of this store's items. Reads no item.
    pub(crate) fn of(store: &dyn TokenStore) -> Self {
        StoreAndLogin {
            store: store.name(),
            login: store.login_session(),
        }
    }

    /// Returns whether this process can read the item of that entry. Earlier versions recorded no
    /// login, so every login may try to read their items.
    pub(crate) fn includes(&self, entry: &IndexEntry) -> bool {
        entry.store == self.store
            && match &self.login {
                LoginSession::Shared | LoginSession::Unknown => true,
                LoginSession::Own(own) => entry.login.as_ref().is_none_or(|login| login == own),
                LoginSession::Ended => false,
            }
    }

    /// Returns whether this is the entry of that session for this process.
    pub(super) fn owns(&self, entry: &IndexEntry, key: &SessionKey) -> bool {
        self.includes(entry) && entry.is(key)
    }

    /// Returns whether all logins share the store's items.
    pub(super) fn is_shared(&self) -> bool {
        self.login == LoginSession::Shared
    }

    /// Returns the id of the login, for a new entry.
    pub(super) fn id(&self) -> Option<&str> {
        match &self.login {
            LoginSession::Own(own) => Some(own),
            LoginSession::Shared | LoginSession::Unknown | LoginSession::Ended => None,
        }
    }
}
