//! Signs and verifies tokens with one key: compact JWS (RFC 7515) and the key's JWK. Knows the
//! published certificate of the first service app.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256, RsaKeyPair,
};
use ring::{digest, hmac};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::{Error, Result};

/// The certificate of the first service app and its key, PEM.
pub(crate) const CERTIFICATE: &str =
    include_str!("../../assets/emulator/worthless-app-certificate.pem");

/// Signs and verifies.
pub(crate) struct Signer {
    rsa: RsaKeyPair,
    sealing: hmac::Key,
    thumbprint: digest::Digest,
}

impl Signer {
    /// Reads the first private key of a published PEM file.
    pub(crate) fn from_pem(pem: &str) -> Result<Signer> {
        let broken = || Error::internal("the emulator's published test key cannot be read");
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| broken())?;
        let der = der.secret_pkcs8_der();
        let rsa = RsaKeyPair::from_pkcs8(der).map_err(|_| broken())?;
        Ok(Signer {
            // Derived from the fixed key, so that refresh tokens survive a restart.
            sealing: hmac::Key::new(hmac::HMAC_SHA256, der),
            thumbprint: digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, rsa.public().as_ref()),
            rsa,
        })
    }

    /// Returns the key's id, as Entra spells it.
    pub(crate) fn key_id(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.thumbprint)
    }

    /// Returns the public key as a JWK.
    pub(crate) fn jwk(&self) -> Value {
        let public = self.public();
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.key_id(), "x5t": self.key_id(),
            "n": URL_SAFE_NO_PAD.encode(public.n),
            "e": URL_SAFE_NO_PAD.encode(public.e),
        })
    }

    /// Signs a token of version 2, such as an id_token. Its header names the key by `kid` alone.
    pub(crate) fn v2_token(&self, claims: &impl Serialize) -> String {
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": self.key_id()});
        self.sign(&header, claims)
    }

    /// Signs a token of version 1.
    pub(crate) fn v1_token(&self, claims: &impl Serialize) -> String {
        let id = self.key_id();
        let header = json!({"typ": "JWT", "alg": "RS256", "x5t": id, "kid": id});
        self.sign(&header, claims)
    }

    /// Signs a Communication token: `kid` is the thumbprint in hexadecimal, `x5t` in base64url.
    pub(crate) fn communication_token(&self, claims: &impl Serialize) -> String {
        let kid = hex(self.thumbprint);
        let header = json!({"alg": "RS256", "kid": kid, "x5t": self.key_id(), "typ": "JWT"});
        self.sign(&header, claims)
    }

    #[expect(
        clippy::expect_used,
        reason = "our own plain structs serialise, and a 2048-bit key signs a SHA-256 digest"
    )]
    pub(crate) fn sign(&self, header: &Value, claims: &impl Serialize) -> String {
        let claims = serde_json::to_vec(claims).expect("plain data");
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let (key, text, random) = (&self.rsa, signed.as_bytes(), SystemRandom::new());
        let mut signature = vec![0; key.public().modulus_len()];
        let outcome = key.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature);
        outcome.expect("the key fits the padding");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Returns the claims of a token that this key signed with RS256; `None` for any other text.
    pub(crate) fn read<T: DeserializeOwned>(&self, token: &str) -> Option<T> {
        self.open(token, &["RS256"])
    }

    /// Returns the claims of a token that this key signed with one of these algorithms, RS256 or
    /// PS256.
    pub(crate) fn open<T: DeserializeOwned>(&self, token: &str, algorithms: &[&str]) -> Option<T> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        let algorithm = header["alg"].as_str();
        let padding = match algorithm.filter(|alg| algorithms.contains(alg))? {
            "RS256" => &RSA_PKCS1_2048_8192_SHA256,
            "PS256" => &RSA_PSS_2048_8192_SHA256,
            _ => return None,
        };
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let public = self.public();
        public.verify(padding, signed.as_bytes(), &signature).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }

    /// Authenticates a value, so that only an emulator can have made the text.
    #[expect(clippy::expect_used, reason = "our own plain structs serialise")]
    pub(crate) fn seal(&self, value: &impl Serialize) -> String {
        let body = serde_json::to_vec(value).expect("plain data");
        let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&self.sealing, &body));
        format!("1.worthless.{}.{tag}", URL_SAFE_NO_PAD.encode(body))
    }

    /// Returns the value of a text from [`Signer::seal`]; `None` for any other text.
    pub(crate) fn unseal<T: DeserializeOwned>(&self, text: &str) -> Option<T> {
        let (body, tag) = text.strip_prefix("1.worthless.")?.split_once('.')?;
        let body = URL_SAFE_NO_PAD.decode(body).ok()?;
        hmac::verify(&self.sealing, &body, &URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
        serde_json::from_slice(&body).ok()
    }

    fn public(&self) -> PublicKeyComponents<Vec<u8>> {
        PublicKeyComponents::from(self.rsa.public())
    }
}

/// The certificate that is registered on the first service app.
pub(crate) struct Certificate {
    pub(crate) signer: Signer,
    /// SHA-1 and SHA-256.
    thumbprints: [digest::Digest; 2],
}

impl Certificate {
    pub(crate) fn published() -> Result<Certificate> {
        let der = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).map_err(|error| {
            let message = "the emulator's published certificate cannot be read";
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
                name.eq_ignore_ascii_case(&hex(*thumbprint))
                    || name.trim_end_matches('=') == URL_SAFE_NO_PAD.encode(thumbprint)
            })
        })
    }
}

fn hex(thumbprint: digest::Digest) -> String {
    let bytes = thumbprint.as_ref().iter();
    bytes.map(|b| format!("{b:02X}")).collect()
}

#[cfg(test)]
impl Signer {
    /// Returns the key that signs at the start.
    pub(crate) fn first() -> Result<Signer> {
        Signer::from_pem(include_str!("../../assets/emulator/worthless-test-key.pem"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unchanged_token_is_read() {
        let signer = Signer::first().expect("the published key");
        let token = signer.v1_token(&json!({"oid": "x"}));
        assert_eq!(signer.read(&token), Some(json!({"oid": "x"})));

        let forged = URL_SAFE_NO_PAD.encode(r#"{"oid":"y"}"#);
        let parts: Vec<&str> = token.split('.').collect();
        for bad in [
            format!("{}.{forged}.{}", parts[0], parts[2]),
            format!(
                "{}.{}.",
                URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
                parts[1]
            ),
            parts[1].to_owned(),
            String::new(),
        ] {
            assert_eq!(signer.read::<Value>(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_changed_seal_is_rejected() {
        let signer = Signer::first().expect("the published key");
        let sealed = signer.seal(&"mine");
        assert_eq!(signer.unseal::<String>(&sealed).as_deref(), Some("mine"));
        let other = sealed.replace("worthless.", "worthless.A");
        assert_eq!(signer.unseal::<String>(&other), None);
    }
}
