//! Proves to a client that the service has the secret, before the client sends it.
//!
//! After the service has ended, another user's program can listen at its port. So a client sends a random nonce in `acspass-nonce`, to the route that needs no secret, and compares
//! `acspass-proof` in the response with the HMAC-SHA-256 (RFC 2104) of
//!
//! ```text
//! acspass-service-proof-v1\nPORT\nNONCE
//! ```
//!
//! under the contents of the secret file, in Base64url without padding. The port is the one that the
//! client has connected to, so that a program at another port cannot forward the proof. The first
//! line separates this use of the secret from any other. Each response to a request with a nonce
//! contains the proof, so that a client can check any response.

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::secret::ServiceSecret;

/// The header of the client's nonce.
pub(super) const NONCE: &str = "acspass-nonce";
/// The header of the proof.
pub(super) const PROOF: &str = "acspass-proof";
/// The lengths of a nonce, in characters of Base64url: 128 to 512 bits.
const LENGTHS: std::ops::RangeInclusive<usize> = 22..=86;

/// Returns the proof for this request if it has one nonce of the right form.
pub(super) fn answer(
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
pub(super) fn is_proof(secret: &ServiceSecret, port: u16, nonce: &str, sent: &[u8]) -> bool {
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
            answer(&secret, 8487, &headers.collect()).is_some()
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
