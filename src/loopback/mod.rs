//! Sockets that only this machine can reach, and the check that a request was meant for them.
//!
//! Input: a port. Output: bound listeners on 127.0.0.1 and `::1` at that port, and an accept loop for
//! the HTTP servers of this crate. The servers decide about requests.

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
