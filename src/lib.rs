//! Sign in as a Teams user, get Azure Communication Services tokens.
//!
//! (The map of the rooms follows as they are built.)

pub mod emulator;
pub mod entra;
pub mod error;
pub mod jwt;
pub mod loopback;
pub mod secret;
pub mod store;
pub mod time;

pub use error::{Error, Kind, Result};
