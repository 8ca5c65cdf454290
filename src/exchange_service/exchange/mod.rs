//! The exchange of a user's token, with the credential for the resource.
//!
//! Concurrent requests with one token are one exchange. Its result stays in memory as long as the
//! freshness rule allows.

mod cache;
mod entra_refusal;
mod exchanger;
mod identities;
mod on_behalf_of;
mod reason;
mod refusal;
mod resource;

pub(super) use cache::{Origin, TokenCache};
pub(super) use exchanger::{Exchanger, Subject};
pub(super) use identities::Identities;
pub(super) use on_behalf_of::OnBehalfOf;
pub(super) use reason::Reason;
pub(super) use refusal::Refusal;
pub(super) use resource::Resource;
