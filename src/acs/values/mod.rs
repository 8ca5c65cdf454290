//! The values of ACS: endpoints and connection strings, ids, scopes and lifetimes.
//!
//! Inputs are texts of users, outputs values that are checked and printed. Nothing is sent from here.

mod endpoint;
mod identifier;
mod scope;
mod target;

pub(super) use endpoint::not_base64;
pub use endpoint::{ConnectionString, Endpoint, check_access_key};
pub(super) use identifier::is_bounded;
pub use identifier::{Cloud, CommunicationIdentifier, CommunicationUserId};
pub use scope::{TokenLifetime, TokenScope};
pub(super) use target::ESCAPED;
pub use target::RequestTarget;
