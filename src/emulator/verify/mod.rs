//! What the emulator demands of a request before it believes it.
//!
//! In come the bytes as they arrived and the emulator's time, out comes yes, or no with the reason
//! for the journal. None of it is shared with the client: one mistake must not hide on both sides.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::{digest, hmac};

use crate::time::Timestamp;

/// How far the signed date may be off. The real service's figure is not published; its sibling
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
pub(super) struct SignedRequest<'a> {
    /// The verb, in capitals.
    pub(super) method: &'a str,
    /// Path and query exactly as on the wire.
    pub(super) target: &'a str,
    /// A header, by its name in lower case; `None` if it is missing or sent twice.
    pub(super) header: &'a dyn Fn(&str) -> Option<&'a str>,
    /// The body's bytes.
    pub(super) body: &'a [u8],
}

const SCHEME: &str = "HMAC-SHA256 SignedHeaders=";
const SIGNATURE: &str = "&Signature=";
const HASH: &str = "x-ms-content-sha256";
/// Either header carries the date: SDKs of 2020 and 2021, and Microsoft's Postman tutorial, sign
/// `Date`.
const DATES: [&str; 2] = ["x-ms-date", "date"];

impl SignedRequest<'_> {
    /// Checks form, signed headers, date, body hash and signature, in that order.
    ///
    /// `SignedHeaders` names the headers whose values are signed, in its own order: host, the
    /// body's hash and a date at least. Header names have no case (RFC 9110, section 5.1).
    ///
    /// # Errors
    /// The reason, for the journal only.
    pub(super) fn check(&self, key: &[u8], now: Timestamp) -> Result<(), String> {
        let (names, signature) = (self.header)("authorization")
            .ok_or("authorization is missing or sent twice")?
            .strip_prefix(SCHEME)
            .and_then(|rest| rest.split_once(SIGNATURE))
            .ok_or("the Authorization header is not in the HMAC scheme's form")?;
        let signature = STANDARD
            .decode(signature)
            .map_err(|_| "the signature is not Base64")?;
        let names: Vec<String> = names.split(';').map(str::to_ascii_lowercase).collect();
        let values = self.signed_values(&names)?;
        for (name, value) in std::iter::zip(&names, &values) {
            if DATES.contains(&name.as_str()) {
                check_date(name, value, now)?;
            }
        }
        let hash = STANDARD.encode(digest::digest(&digest::SHA256, self.body));
        if (self.header)(HASH) != Some(&hash) {
            return Err("x-ms-content-sha256 is not the body's hash".to_owned());
        }
        let signed = format!("{}\n{}\n{}", self.method, self.target, values.join(";"));
        hmac::verify(
            &hmac::Key::new(hmac::HMAC_SHA256, key),
            signed.as_bytes(),
            &signature,
        )
        .map_err(|_| "the signature does not match".to_owned())
    }

    /// The values of these headers, which include all that must be signed, each once.
    fn signed_values(&self, names: &[String]) -> Result<Vec<&str>, String> {
        let is_named = |wanted: &str| names.iter().any(|name| name == wanted);
        if !is_named("host") || !is_named(HASH) || !DATES.iter().any(|date| is_named(date)) {
            return Err("SignedHeaders lacks the date, the host or x-ms-content-sha256".to_owned());
        }
        let mut values = Vec::with_capacity(names.len());
        for (place, name) in names.iter().enumerate() {
            if names[..place].contains(name) {
                return Err("SignedHeaders names a header twice".to_owned());
            }
            let value = (self.header)(name);
            values.push(value.ok_or_else(|| {
                let known = [DATES[0], DATES[1], HASH, "host"].into_iter();
                // The name of another header is the sender's text, which the journal does not take.
                let name = known.into_iter().find(|known| known == name);
                format!(
                    "{} is missing or sent twice",
                    name.unwrap_or("a signed header")
                )
            })?);
        }
        Ok(values)
    }
}

fn check_date(name: &str, text: &str, now: Timestamp) -> Result<(), String> {
    let date = Timestamp::parse_http_date(text)
        .filter(|date| date.to_http_date() == text)
        .ok_or_else(|| format!("{name} is not an RFC 1123 date"))?;
    match date.seconds_since(now).unsigned_abs() > DATE_TOLERANCE.as_secs() {
        true => Err(format!("{name} is too far from the service's time")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
