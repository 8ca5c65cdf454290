//! Entra credentials for the resource, in place of an access key. The principal comes from the
//! `AZURE_*` variables, as in the SDKs' `DefaultAzureCredential`.
//!
//! The credentials are those of the `azure_identity` crate, with this crate's HTTP client. That crate
//! needs OpenSSL for certificates, and has no chain over all credentials: this module has both.

mod certificate;
mod environment;
mod principal;
mod transport;

#[cfg(feature = "exchange-service")]
pub(crate) use certificate::CertificateAssertion;
pub use environment::{from_environment, is_developer_tool};
pub use principal::EntraPrincipal;
