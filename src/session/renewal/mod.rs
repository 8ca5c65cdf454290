//! Renews a session: refresh, sign-in and exchange, each saved under the session's lock.
//!
//! Inputs are a [`PendingRenewal`](super::PendingRenewal), the services, and the sign-in method, if a sign-in is
//! allowed. Output is a token. The freshness rule decides the steps; this folder only takes them.

mod hints;
pub(super) mod locks;
mod refresh;
mod services;
mod sign_in;
mod task;

pub use services::{Exchange, RenewalServices};
