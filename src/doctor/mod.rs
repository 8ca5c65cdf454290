//! Checks as data: the subject, the finding and the advice.
//!
//! Input: the parts of a run (configuration, store, HTTP client, environment). Output: one [`Check`]
//! per possible cause of a missing token, in an order in which each check may explain the next. The
//! checks change nothing, except a small item that they store and delete. Findings may contain the
//! tenant, the application and files; [`Public`] shortens these.

mod check;
mod local;
mod network;
mod process;
mod public;
mod route;

pub use check::{Check, Outcome, explanation};
pub use local::{browser, configuration, loopback, not_configured, redirect_port, store};
pub use network::{MetadataProbe, clock, entra, tls};
pub use network::{Owner, ask_resource, probe_metadata, resource};
pub use process::{confinement, memory, swap};
pub use public::Public;
pub use route::proxy;
