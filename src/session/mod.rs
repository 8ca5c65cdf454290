//! Provides a valid token for a signed-in user.
//!
//! [`Sessions::cached_token`] reads the cache. If no cached token can be used, its [`PendingRenewal`] takes
//! the session's lock, refreshes or signs in, exchanges and saves. The sign-in method is a parameter;
//! without one a renewal that needs a sign-in fails with [`SignInNeeded`](crate::Kind::SignInNeeded).

mod find;
mod freshness;
#[cfg(test)]
mod freshness_tests;
mod migration;
mod overview;
mod portable;
#[cfg(test)]
mod properties;
mod renewal;
#[cfg(test)]
mod service_freshness_tests;
mod sessions;
mod token;

pub use find::has_shared_username;
pub use migration::{Migrated, migrate};
pub use overview::{AccountState, Overview, TokenState};
pub use portable::{Imported, PortableSession};
pub use renewal::{Exchange, RenewalServices};
pub use sessions::{CacheLookup, PendingRenewal, Sessions};
pub use token::{Token, TokenKind, TokenRequest, TokenSecret};

pub use crate::entra::SignInOptions;
