//! The client of ACS Identity.
//!
//! Inputs are a resource and its credential. Each operation of the service is one call. The client
//! stores nothing, and does not sign users in.

mod access;
pub mod api;
mod api_versions;
mod client;
mod direct;
mod operation;
mod path;
#[cfg(test)]
mod properties;
mod request;
#[cfg(feature = "azure-identity")]
pub mod resource_credential;
pub mod teams_token;
mod values;

pub use access::{
    AccessClient, AccessFamily, Assignment, GrantChange, Granted, PrincipalType, RevokeChange,
    check_object_id,
};
pub use client::{CreatedUser, IdentityClient, ResourceAuth};
pub use direct::{DirectExchange, Exchanged, check_family};
pub use request::{IssuedToken, RequestToSign, sign};
pub use values::{
    Cloud, CommunicationIdentifier, CommunicationUserId, ConnectionString, Endpoint, RequestTarget,
    TokenLifetime, TokenScope, check_access_key,
};
