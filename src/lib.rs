//! Sign in as a Teams user, get Azure Communication Services tokens.
//!
//! (The map of the rooms follows as they are built.)

pub mod account;
pub mod acs;
pub mod cli;
pub mod config;
pub mod emulator;
pub mod entra;
pub mod error;
pub mod http;
pub mod jwt;
pub mod loopback;
pub mod secret;
pub mod session;
pub mod store;
pub mod time;
mod wire;

pub use error::{Error, Kind, Result};
