//! A client assertion that is signed with a certificate (RFC 7523, section 2.2), in Entra's form.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use azure_core::error::{Error as AzureError, ErrorKind};
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::files::read_named;
use crate::input;
use crate::jwt;
use crate::time::Clock;

/// The longest file, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
const LIFE: Duration = Duration::from_secs(600);

/// Creates an assertion for each token request.
pub(crate) struct CertificateAssertion {
    key: RsaKeyPair,
    /// The certificate's SHA-1 thumbprint, by which Entra finds it.
    thumbprint: String,
    audience: String,
    client_id: String,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for CertificateAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateAssertion([redacted])")
    }
}

impl CertificateAssertion {
    /// Reads a PEM file with a certificate and its RSA key, unencrypted.
    pub(crate) fn read(
        path: &Path,
        authority: Option<&str>,
        tenant_id: &str,
        client_id: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let unusable = |what: &str| {
            Error::usage(
                format!("the file in AZURE_CLIENT_CERTIFICATE_PATH {what}"),
                "Name a PEM file with a certificate and its RSA key, without a password.",
            )
        };
        let pem = read_named(path, MAX_FILE_BYTES);
        let pem = pem.map_err(|error| unusable("cannot be read").caused_by(error))?;
        let pem = Zeroizing::new(input::utf8(&pem).into_owned());
        let certificate = CertificateDer::from_pem_slice(&pem)
            .map_err(|_| unusable("contains no PEM certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(&pem)
            .map_err(|_| unusable("contains no PEM private key"))?;
        let key = match &key {
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(unusable("contains a key that is not RSA")),
        }
        .map_err(|_| unusable("contains a key that is not RSA of 2048 bits or more"))?;
        let host = authority
            .unwrap_or("https://login.microsoftonline.com")
            .trim_end_matches('/');
        Ok(CertificateAssertion {
            key,
            thumbprint: jwt::encode_part(digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate).as_ref()),
            audience: format!("{host}/{tenant_id}/oauth2/v2.0/token"),
            client_id: client_id.to_owned(),
            clock,
        })
    }
}

#[async_trait::async_trait]
impl ClientAssertion for CertificateAssertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let now = self.clock.now();
        let header = json!({"alg": "RS256", "typ": "JWT", "x5t": self.thumbprint});
        let claims = json!({
            "aud": self.audience,
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": uuid::Uuid::new_v4().to_string(),
            "nbf": now.unix_seconds(),
            "exp": now.plus(LIFE).unix_seconds(),
        });
        let [header, claims] = [header, claims].map(|part| jwt::encode_part(part.to_string()));
        let text = format!("{header}.{claims}");
        let mut signature = vec![0; self.key.public().modulus_len()];
        let random = SystemRandom::new();
        self.key
            .sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
            .map_err(|_| {
                let what = "the assertion could not be signed";
                AzureError::with_message(ErrorKind::Credential, what)
            })?;
        Ok(format!("{text}.{}", jwt::encode_part(signature)))
    }
}
