//! Which certificates of hosts are accepted.
//!
//! The input is the user's files of certificate authorities, the output the TLS settings of the HTTP
//! client, whose verifier keeps the reason of each refusal. The platform's verifier decides; no
//! setting turns it off.

mod ca_files;
mod distrust;
#[cfg(test)]
mod tests;
mod verifier;

pub use ca_files::CaFile;
pub(super) use ca_files::{read_all, system_bundle};
pub(super) use distrust::Distrust;
pub(super) use verifier::{Issuers, client_config};
