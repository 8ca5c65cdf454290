//! The service's folder: its lock, the secret of this run and the socket.
//!
//! Input: a private folder. Output: [`InstanceDir`], which owns the folder until it is dropped, and
//! [`running()`], which other processes call to find a service. The lock file describes the service;
//! the secret is in a file of its own. Only the user can read the folder.

mod dir;
mod running;
mod secret;
#[cfg(test)]
mod tests;

pub(super) use dir::InstanceDir;
pub(super) use running::SOCKET;
pub use running::{Running, Served, running};
pub(super) use secret::{SECRET_FILE, is_secret, new_secret, random, read_secret};
