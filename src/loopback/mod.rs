//! Sockets that only this machine can reach, and the check that a request was meant for them.
//!
//! In comes a port, out come bound listeners on 127.0.0.1 and `::1` at that same port. What is
//! served on them, and how, is not this room's business.

#[cfg(any(feature = "serve", feature = "emulator"))]
mod admitted;
mod adopt;
mod bound;
#[cfg(any(feature = "serve", feature = "emulator"))]
mod capacity;
#[cfg(any(feature = "serve", feature = "emulator"))]
mod close;
#[cfg(any(feature = "serve", feature = "emulator"))]
mod connection;
#[cfg(any(feature = "serve", feature = "emulator"))]
mod deadlines;
#[cfg(any(feature = "serve", feature = "emulator"))]
mod head;
mod host;
#[cfg(any(feature = "serve", feature = "emulator"))]
mod limits;
mod navigation;
mod origin;
pub mod peer;
#[cfg(any(feature = "serve", feature = "emulator"))]
mod progress;
#[cfg(any(feature = "serve", feature = "emulator"))]
pub(crate) mod serve;
#[cfg(test)]
#[cfg(any(feature = "serve", feature = "emulator"))]
mod slow_callers_tests;

pub use adopt::adopt;
pub use bound::{Bound, bind};
pub use host::{is_loopback_host, is_loopback_peer, is_our_host};
pub use navigation::{FetchMetadata, Navigation, PURPOSES};
pub use origin::WebOrigin;
