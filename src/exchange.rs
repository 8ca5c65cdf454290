//! The kinds of exchange, and the source of a Communication token.
//!
//! Values only: `acs` and `session` exchange.

use serde::{Deserialize, Serialize};

/// How an Entra token becomes a Communication token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ExchangeKind {
    /// `POST /teamsUser/:exchangeAccessToken`, with the resource's key or role.
    Key,
    /// `POST /access/entra/:exchangeAccessToken`, with the Entra token alone.
    Entra,
    /// `POST /access/teamsExtension/:exchangeAccessToken`, with the Entra token alone.
    TeamsExtension,
    /// `POST /v1/token` of an organisation's exchange service, which has the key or role.
    Service,
}

impl ExchangeKind {
    /// Returns whether the programs from before exchange services know this kind. They read no record and
    /// no line of the index that contains another one where they expect a kind.
    pub(crate) fn is_known_to_earlier_programs(self) -> bool {
        match self {
            ExchangeKind::Key | ExchangeKind::Entra | ExchangeKind::TeamsExtension => true,
            ExchangeKind::Service => false,
        }
    }
}

/// The source of a Communication token. A cached token satisfies a request only if all of it matches.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CommunicationTokenSource {
    /// The resource's endpoint, or the address of the exchange service, without a trailing slash.
    pub endpoint: String,
    /// The kind of exchange.
    pub exchange: ExchangeKind,
    /// The configured scopes or the defaults, as full names, sorted.
    pub scopes: Vec<String>,
}

impl CommunicationTokenSource {
    /// The source of tokens from this endpoint, by this exchange and for these scopes.
    pub fn new(endpoint: impl Into<String>, exchange: ExchangeKind, scopes: Vec<String>) -> Self {
        CommunicationTokenSource {
            endpoint: endpoint.into(),
            exchange,
            scopes,
        }
    }
}
