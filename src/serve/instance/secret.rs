//! The secret of one run: random, in a file that only the user can read; and the proof that the
//! service has it, which a client asks for before it sends the secret.
//!
//! After the service has ended, another user's program can listen at its port. So a client sends a
//! random nonce in `acspass-nonce`, to the route that needs no secret, and compares `acspass-proof`
//! in the response with the HMAC-SHA-256 (RFC 2104) of
//!
//! ```text
//! acspass-service-proof-v1\nPORT\nNONCE
//! ```
//!
//! under the contents of the secret file, in Base64url without padding. The port is the one that the
//! client has connected to, so that a program at another port cannot forward the proof. The first
//! line separates this use of the secret from any other. Each response to a request with a nonce
//! contains the proof, so that a client can check any response.

use std::io;

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ring::rand::{SecureRandom, SystemRandom};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::files::Folder;
use crate::secret::{ServiceSecret, is_b64token};

/// The name of the secret's file in the folder.
pub(in crate::serve) const SECRET_FILE: &str = "secret";
/// Bytes of the secret: 256 bits.
const SECRET: usize = 32;
/// Longest secret file that is read, in bytes.
const MAX_SECRET_FILE_BYTES: u64 = 4096;

/// Reads the secret in this file of a service's folder.
pub(in crate::serve) fn read_secret(folder: &Folder, name: &str) -> io::Result<ServiceSecret> {
    let bytes = Zeroizing::new(folder.read(name, MAX_SECRET_FILE_BYTES)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| io::ErrorKind::InvalidData)?;
    match text.trim() {
        secret if is_b64token(secret) => Ok(ServiceSecret::new(secret)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Compares a secret in constant time.
pub(in crate::serve) fn is_secret(secret: &ServiceSecret, sent: &[u8]) -> bool {
    secret.expose().as_bytes().ct_eq(sent).into()
}

/// Makes a new secret.
///
/// # Errors
/// [`Kind::Internal`](crate::Kind::Internal) if the system gives no random bytes.
pub(in crate::serve) fn new_secret() -> Result<ServiceSecret> {
    Ok(ServiceSecret::new(random::<SECRET>()?))
}

/// Returns `N` random bytes of the system in Base64url without padding.
pub(in crate::serve) fn random<const N: usize>() -> Result<String> {
    let mut bytes = Zeroizing::new([0; N]);
    SystemRandom::new()
        .fill(bytes.as_mut())
        .map_err(|_| Error::internal("the system returned no random bytes"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes.as_ref()))
}

/// The header of the client's nonce.
pub(in crate::serve) const NONCE: &str = "acspass-nonce";
/// The header of the proof.
pub(in crate::serve) const PROOF: &str = "acspass-proof";
/// The lengths of a nonce, in characters of Base64url: 128 to 512 bits.
const LENGTHS: std::ops::RangeInclusive<usize> = 22..=86;

/// Returns the proof for this request if it has one nonce of the right form.
pub(in crate::serve) fn proof_header(
    secret: &ServiceSecret,
    port: u16,
    request: &HeaderMap,
) -> Option<HeaderValue> {
    let mut nonces = request.get_all(NONCE).iter();
    let nonce = nonces.next()?.to_str().ok()?;
    let is_nonce = LENGTHS.contains(&nonce.len())
        && nonce
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !is_nonce || nonces.next().is_some() {
        return None;
    }
    HeaderValue::from_str(&proof(secret, port, nonce)?).ok()
}

/// Whether this is the proof for a port and a nonce.
pub(in crate::serve) fn is_proof(
    secret: &ServiceSecret,
    port: u16,
    nonce: &str,
    sent: &[u8],
) -> bool {
    let is_known = !secret.expose().is_empty();
    is_known && proof(secret, port, nonce).is_some_and(|proof| proof.as_bytes().ct_eq(sent).into())
}

fn proof(secret: &ServiceSecret, port: u16, nonce: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).ok()?;
    mac.update(format!("acspass-service-proof-v1\n{port}\n{nonce}").as_bytes());
    Some(URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A_NONCE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    /// From `printf 'acspass-service-proof-v1\n8487\n…' | openssl dgst -sha256 -hmac secret`.
    #[test]
    fn proof_is_the_documented_hmac() {
        let secret = ServiceSecret::new("secret");
        let proof = proof(&secret, 8487, A_NONCE).expect("an HMAC takes any key");
        assert_eq!(proof, "1sMcSMrBIxoSvFVzs3-k2bxqakQD8GTl-BJlsEt24r8");
        assert!(is_proof(&secret, 8487, A_NONCE, proof.as_bytes()));
        assert!(!is_proof(&secret, 8488, A_NONCE, proof.as_bytes()));
        assert!(!is_proof(&secret, 8487, "another", proof.as_bytes()));
        assert!(!is_proof(&secret, 8487, A_NONCE, b""));
        let another = ServiceSecret::new("another");
        assert!(!is_proof(&another, 8487, A_NONCE, proof.as_bytes()));
        assert!(!is_proof(
            &ServiceSecret::new(""),
            8487,
            A_NONCE,
            proof.as_bytes()
        ));
    }

    #[test]
    fn only_one_nonce_of_the_right_form_is_answered() {
        let secret = ServiceSecret::new("secret");
        let answered = |nonces: &[&str]| {
            let headers = nonces.iter().map(|nonce| {
                let value = HeaderValue::from_str(nonce).expect("a value");
                (axum::http::HeaderName::from_static(NONCE), value)
            });
            proof_header(&secret, 8487, &headers.collect()).is_some()
        };
        assert!(answered(&[A_NONCE]));
        assert!(answered(&[&A_NONCE[..22]]));
        assert!(!answered(&[]));
        assert!(!answered(&[A_NONCE, A_NONCE]));
        assert!(!answered(&[&A_NONCE[..21]]));
        assert!(!answered(&[&"A".repeat(87)]));
        assert!(!answered(&["AAAAAAAAAAAAAAAAAAAAAA\tAAA"]));
        assert!(!answered(&["AAAAAAAAAAAAAAAAAAAAAA=="]));
    }
}
