//! The certificate of the service and the authorities of its clients, from files that are read again
//! when they change.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error as TlsError, RootCertStore, ServerConfig,
    SignatureScheme,
};
use tracing::{info, warn};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::exchange_service::records::Outage;
use crate::exchange_service::settings::TlsFiles;
use crate::files::read_named;
use crate::text::quoted;

/// The interval between two looks at the files.
const INTERVAL: Duration = Duration::from_secs(2);
/// The longest file, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The certificate and the authorities that are in use.
pub(super) struct Certificates {
    files: TlsFiles,
    current: RwLock<Current>,
    algorithms: WebPkiSupportedAlgorithms,
}

struct Current {
    /// The contents of the files, to notice a change.
    contents: Contents,
    certified: Arc<CertifiedKey>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
}

#[derive(PartialEq, Eq)]
struct Contents {
    certificate: Zeroizing<Vec<u8>>,
    key: Zeroizing<Vec<u8>>,
    authorities: Option<Zeroizing<Vec<u8>>>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates([redacted])")
    }
}

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) names the file that cannot be used.
    pub(super) fn read(files: &TlsFiles) -> Result<Arc<Self>> {
        let provider = ring::default_provider();
        Ok(Arc::new(Certificates {
            files: files.clone(),
            current: RwLock::new(load(files, &provider)?),
            algorithms: provider.signature_verification_algorithms,
        }))
    }

    /// Returns the configuration of the listener. It always uses the current files.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if there is no protocol version.
    pub(super) fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| Error::internal("there is no version of TLS"))?;
        let builder = match self.files.client_authorities {
            Some(_) => builder.with_client_cert_verifier(self.clone()),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(self.clone());
        if self.files.client_authorities.is_some() {
            // A resumed session would not check the client's certificate again.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Arc::new(config))
    }

    /// Reads the files again when they change, for ever. Files that cannot be used leave the old ones
    /// in use.
    pub(super) async fn keep_current(&self) {
        let mut outage = Outage::default();
        loop {
            tokio::time::sleep(INTERVAL).await;
            match self.renew() {
                Ok(true) => {
                    outage.end();
                    info!("The changed files for TLS are in use.");
                }
                Ok(false) if outage.end() => info!("The files for TLS can be used again."),
                Ok(false) => {}
                // The files may be in the middle of a change.
                Err(error) => {
                    if let Some(text) = outage.news(&error) {
                        warn!("The old files for TLS stay in use: {text}");
                    }
                }
            }
        }
    }

    /// Uses the files if they have changed. Returns whether they have.
    fn renew(&self) -> Result<bool> {
        let contents = Contents::read(&self.files)?;
        {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            if contents == current.contents {
                return Ok(false);
            }
        }
        let loaded = use_contents(contents, &self.files, &ring::default_provider())?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = loaded;
        Ok(true)
    }

    fn clients(&self) -> Option<Arc<dyn ClientCertVerifier>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clients.clone()
    }
}

impl Contents {
    fn read(files: &TlsFiles) -> Result<Contents> {
        let authorities = files.client_authorities.as_deref();
        Ok(Contents {
            certificate: read_bounded(&files.certificate)?,
            key: read_bounded(&files.key)?,
            authorities: authorities.map(read_bounded).transpose()?,
        })
    }
}

fn read_bounded(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let unreadable = |error: std::io::Error| unusable(path, "cannot be read").caused_by(error);
    read_named(path, MAX_FILE_BYTES).map_err(unreadable)
}

fn unusable(path: &Path, what: &str) -> Error {
    Error::usage(
        format!(
            "the file {} for TLS {what}",
            quoted(&path.to_string_lossy())
        ),
        "Name PEM files in ACSPASS_EXCHANGE_TLS_CERT, ACSPASS_EXCHANGE_TLS_KEY and \
         ACSPASS_EXCHANGE_TLS_CLIENT_CA.",
    )
}

fn load(files: &TlsFiles, provider: &CryptoProvider) -> Result<Current> {
    use_contents(Contents::read(files)?, files, provider)
}

fn use_contents(
    contents: Contents,
    files: &TlsFiles,
    provider: &CryptoProvider,
) -> Result<Current> {
    let chain = certificates(&contents.certificate);
    let chain = chain.filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| unusable(&files.certificate, "has no certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(&contents.key)
        .map_err(|_| unusable(&files.key, "has no private key"))?;
    let certified = CertifiedKey::from_der(chain, key, provider)
        .map_err(|_| unusable(&files.key, "has no key of the certificate"))?;
    let clients = match (&files.client_authorities, &contents.authorities) {
        (Some(path), Some(pem)) => Some(verifier(path, pem)?),
        _ => None,
    };
    Ok(Current {
        contents,
        certified: Arc::new(certified),
        clients,
    })
}

fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .ok()
}

fn verifier(path: &Path, pem: &[u8]) -> Result<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    let authorities = certificates(pem).unwrap_or_default();
    let (added, _) = roots.add_parsable_certificates(authorities);
    if added == 0 {
        return Err(unusable(path, "has no certificate of an authority"));
    }
    let provider = Arc::new(ring::default_provider());
    let built = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let built = built.map_err(|_| unusable(path, "has no usable authority"))?;
    Ok(built)
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(current.certified.clone())
    }
}

impl ClientCertVerifier for Certificates {
    /// The authorities can change, so that none are named. Clients then send the certificate they
    /// have.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        let clients = self.clients();
        let clients = clients.ok_or_else(|| TlsError::General("no authorities".to_owned()))?;
        clients.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
