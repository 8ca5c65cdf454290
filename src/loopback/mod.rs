//! Sockets that only this machine can reach, and the check that a request was meant for them.
//!
//! In comes a port, out come bound listeners on 127.0.0.1 and `::1` at that same port. What is
//! served on them, and how, is not this room's business.

mod admitted;
mod adopt;
mod bound;
mod capacity;
mod close;
mod connection;
mod deadlines;
mod head;
mod host;
mod limits;
mod navigation;
mod origin;
pub mod peer;
mod progress;
pub(crate) mod serve;
#[cfg(test)]
mod slow_callers_tests;

pub use adopt::adopt;
pub use bound::{Bound, bind};
pub use host::{is_loopback_host, is_loopback_peer, is_our_host};
pub use navigation::{FetchMetadata, Navigation, PURPOSES};
pub use origin::WebOrigin;
