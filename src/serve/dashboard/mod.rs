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
mod assignments;
mod handlers;
pub(super) mod pages;
mod sessions;
mod sign_in;

pub(super) use access::Dashboard;
pub use access::DashboardLink;
pub(super) use handlers::routes;
