//! Provides a valid token for a signed-in user.
//!
//! [`Sessions::cached_token`] reads the cache. If the token is stale, its [`Renewal`] takes the
//! session's lock, refreshes or signs in, exchanges and saves. The sign-in method is a parameter;
//! without one the renewal fails with [`SignInNeeded`](crate::Kind::SignInNeeded).

mod cached_token;
mod exchange;
mod freshness;
#[cfg(test)]
mod freshness_tests;
mod held_locks;
mod lock_wait;
mod named;
mod overview;
mod record_update;
mod renewal;
mod renewal_task;
mod services;
mod sessions;
mod sign_in;
mod token;

pub use cached_token::CacheLookup;
pub use exchange::Exchange;
pub use freshness::{Target, TokenRequest};
pub use overview::{AccountState, Overview, TokenState};
pub use renewal::Renewal;
pub use services::RenewalServices;
pub use sessions::Sessions;
pub use token::{Token, TokenSecret};

pub use crate::entra::SignInOptions;
