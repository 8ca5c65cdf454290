//! The client of ACS Identity.
//!
//! Inputs are a resource and its credential. Each operation of the service is one call. The client
//! stores nothing, and does not sign users in.

mod client;
mod direct;
mod endpoint;
mod identifier;
mod refusal;
mod request;
#[cfg(feature = "azure-identity")]
pub mod resource_credential;
mod scope;
pub mod teams_token;

pub use client::{CreatedUser, IdentityClient, ResourceAuth};
pub use direct::{DirectExchange, Exchanged, check_family};
pub use endpoint::{ConnectionString, Endpoint, check_access_key};
pub use identifier::{Cloud, CommunicationIdentifier, CommunicationUserId};
pub use request::{IssuedToken, Unsigned, sign};
pub use scope::{TokenLifetime, TokenScope};
