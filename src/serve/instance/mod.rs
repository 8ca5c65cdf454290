//! The service's folder: its lock, the secret of this run with its proof, and the socket.
//!
//! Input: a private folder. Output: [`InstanceDir`], which owns the folder until it is dropped, and
//! [`running()`], which other processes call to find a service. The lock file describes the service;
//! the secret is in a file of its own. Only the user can read the folder.

mod dir;
mod private;
mod secret;
#[cfg(test)]
mod tests;

pub(super) use dir::InstanceDir;
#[cfg(unix)]
pub(super) use dir::SOCKET;
pub use dir::{Running, Served, running};
pub use private::PrivateFolder;
pub(super) use secret::{
    NONCE, PROOF, SECRET_FILE, is_proof, is_secret, new_secret, proof_header, random, read_secret,
};
