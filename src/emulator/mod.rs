//! An emulator of Microsoft Entra ID and ACS Identity, for tests and for development.
//!
//! [`Emulator::start`] takes [`Options`] and serves on this machine's loopback until the
//! [`Emulator`] is dropped. It provides the URLs, ids and connection string that any client needs.
//! It shares no code with the client, refuses every request that the real services refuse, and
//! marks each page, header and token as emulated.
//!
//! Requests arrive in `server.rs`, which calls `control`, `entra`, `acs`, `graph` or `pages`. Their handlers
//! receive a `Request` with the shared `Context`.

mod aadsts;
mod acs;
mod authority;
mod changes;
mod client_environment;
mod clock;
mod context;
mod control;
mod cors;
mod entra;
mod env_file;
mod facts;
mod faults;
mod forge;
mod front;
mod graph;
mod host_names;
mod http;
mod journal;
mod key_ring;
mod options;
mod pages;
mod ports;
mod rate_limits;
mod reach;
mod real_hosts;
mod remote;
mod running;
mod scopes;
mod seed;
mod server;
mod sign;
mod snapshot;
mod state;
mod switches;
#[cfg(not(any(windows, target_os = "macos")))]
mod trusted;
mod user_agent;
mod verify;
mod world;

pub use authority::{Certificates, DevelopmentAuthority, RunBundle};
pub use changes::{KeyName, ResourceChange, UserChange};
pub use client_environment::ClientEnvironment;
pub use env_file::EnvFile;
pub use facts::Identity;
pub use faults::{Fault, FaultKind, FaultSelection, NamedFault, Parameter, Route};
pub use forge::{ForgedToken, SignatureFault, TokenKind};
pub use journal::{
    Checked, Expectation, LoggedRequest, LoggedToken, Outcome, RefusedRequest, Service,
    Verification,
};
pub use options::{MissingIdentity, Options};
pub use ports::{HTTP_PORT, HTTPS_PORT};
pub use rate_limits::RateLimits;
#[cfg(target_os = "linux")]
pub use real_hosts::Namespace;
pub use remote::Remote;
pub use running::Emulator;
pub use seed::{MAX_SEED_BYTES, Seed};
#[cfg(feature = "cli")]
pub(crate) use server::REQUESTS;
pub use snapshot::MAX_SNAPSHOT_BYTES;
pub use user_agent::{Page, UserAgent};

#[cfg(test)]
mod tests;
