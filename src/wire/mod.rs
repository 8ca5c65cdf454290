//! The JSON shapes of the services' requests and responses.
//!
//! JSON comes in or goes out; nothing is decided here. The emulator does not use these shapes, so
//! that a mistake in one of them cannot hide on both sides.

pub(crate) mod acs;
#[cfg(feature = "session")]
pub(crate) mod entra;
#[cfg(feature = "session")]
pub(crate) mod graph;
mod members;

pub(crate) use members::{Members, read};
