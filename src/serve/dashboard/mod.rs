//! The dashboard: one page, and the requests that only the page sends.
//!
//! Input: the requests of the page, at a listener of its own. Output: the page, a state without
//! secrets, sign-in and sign-out. The page gets tokens and identities from the service's other
//! routes.
//!
//! The listener has a new port in every run, so that the page has a new origin. Service workers and
//! caches that another program left in the browser belong to another origin.

mod access;
mod account_json;
mod bounded;
mod handlers;
mod origin;
mod pages;
mod sessions;
mod sign_in;
mod tickets;

pub(super) use handlers::{Dashboard, routes};
pub(super) use pages::{ClosedReason, closed};
pub use tickets::DashboardLink;
pub(super) use tickets::Redeemer;
