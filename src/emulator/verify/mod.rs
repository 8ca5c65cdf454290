//! What the emulator demands of a request before it believes it.
//!
//! In come the bytes as they arrived and the emulator's time, out comes yes, or no with the reason
//! for the journal. None of it is shared with the client: one mistake must not hide on both sides.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::{digest, hmac};

use crate::time::Timestamp;

/// How far `x-ms-date` may be off. The real service's figure is not published; its sibling
/// schemes use a quarter of an hour.
const DATE_TOLERANCE: Duration = Duration::from_secs(15 * 60);

/// The PKCE challenge of an authorize request (RFC 7636, section 4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// base64url of the verifier's SHA-256.
    S256(String),
    /// The verifier itself; Entra takes this where no method is named.
    Plain(String),
}

impl Challenge {
    /// Reads the two parameters; `None` where either is not what it must be.
    pub(super) fn parse(challenge: &str, method: Option<&str>) -> Option<Challenge> {
        match method {
            Some("S256") => {
                let digest = URL_SAFE_NO_PAD.decode(challenge).ok()?;
                (digest.len() == digest::SHA256_OUTPUT_LEN)
                    .then(|| Challenge::S256(challenge.to_owned()))
            }
            Some("plain") | None => {
                is_verifier(challenge).then(|| Challenge::Plain(challenge.to_owned()))
            }
            Some(_) => None,
        }
    }

    /// Whether `verifier` is the one that this challenge was made from.
    pub(super) fn holds(&self, verifier: &str) -> bool {
        is_verifier(verifier)
            && match self {
                Challenge::S256(challenge) => {
                    let digest = digest::digest(&digest::SHA256, verifier.as_bytes());
                    URL_SAFE_NO_PAD.encode(digest) == *challenge
                }
                Challenge::Plain(challenge) => verifier == challenge,
            }
    }
}

/// RFC 7636, section 4.1: 43 to 128 unreserved characters.
pub(super) fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}

/// A GUID in its one canonical spelling, in either case: no braces, no bare 32 digits.
pub(super) fn is_guid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

/// A request as it was received, as far as its signature covers it.
#[derive(Debug, Clone, Copy)]
pub(super) struct SignedRequest<'a> {
    /// The verb, in capitals.
    pub(super) method: &'a str,
    /// Path and query exactly as on the wire.
    pub(super) target: &'a str,
    /// The `Host` header exactly as received.
    pub(super) host: &'a str,
    /// `x-ms-date`.
    pub(super) date: &'a str,
    /// `x-ms-content-sha256`.
    pub(super) content_hash: &'a str,
    /// `Authorization`.
    pub(super) authorization: &'a str,
    /// The body's bytes.
    pub(super) body: &'a [u8],
}

const SCHEME: &str = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=";

impl SignedRequest<'_> {
    /// Checks form, date, body hash and signature, in that order.
    pub(super) fn check(&self, key: &[u8], now: Timestamp) -> Result<(), &'static str> {
        let signature = self
            .authorization
            .strip_prefix(SCHEME)
            .ok_or("the Authorization header is not in the HMAC scheme's form")?;
        let signature = STANDARD
            .decode(signature)
            .map_err(|_| "the signature is not Base64")?;
        let date = Timestamp::parse_http_date(self.date)
            .filter(|date| date.to_http_date() == self.date)
            .ok_or("x-ms-date is not an RFC 1123 date")?;
        if date.seconds_since(now).unsigned_abs() > DATE_TOLERANCE.as_secs() {
            return Err("x-ms-date is too far from the service's time");
        }
        let hash = STANDARD.encode(digest::digest(&digest::SHA256, self.body));
        if hash != self.content_hash {
            return Err("x-ms-content-sha256 is not the body's hash");
        }
        let signed = format!(
            "{}\n{}\n{};{};{}",
            self.method, self.target, self.date, self.host, self.content_hash
        );
        hmac::verify(
            &hmac::Key::new(hmac::HMAC_SHA256, key),
            signed.as_bytes(),
            &signature,
        )
        .map_err(|_| "the signature does not match")
    }
}

#[cfg(test)]
mod tests;
