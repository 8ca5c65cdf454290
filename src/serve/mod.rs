//! The token service: fresh tokens for apps on this machine, over loopback and a Unix socket.
//!
//! Input: [`Options`], with a session, the clients of other services and the approved origins.
//! Output: HTTP responses with the JSON of `get` and of the identity commands. A
//! [`CommunicationTokenCredential`](crate::credential::CommunicationTokenCredential) per account
//! keeps its token, so that a cached response needs neither file nor network. `access` decides which
//! requests are allowed, before any other code sees them. Interactive sign-in is possible from the
//! dashboard only.

mod access;
mod accounts;
mod body;
mod client;
mod context;
mod dashboard;
mod events;
mod identities;
mod instance;
mod managed_identity;
mod openapi;
mod origins;
mod response;
mod routes;
mod server;
#[cfg(test)]
mod tests;
mod tokens;

pub use client::{Client, Response};
pub use context::{Clients, Options};
pub use dashboard::DashboardLink;
pub use instance::{PrivateFolder, Running, Served, running};
pub use managed_identity::ManagedIdentity;
pub(crate) use origins::forget_profile;
pub use server::{PORT, Server, Sockets};
