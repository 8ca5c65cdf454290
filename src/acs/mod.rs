//! The client of ACS Identity.
//!
//! Inputs are a resource and its credential. Each operation of the service is one call. The client
//! stores nothing, and does not sign users in.

mod call;
mod client;
mod connection_string;
mod direct;
mod endpoint;
mod identifier;
mod issued;
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
pub use issued::IssuedToken;
pub use scope::{TokenLifetime, TokenScope};
pub use sign::{Unsigned, sign};
