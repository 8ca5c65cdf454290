//! The certificate for https: from an authority of one run, from the user's development authority,
//! or from files.
//!
//! Input: the emulator's names and the time. Output: the TLS configuration of the listener and the
//! authority's certificate. The key of a server's certificate is only in memory.

mod bundle;
mod certificates;
mod development;
mod own;
mod stored;
mod system_trust;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;

use crate::error::Result;
use crate::time::Timestamp;

pub use bundle::RunBundle;
use certificates::{Authority, Identity, not_created};
pub use development::DevelopmentAuthority;

/// The source of the certificate for https.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Certificates {
    /// An authority for this run only. Its key is dropped after the one certificate was issued.
    #[default]
    OfThisRun,
    /// The user's development authority.
    Development(DevelopmentAuthority),
    /// A certificate chain and its key, PEM.
    Files {
        /// The file of the chain, the server's certificate first.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}

/// The TLS configuration of the https listener, and the certificate of its authority.
pub(crate) struct Https {
    pub(crate) tls: Arc<ServerConfig>,
    /// The authority's certificate, PEM, unless the certificate is from files.
    pub(crate) ca_pem: Option<String>,
    /// The file of the development authority's certificate.
    pub(crate) ca_file: Option<PathBuf>,
}

impl Certificates {
    /// Makes or reads the certificate for these names.
    pub(crate) fn https(&self, now: Timestamp, names: &[String]) -> Result<Https> {
        let (identity, ca_pem, ca_file) = match self {
            Certificates::OfThisRun => {
                let authority = Authority::new(now, names).map_err(not_created)?;
                (
                    authority.issue(names).map_err(not_created)?,
                    Some(authority.pem),
                    None,
                )
            }
            Certificates::Development(development) => {
                let authority = development.open(now, names)?;
                let identity = authority.issue(names).map_err(not_created)?;
                (
                    identity,
                    Some(authority.pem),
                    Some(development.certificate_path()),
                )
            }
            Certificates::Files { certificate, key } => (own::read(certificate, key)?, None, None),
        };
        Ok(Https {
            tls: config(identity).map_err(|error| match self {
                Certificates::Files { certificate, key } => own::refused(certificate, key, error),
                _ => not_created(error),
            })?,
            ca_pem,
            ca_file,
        })
    }
}

fn config((chain, key): Identity) -> std::result::Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(server))
}
