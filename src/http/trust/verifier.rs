//! Verifies the certificates of hosts, and keeps the reason if one is refused.
//!
//! The platform's verifier decides, with the extra authorities of the user. This file adds one
//! rule and one record. The rule: a host's own certificate that the user named as trusted is
//! accepted, although it is marked as a certificate authority (`openssl req -x509` makes such
//! certificates, and curl accepts them). The record: a refusal becomes a [`Distrust`], which holds
//! the reason and the facts of the certificate, and survives in the error's chain.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, SignatureScheme};

use super::distrust::{Distrust, Facts, MAX_NAME_LENGTH, is_of_authority};

use crate::text::one_line;
use crate::time::Timestamp;

/// The issuer of the certificate that each host presented last, by host name without brackets.
pub(in crate::http) type Issuers = Arc<Mutex<BTreeMap<String, String>>>;

/// Builds the TLS settings of the HTTP client.
///
/// # Errors
/// The platform's verifier has no certificate authority at all.
pub(in crate::http) fn client_config(
    extra: Vec<CertificateDer<'static>>,
    named_by: Vec<&'static str>,
    issuers: Issuers,
) -> Result<ClientConfig, rustls::Error> {
    use rustls_platform_verifier::Verifier as Platform;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let platform = match extra.is_empty() {
        true => Platform::new(provider.clone())?,
        false => Platform::new_with_extra_roots(extra.iter().cloned(), provider.clone())?,
    };
    let verifier = Verifier {
        platform,
        extra,
        named_by,
        issuers,
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    if cfg!(feature = "session") {
        config.alpn_protocols.push(b"h2".to_vec());
    }
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(config)
}

#[derive(Debug)]
struct Verifier {
    platform: rustls_platform_verifier::Verifier,
    extra: Vec<CertificateDer<'static>>,
    /// The settings that name files of authorities.
    named_by: Vec<&'static str>,
    issuers: Issuers,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let facts = Facts::read(end_entity);
        if let Some(issuer) = facts.issuer.clone() {
            let mut seen = self.issuers.lock().unwrap_or_else(PoisonError::into_inner);
            seen.insert(server_name.to_str().into_owned(), issuer);
        }
        let verified = self.platform.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        let Err(rustls::Error::InvalidCertificate(mut fault)) = verified else {
            return verified;
        };
        let detail = one_line(&fault.to_string(), MAX_NAME_LENGTH);
        if is_of_authority(&fault) && self.extra.contains(end_entity) {
            match verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name) {
                // The platform's verifier has checked the times before it came to this refusal.
                Ok(()) => return Ok(ServerCertVerified::assertion()),
                Err(rustls::Error::InvalidCertificate(of_name)) => fault = of_name,
                Err(error) => return Err(error),
            }
        }
        let distrust = Distrust {
            fault,
            detail,
            facts,
            now: Timestamp::from_unix_seconds(i64::try_from(now.as_secs()).unwrap_or(i64::MAX)),
            has_intermediates: !intermediates.is_empty(),
            named_by: self.named_by.clone(),
        };
        let error = CertificateError::Other(OtherError(Arc::new(distrust)));
        Err(rustls::Error::InvalidCertificate(error))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.platform
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.platform
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.platform.supported_verify_schemes()
    }
}
