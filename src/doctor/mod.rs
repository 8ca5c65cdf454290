//! Checks as data: what is looked at, what was found, and what to do about it.
//!
//! In come the real parts of a run (configuration, store, HTTP client, environment), out comes one
//! [`Check`] for each thing that can keep a token from coming, in the order in which one explains
//! the next. Nothing is changed but a small item that the store keeps for a moment. Findings may
//! name tenant, application and files; [`Public`] shortens these for whoever shows them.

mod check;
mod local;
mod network;
mod process;
mod public;
mod route;

pub use check::{Check, Outcome, explanation};
pub use local::{browser, configuration, loopback, not_configured, redirect_port, store};
pub use network::{Heard, clock, entra, tls};
pub use network::{Owner, ask_resource, heard_from_entra, resource};
pub use process::{confinement, memory, swap};
pub use public::Public;
pub use route::proxy;
