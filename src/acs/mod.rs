//! The client of ACS Identity.
//!
//! It takes a resource and what proves the right to it, and turns each operation of the service
//! into one call. It keeps nothing, and knows neither how a user signs in nor who did.

mod call;
mod client;
mod connection_string;
mod direct;
mod endpoint;
mod identifier;
mod refusal;
#[cfg(feature = "azure-identity")]
pub mod resource_credential;
mod scope;
mod sign;
pub mod teams_token;

pub use call::ResourceAuth;
pub use client::{CreatedUser, IdentityClient};
pub use connection_string::{ConnectionString, check_access_key};
pub use direct::{DirectExchange, Exchanged, check_family};
pub use endpoint::Endpoint;
pub use identifier::{Cloud, CommunicationIdentifier, CommunicationUserId};
pub use scope::{TokenLifetime, TokenScope};
pub use sign::{Unsigned, sign};

use crate::secret::CommunicationToken;
use crate::time::Timestamp;

/// A Communication token, fresh from the service.
#[derive(Debug, Clone, PartialEq)]
pub struct Issued {
    /// The token.
    pub token: CommunicationToken,
    /// When it expires, by the service's clock.
    pub expires_on: Timestamp,
    /// The service's clock at the moment of the answer, where it sent one.
    pub service_time: Option<Timestamp>,
}
