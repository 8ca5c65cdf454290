//! A token for the caller.

use super::freshness::{CachedToken, TokenRequest, find_cached};
use crate::account::Account;
use crate::error::{Error, Result};
use crate::secret::{CommunicationToken, EntraToken};
use crate::store::Record;
use crate::time::{Timestamp, in_words};

/// A valid token.
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
    /// Returns the cached token for the request. `now` is the time by the service's clock. If `fresh`
    /// is false, logs a warning that the token is short.
    pub(super) fn from_cache(
        record: &Record,
        request: &TokenRequest,
        fresh: bool,
        now: Timestamp,
    ) -> Result<Token> {
        let cached = find_cached(record, request)
            .ok_or_else(|| Error::internal("a token was to be used and is not there"))?;
        let left = cached.expires_on().since(now);
        if !fresh {
            tracing::warn!(
                "the token has {} left, less than the {} asked for: this tenant's tokens are short",
                in_words(left),
                in_words(request.min_validity),
            );
        }
        Ok(Token {
            secret: match cached {
                CachedToken::Entra(cached) => TokenSecret::Entra(cached.token.clone()),
                CachedToken::Communication(cached) => {
                    TokenSecret::Communication(cached.token.clone())
                }
            },
            expires_on: cached.expires_on(),
            expires_in_seconds: left.as_secs(),
            account: record.account.clone(),
        })
    }
}
