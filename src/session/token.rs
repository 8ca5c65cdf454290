//! A request for a token, and the token.

use std::time::Duration;

use crate::account::Account;
use crate::error::{Error, Result};
use crate::exchange::CommunicationTokenSource;
use crate::secret::{CommunicationToken, EntraToken};
use crate::store::Record;
use crate::time::{Timestamp, in_words};

/// A request for a token, and the validity that it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenRequest {
    /// The kind of token.
    pub kind: TokenKind,
    /// A cached token is fresh if more than this is left of it.
    pub min_validity: Duration,
    /// Ignores cached tokens: refreshes and exchanges again.
    pub force_refresh: bool,
    /// The Entra scopes of the exchange service, whose token the exchange needs beside the one for
    /// ACS. Empty for every other exchange, and if the service requests that one on behalf of the user.
    pub service_scopes: Vec<String>,
}

impl TokenRequest {
    /// A request for a token that is valid for more than `min_validity`.
    pub fn new(kind: TokenKind, min_validity: Duration) -> Self {
        TokenRequest {
            kind,
            min_validity,
            force_refresh: false,
            service_scopes: Vec::new(),
        }
    }

    /// The Entra scopes, sorted.
    pub fn scopes(&self) -> &[String] {
        match &self.kind {
            TokenKind::Entra(scopes) => scopes,
            TokenKind::Communication(source) => &source.scopes,
        }
    }
}

/// The kind of token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenKind {
    /// The Entra token for these scopes, sorted.
    Entra(Vec<String>),
    /// A Communication token from this source.
    Communication(CommunicationTokenSource),
}

/// A token from the cache or from a renewal, valid when it was returned to the caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// The token.
    pub secret: TokenSecret,
    /// The expiry, by the service's clock.
    pub expires_on: Timestamp,
    /// The whole seconds until the expiry, by the service's clock.
    pub expires_in_seconds: u64,
    /// The token's account.
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
    /// Returns the token as text. Print it only as the result of a command.
    pub fn expose(&self) -> &str {
        match self {
            TokenSecret::Entra(token) => token.expose(),
            TokenSecret::Communication(token) => token.expose(),
        }
    }
}

impl Token {
    /// Returns the cached token for the request, which the freshness rule permits to use. `now` is the
    /// time by the service's clock. Logs a warning if the token is not fresh.
    pub(super) fn from_cache(
        record: &Record,
        request: &TokenRequest,
        now: Timestamp,
    ) -> Result<Token> {
        let token = Token::find_in_cache(record, request, now)
            .ok_or_else(|| Error::internal("the cached token is missing"))?;
        if token.remaining_validity() <= request.min_validity {
            tracing::warn!(
                "the token expires in {}, earlier than the requested {}: the tenant issues \
                 short-lived tokens",
                in_words(token.remaining_validity()),
                in_words(request.min_validity),
            );
        }
        Ok(token)
    }

    /// Returns the cached token for the request, even if it has expired.
    pub(super) fn find_in_cache(
        record: &Record,
        request: &TokenRequest,
        now: Timestamp,
    ) -> Option<Token> {
        let (secret, expires_on) = match &request.kind {
            TokenKind::Entra(scopes) => {
                let cached = record.entra_token(scopes)?;
                (TokenSecret::Entra(cached.token.clone()), cached.expires_on)
            }
            TokenKind::Communication(source) => {
                let cached = record.communication_token(source)?;
                let token = cached.token.clone();
                (TokenSecret::Communication(token), cached.expires_on)
            }
        };
        Some(Token {
            secret,
            expires_on,
            expires_in_seconds: expires_on.since(now).as_secs(),
            account: record.account.clone(),
        })
    }

    /// Returns the time until the expiry, by the service's clock.
    pub(super) fn remaining_validity(&self) -> Duration {
        Duration::from_secs(self.expires_in_seconds)
    }
}
