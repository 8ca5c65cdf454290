//! The published certificate of the first service app, and its key.

use ring::digest;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::emulator::sign::Signer;
use crate::error::{Error, Result};

/// The certificate and its key, PEM.
pub(crate) const CERTIFICATE: &str =
    include_str!("../../assets/emulator/worthless-app-certificate.pem");

/// The certificate that is registered on the first service app.
pub(crate) struct Certificate {
    pub(crate) signer: Signer,
    /// SHA-1 and SHA-256.
    thumbprints: [digest::Digest; 2],
}

impl Certificate {
    pub(crate) fn published() -> Result<Certificate> {
        let der = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).map_err(|error| {
            let message = "the emulator's published certificate is unreadable";
            Error::internal(message).caused_by(error)
        })?;
        let algorithms = [&digest::SHA1_FOR_LEGACY_USE_ONLY, &digest::SHA256];
        Ok(Certificate {
            signer: Signer::from_pem(CERTIFICATE)?,
            thumbprints: algorithms.map(|algorithm| digest::digest(algorithm, &der)),
        })
    }

    /// Returns whether an assertion's header names this certificate in one of the SDKs' forms.
    pub(crate) fn is_named_by(&self, header: &Value) -> bool {
        ["x5t", "x5t#S256", "kid"].iter().any(|name| {
            let name = header[*name].as_str().unwrap_or_default();
            self.thumbprints.iter().any(|thumbprint| {
                let hex: String = thumbprint
                    .as_ref()
                    .iter()
                    .map(|b| format!("{b:02X}"))
                    .collect();
                name.eq_ignore_ascii_case(&hex)
                    || name.trim_end_matches('=') == URL_SAFE_NO_PAD.encode(thumbprint)
            })
        })
    }
}
