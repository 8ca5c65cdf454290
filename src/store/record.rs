//! The record of a session, and its JSON form.
//!
//! A record is read and replaced as a whole. Its JSON form is private to this file: it is checked
//! when it is read, and an error contains no byte of it.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use crate::account::{Account, EntraApplication, SessionKey};
use crate::claims::Claims;
use crate::error::{Error, Kind, Result};
use crate::exchange::CommunicationTokenSource;
use crate::secret::{CommunicationToken, EntraToken, RefreshToken, SecretBytes, is_b64token};
use crate::time::{ServerTimeSample, Timestamp, unix_seconds};

/// The most tokens of each kind in a session. An account has one for each resource, kind of exchange
/// and set of scopes, so this is more than the number of a user's profiles.
/// With 2.2 KB for an Entra token and 1.3 KB for a Communication token, the largest item is about
/// 230 KB: one D-Bus message, or 90 of the 1000 parts that the Credential Manager may take. Any
/// bound lets sources beyond it evict one another, which costs a renewal and no more.
const MAX_TOKENS: usize = 64;

/// A cached Entra token.
#[derive(Debug, Clone, PartialEq)]
pub struct CachedEntraToken {
    /// The token itself.
    pub token: EntraToken,
    /// The configured scopes at the time of the request, sorted.
    pub scopes: Vec<String>,
    /// The expiry, by the service's clock.
    pub expires_on: Timestamp,
}

/// A cached Communication token.
#[derive(Debug, Clone, PartialEq)]
pub struct CachedCommunicationToken {
    /// The token itself.
    pub token: CommunicationToken,
    /// The issuing service and the request.
    pub source: CommunicationTokenSource,
    /// The expiry, by the service's clock.
    pub expires_on: Timestamp,
}

/// The note that a refresh, or the exchange after one, returned a token that was not fresh: this tenant's
/// tokens are short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShortLifetimeNote {
    /// The time of that response, by the service's clock, in Unix seconds.
    pub redeemed_at_seconds: i64,
    /// The token's lifetime from then, in seconds.
    pub life_seconds: u64,
}

/// The issue of a refresh token. Of two refresh tokens of an account, the later issue is the newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RefreshTokenIssue {
    /// The time, by the service's clock, in whole seconds.
    #[serde(rename = "on_seconds", with = "unix_seconds")]
    pub on: Timestamp,
    /// The number of refresh tokens of this session before: several may be issued in one second.
    pub number: u32,
}

/// A session, with its tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The application that the account signed in to.
    pub application: EntraApplication,
    /// The account.
    pub account: Account,
    /// The refresh token; `None` if Entra issued none.
    pub refresh_token: Option<RefreshToken>,
    /// The issue of the refresh token; `None` if an earlier version saved it.
    pub refresh_token_issue: Option<RefreshTokenIssue>,
    /// Whether Entra refused this refresh token, so that the user has to sign in. A later refresh with it
    /// is still tried: a policy may have changed.
    pub is_refresh_refused: bool,
    /// Entra tokens, newest first, at most one for a set of scopes.
    pub entra_tokens: Vec<CachedEntraToken>,
    /// Communication tokens, newest first, at most one for a source.
    pub communication_tokens: Vec<CachedCommunicationToken>,
    /// Set by a refresh with a short token or by the exchange after it, cleared by a refresh with a long one.
    pub short_lifetime: Option<ShortLifetimeNote>,
    /// The claims challenge of Entra or of the resource, which the next sign-in sends. A refresh
    /// of all tokens that an exchange needs removes it.
    pub challenge: Option<Claims>,
    /// The clocks at the last response of a service.
    pub time_sample: Option<ServerTimeSample>,
}

impl Record {
    /// Creates a session without tokens.
    pub fn new(application: EntraApplication, account: Account) -> Self {
        Record {
            application,
            account,
            refresh_token: None,
            refresh_token_issue: None,
            is_refresh_refused: false,
            entra_tokens: Vec::new(),
            communication_tokens: Vec::new(),
            short_lifetime: None,
            challenge: None,
            time_sample: None,
        }
    }

    /// Returns the session's key.
    pub fn key(&self) -> SessionKey {
        SessionKey {
            application: self.application.clone(),
            home_account_id: self.account.home_account_id.clone(),
        }
    }

    /// Returns the Entra token for these scopes, fresh or not.
    pub fn entra_token(&self, scopes: &[String]) -> Option<&CachedEntraToken> {
        self.entra_tokens.iter().find(|kept| kept.scopes == scopes)
    }

    /// Returns the Communication token from this source, fresh or not.
    pub fn communication_token(
        &self,
        source: &CommunicationTokenSource,
    ) -> Option<&CachedCommunicationToken> {
        self.communication_tokens
            .iter()
            .find(|kept| kept.source == *source)
    }

    /// Replaces the refresh token. `now` is the time by the service's clock.
    pub fn keep_refresh_token(&mut self, token: RefreshToken, now: Timestamp) {
        let before = self.refresh_token_issue;
        self.refresh_token = Some(token);
        self.is_refresh_refused = false;
        self.refresh_token_issue = Some(RefreshTokenIssue {
            on: now,
            number: before.map_or(0, |before| before.number.saturating_add(1)),
        });
    }

    /// Adds an Entra token, and removes the one for the same scopes.
    pub fn keep_entra_token(&mut self, token: CachedEntraToken) {
        self.entra_tokens.retain(|kept| kept.scopes != token.scopes);
        self.entra_tokens.insert(0, token);
        if self.entra_tokens.len() > MAX_TOKENS {
            evict(&mut self.entra_tokens, |kept| kept.expires_on);
        }
    }

    /// Adds a Communication token, and removes the one from the same source.
    pub fn keep_communication_token(&mut self, token: CachedCommunicationToken) {
        self.communication_tokens
            .retain(|kept| kept.source != token.source);
        self.communication_tokens.insert(0, token);
        if self.communication_tokens.len() > MAX_TOKENS {
            evict(&mut self.communication_tokens, |kept| kept.expires_on);
        }
    }

    /// Removes one token, for a store that lacks space: the one that expires first of the kind with
    /// more tokens. `false` if only the newest of each kind is left.
    pub(super) fn evict_soonest_expiring(&mut self) -> bool {
        match self.entra_tokens.len() > self.communication_tokens.len() {
            true => evict(&mut self.entra_tokens, |kept| kept.expires_on),
            false => evict(&mut self.communication_tokens, |kept| kept.expires_on),
        }
    }

    /// Returns the record as the bytes of its item.
    pub fn to_bytes(&self) -> Result<SecretBytes> {
        let entra_token = |kept: &CachedEntraToken| EntraTokenJson {
            token: kept.token.expose().to_owned(),
            scopes: kept.scopes.clone(),
            expires_on: kept.expires_on,
        };
        let communication_token = |kept: &CachedCommunicationToken| CommunicationTokenJson {
            token: kept.token.expose().to_owned(),
            source: kept.source.clone(),
            expires_on: kept.expires_on,
        };
        let is_known =
            |kept: &&CachedCommunicationToken| kept.source.exchange.is_known_to_earlier_programs();
        let tokens = self.communication_tokens.iter();
        let (known, further) = (tokens.clone().filter(is_known), tokens);
        let further = further.filter(|kept| !is_known(kept));
        let record_json = RecordJson {
            version: VERSION,
            application: self.application.clone(),
            account: self.account.clone(),
            refresh_token: self.refresh_token.as_ref().map(|t| t.expose().to_owned()),
            refresh_token_issue: self.refresh_token_issue,
            is_refresh_refused: self.is_refresh_refused,
            entra_tokens: self.entra_tokens.iter().map(entra_token).collect(),
            communication_tokens: known.map(communication_token).collect(),
            further_communication_tokens: further.map(communication_token).collect(),
            short_lifetime: self.short_lifetime,
            challenge: self.challenge.as_ref().map(|c| c.as_str().to_owned()),
            time_sample: self.time_sample.clone(),
        };
        serde_json::to_vec(&record_json)
            .map(SecretBytes::new)
            .map_err(|_| Error::internal("a session could not be written as JSON"))
    }

    /// Parses an item. A token in an invalid form is left out, so that it is renewed.
    ///
    /// # Errors
    /// [`Kind::Store`] if the item is not a record; the error contains no byte of it.
    pub fn from_bytes(item: &SecretBytes) -> Result<Self> {
        let record_json: Option<RecordJson> = serde_json::from_slice(item.expose()).ok();
        let Some(record_json) = record_json.filter(|record_json| record_json.version == VERSION)
        else {
            return Err(Error::new(
                Kind::Store,
                "the stored session cannot be read: it is damaged or from another version",
                "Run `acspass logout --all`, then `acspass login`.",
            ));
        };
        let entra_token = |kept: EntraTokenJson| {
            is_b64token(&kept.token).then(|| CachedEntraToken {
                token: EntraToken::new(kept.token),
                scopes: kept.scopes,
                expires_on: kept.expires_on,
            })
        };
        let communication_token = |kept: CommunicationTokenJson| {
            is_b64token(&kept.token).then(|| CachedCommunicationToken {
                token: CommunicationToken::new(kept.token),
                source: kept.source,
                expires_on: kept.expires_on,
            })
        };
        let entra_tokens = record_json.entra_tokens.into_iter();
        let communication_tokens = record_json.communication_tokens.into_iter();
        let communication_tokens =
            communication_tokens.chain(record_json.further_communication_tokens);
        Ok(Record {
            application: record_json.application,
            account: record_json.account,
            refresh_token: record_json.refresh_token.map(RefreshToken::new),
            refresh_token_issue: record_json.refresh_token_issue,
            is_refresh_refused: record_json.is_refresh_refused,
            entra_tokens: entra_tokens.filter_map(entra_token).collect(),
            communication_tokens: communication_tokens
                .filter_map(communication_token)
                .collect(),
            short_lifetime: record_json.short_lifetime,
            challenge: record_json.challenge.as_deref().and_then(Claims::parse),
            time_sample: record_json.time_sample,
        })
    }
}

/// Removes the token that expires first, and of several the oldest. The first token, which was just
/// added, stays. `false` if there is no other.
fn evict<T>(tokens: &mut Vec<T>, expires_on: impl Fn(&T) -> Timestamp) -> bool {
    let others = tokens.iter().enumerate().skip(1).rev();
    let first = others.min_by_key(|(_, token)| expires_on(token));
    let Some((at, _)) = first else { return false };
    tokens.remove(at);
    true
}

/// Reads a list without the elements of another form, such as tokens by a kind of exchange that only later
/// programs know. They are renewed.
pub(super) fn readable<'de, D, T>(deserializer: D) -> std::result::Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Element<T> {
        Known(T),
        Unknown(IgnoredAny),
    }
    let elements = Vec::deserialize(deserializer)?.into_iter();
    let known = elements.filter_map(|element| match element {
        Element::Known(element) => Some(element),
        Element::Unknown(IgnoredAny) => None,
    });
    Ok(known.collect())
}

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct RecordJson {
    version: u32,
    #[serde(rename = "tenancy")]
    application: EntraApplication,
    account: Account,
    refresh_token: Option<String>,
    /// Missing in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token_issue: Option<RefreshTokenIssue>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_refresh_refused: bool,
    entra_tokens: Vec<EntraTokenJson>,
    /// Those of kinds of exchange that all programs know.
    #[serde(deserialize_with = "readable")]
    communication_tokens: Vec<CommunicationTokenJson>,
    /// Those of the other kinds. Earlier programs ignore this member, and exchange again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(deserialize_with = "readable")]
    further_communication_tokens: Vec<CommunicationTokenJson>,
    #[serde(rename = "short_tokens")]
    short_lifetime: Option<ShortLifetimeNote>,
    /// Missing in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    challenge: Option<String>,
    #[serde(rename = "clock")]
    time_sample: Option<ServerTimeSample>,
}

#[derive(Serialize, Deserialize)]
struct EntraTokenJson {
    token: String,
    scopes: Vec<String>,
    #[serde(rename = "expires_on_seconds", with = "unix_seconds")]
    expires_on: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct CommunicationTokenJson {
    token: String,
    source: CommunicationTokenSource,
    #[serde(rename = "expires_on_seconds", with = "unix_seconds")]
    expires_on: Timestamp,
}
