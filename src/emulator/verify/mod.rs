//! Verifies HMAC signatures of requests and PKCE challenges.
//!
//! No code is shared with the client, so that one mistake cannot hide on both sides.

pub(crate) mod mistakes;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::{digest, hmac};

use crate::time::Timestamp;

/// The tolerance of the signed date. The real service's value is not published; similar schemes
/// use 15 minutes.
const DATE_TOLERANCE: Duration = Duration::from_secs(15 * 60);

/// The PKCE challenge of an authorize request (RFC 7636, section 4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// base64url of the verifier's SHA-256.
    S256(String),
    /// The verifier itself, which is Entra's default method.
    Plain(String),
}

impl Challenge {
    /// Reads the two parameters; `None` if either is invalid.
    pub(crate) fn parse(challenge: &str, method: Option<&str>) -> Option<Challenge> {
        let text = challenge.to_owned();
        match method {
            Some("S256") => {
                let digest = URL_SAFE_NO_PAD.decode(challenge).ok()?;
                (digest.len() == digest::SHA256_OUTPUT_LEN).then_some(Challenge::S256(text))
            }
            Some("plain") | None => is_verifier(challenge).then_some(Challenge::Plain(text)),
            Some(_) => None,
        }
    }

    /// Returns the method in the journal.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Challenge::S256(_) => "with PKCE (S256)",
            Challenge::Plain(_) => "with PKCE (plain)",
        }
    }

    /// Returns whether this challenge was made from `verifier`.
    pub(crate) fn matches(&self, verifier: &str) -> bool {
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

/// Returns whether a text is 43 to 128 unreserved characters (RFC 7636, section 4.1).
pub(crate) fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}

/// Returns `error` unless `holds`.
pub(crate) fn ensure<E>(holds: bool, error: E) -> Result<(), E> {
    if holds { Ok(()) } else { Err(error) }
}

/// Returns whether a text is a GUID with hyphens and without braces, in either case.
pub(crate) fn is_guid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

/// The signed parts of a received request.
pub(crate) struct SignedRequest<'a> {
    /// The method, in capitals.
    pub(crate) method: &'a str,
    /// Path and query exactly as on the wire.
    pub(crate) target: &'a str,
    /// A header, by its name in lower case; `None` if it is missing or sent twice.
    pub(crate) header: &'a dyn Fn(&str) -> Option<&'a str>,
    /// The body's bytes.
    pub(crate) body: &'a [u8],
}

const SCHEME: &str = "HMAC-SHA256 SignedHeaders=";
const SIGNATURE: &str = "&Signature=";
const HASH: &str = "x-ms-content-sha256";
/// The headers that may carry the date: the SDKs of 2020 and 2021 and Microsoft's Postman tutorial
/// sign `Date`.
const DATES: [&str; 2] = ["x-ms-date", "date"];

impl SignedRequest<'_> {
    /// Checks form, signed headers, date, body hash and signature, in that order. The signature is
    /// right if one of the `keys` made it. Returns the place of that key.
    ///
    /// `SignedHeaders` names the signed headers in the order of their values: host, the
    /// body's hash and a date at least. Header names have no case (RFC 9110, section 5.1).
    ///
    /// Returns the place of that key.
    ///
    /// # Errors
    /// The reason, for the journal only.
    pub(crate) fn check(&self, keys: &[&[u8]], now: Timestamp) -> Result<usize, String> {
        let (names, signature) = (self.header)("authorization")
            .ok_or("authorization is missing or sent twice")?
            .strip_prefix(SCHEME)
            .and_then(|rest| rest.split_once(SIGNATURE))
            .ok_or("the Authorization header does not have the form of the HMAC scheme")?;
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
            return Err("x-ms-content-sha256 is not the hash of the body".to_owned());
        }
        let signed = format!("{}\n{}\n{}", self.method, self.target, values.join(";"));
        let is_made_with = |key: &&[u8]| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key);
            hmac::verify(&key, signed.as_bytes(), &signature).is_ok()
        };
        let place = keys.iter().position(is_made_with);
        place.ok_or_else(|| "the signature does not match".to_owned())
    }

    /// Returns the values of these headers, which must include all required ones, each once.
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
                // Another header's name is text of the sender, which the journal does not store.
                let is_known = [DATES[0], DATES[1], HASH, "host"].contains(&name.as_str());
                let name = if is_known { name } else { "a signed header" };
                format!("{name} is missing or sent twice")
            })?);
        }
        Ok(values)
    }
}

fn check_date(name: &str, text: &str, now: Timestamp) -> Result<(), String> {
    let date = Timestamp::parse_http_date(text)
        .filter(|date| date.to_http_date() == text)
        .ok_or_else(|| format!("{name} is not an RFC 1123 date"))?;
    let is_near = date.seconds_since(now).unsigned_abs() <= DATE_TOLERANCE.as_secs();
    let far = format!("{name} differs too much from the service's time");
    ensure(is_near, far)
}

#[cfg(test)]
mod tests;
