//! Sockets that only this machine can reach, and the check that a request was meant for them.
//!
//! Input: a port. Output: bound listeners on 127.0.0.1 and `::1` at that port, and an accept loop for
//! the HTTP servers of this crate. The servers decide about requests. Only the emulator, and only if
//! its user asks for it, binds an address that other machines reach.

mod host;
mod listeners;
mod navigation;
pub mod peer;
#[cfg(any(feature = "serve", feature = "emulator", feature = "exchange-service"))]
pub(crate) mod serve;

pub use host::{WebOrigin, is_loopback_host, is_loopback_peer, is_our_host};
#[cfg(any(feature = "emulator", feature = "exchange-service"))]
pub(crate) use listeners::bind_network;
pub use listeners::{Bound, adopt, bind, bind_free};
pub use navigation::{FetchMetadata, Navigation, PURPOSES};
