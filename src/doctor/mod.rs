//! Checks as data: the subject, the finding and the advice.
//!
//! Input: the parts of a run (configuration, store, HTTP client, environment). Output: one [`Check`]
//! per possible cause of a missing token, in an order in which each check may explain the next. The
//! checks change nothing, except a small item that they store and delete. Findings may contain the
//! tenant, the application and files; [`Public`] shortens these.

mod browser;
mod check;
mod local;
mod network;

pub use browser::browser;
pub use check::{Check, Outcome, Public, explanation};
pub use local::{configuration, confinement, loopback, memory, not_configured};
pub use local::{redirect_port, store, swap};
pub use network::{MetadataProbe, Owner, ask_resource, clock, entra, exchange_service};
pub use network::{probe_metadata, proxy, resource, tls};
