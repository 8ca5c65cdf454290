//! Which certificates of hosts are accepted.
//!
//! The input is the user's files of certificate authorities, the output the TLS settings of the HTTP
//! client, whose verifier keeps the reason of each refusal. The platform's verifier decides; no
//! setting turns it off.

mod authorities;
mod distrust;
#[cfg(test)]
mod tests;
mod verifier;

pub use authorities::AuthorityFile;
pub(super) use authorities::{read_all, system_bundle};
pub(super) use distrust::Distrust;
pub(super) use verifier::{Issuers, client_config};
