//! Explains a wrong signature: recomputes it under each known mistake of a client, one at a time.
//!
//! Only a refused request is examined. The result is for the journal. It contains no key, signature or
//! body, and no text of the client except the path and well-formed values of the scheme.

mod body;
mod expected;
mod parts;
mod target;
mod values;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use ring::{digest, hmac};

use super::{HASH, SCHEME, SIGNATURE, SignedRequest};
use parts::{Guess, Parts};

/// An access key and its name in the journal.
#[derive(Debug, Clone)]
pub(crate) struct NamedKey<'a> {
    pub(crate) name: String,
    pub(crate) bytes: &'a [u8],
}

/// The explanation of a wrong signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    /// The text that the emulator expects to be signed, with a placeholder for each value that may be a
    /// secret.
    pub(crate) string_to_sign: String,
    /// The known mistake that explains the signature.
    pub(crate) mistake: Option<String>,
}

impl SignedRequest<'_> {
    /// Explains why the signature is none of the `own` keys. `others` are keys of other resources,
    /// and `names` are all names of this host.
    pub(crate) fn diagnose(
        &self,
        own: &[NamedKey],
        others: &[NamedKey],
        names: &[String],
    ) -> Option<Diagnosis> {
        let sent = (self.header)("authorization")?;
        let form = sent
            .strip_prefix(SCHEME)
            .and_then(|rest| rest.split_once(SIGNATURE));
        let (signed, signature) = form.unwrap_or(("x-ms-date;host;x-ms-content-sha256", ""));
        let parts = self.parts(signed);
        let mistake = match form {
            None => mistake_in_form(sent).map(str::to_owned),
            Some(_) => self.mistake(&parts, signature, own, others, names),
        };
        Some(Diagnosis {
            string_to_sign: expected::text(&parts, self.body),
            mistake,
        })
    }

    fn parts(&self, signed: &str) -> Parts {
        let value = |name: &str| match (self.header)(name) {
            Some(value) => value.to_owned(),
            None if name == HASH => body::hash(self.body),
            None => format!("<{name}>"),
        };
        let names = signed.split(';').take(16).map(str::to_ascii_lowercase);
        Parts {
            method: self.method.to_owned(),
            target: self.target.to_owned(),
            values: names.map(|name| (name.clone(), value(&name))).collect(),
        }
    }

    fn mistake(
        &self,
        parts: &Parts,
        signature: &str,
        own: &[NamedKey],
        others: &[NamedKey],
        names: &[String],
    ) -> Option<String> {
        let sent = (self.header)(HASH);
        if let Some(sent) = sent.filter(|sent| *sent != body::hash(self.body)) {
            let mut known = body::hashes(self.body).into_iter();
            let (_, what) = known.find(|(hash, _)| hash == sent)?;
            return Some(format!("x-ms-content-sha256 is {what}"));
        }
        let text = parts.text();
        let decoded = STANDARD.decode(signature).unwrap_or_default();
        let signs = |key: &[u8], text: &str| mac(hmac::HMAC_SHA256, key, text) == decoded;
        if own.iter().any(|key| signs(key.bytes, &text)) {
            // The signature is right; another check refused the request.
            return None;
        }
        if let Some(mistake) = mistake_in_encoding(&text, signature, own) {
            return Some(mistake);
        }
        if let Some(mistake) = mistake_in_key(&text, &decoded, own, others) {
            return Some(mistake);
        }
        let guesses = methods(parts)
            .into_iter()
            .chain(target::guesses(parts))
            .chain(values::hosts(parts, names))
            .chain(values::dates(parts, self.header))
            .chain(values::separators(parts))
            .chain(self.hashes(parts));
        for (text, mistake) in guesses {
            if own.iter().any(|key| signs(key.bytes, &text)) {
                return Some(mistake);
            }
        }
        None
    }

    fn hashes(&self, parts: &Parts) -> Vec<Guess> {
        let hashes = body::hashes(self.body).into_iter();
        let guess = |(hash, what): (String, &str)| {
            let text = parts.with_value(HASH, &hash);
            (text, format!("the body hash in the signed text is {what}"))
        };
        hashes.map(guess).collect()
    }
}

fn mac(algorithm: hmac::Algorithm, key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(algorithm, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn methods(parts: &Parts) -> Vec<Guess> {
    let lower = parts.method.to_ascii_lowercase();
    let others = ["GET", "POST", "PUT", "PATCH", "DELETE"].map(str::to_owned);
    let others = others.into_iter().filter(|other| *other != parts.method);
    let of = |method: String| {
        Parts {
            method,
            ..parts.clone()
        }
        .text()
    };
    let mut guesses = vec![(of(lower), "the method was signed in lower case".to_owned())];
    guesses.extend(others.map(|other| {
        let mistake = format!(
            "the method {other} was signed, but {} was sent",
            parts.method
        );
        (of(other), mistake)
    }));
    guesses
}

/// Names the mistake in the form of the Authorization header.
fn mistake_in_form(sent: &str) -> Option<&'static str> {
    let scheme = sent.split(' ').next().unwrap_or_default();
    let has = |part: &str| sent.to_ascii_lowercase().contains(part);
    match scheme {
        _ if has("credential=") => Some(
            "the Authorization header names a Credential, as Azure App Configuration requires; \
             ACS has SignedHeaders and Signature only",
        ),
        "SharedKey" | "SharedKeyLite" => {
            Some("the Authorization header has the scheme of Azure Storage, not HMAC-SHA256")
        }
        "HMAC-SHA256" if !has("signedheaders=") => {
            Some("the Authorization header does not name the signed headers")
        }
        "HMAC-SHA256" if has("signature=") => Some(
            "SignedHeaders and Signature have to be separated by one space before and one & between",
        ),
        _ if scheme.eq_ignore_ascii_case("HMAC-SHA256") => {
            Some("the scheme of the Authorization header is not in capitals")
        }
        _ => None,
    }
}

/// Names the mistake in the text form of a right signature.
fn mistake_in_encoding(text: &str, signature: &str, own: &[NamedKey]) -> Option<String> {
    let candidates = [
        (
            STANDARD_NO_PAD.decode(signature).ok(),
            "Base64 without its padding",
        ),
        (URL_SAFE.decode(signature).ok(), "base64url, not Base64"),
        (
            URL_SAFE_NO_PAD.decode(signature).ok(),
            "base64url without padding, not Base64",
        ),
        (hex_decoded(signature), "hexadecimal, not Base64"),
    ];
    let is_right = |bytes: &[u8]| {
        let mut keys = own.iter();
        keys.any(|key| mac(hmac::HMAC_SHA256, key.bytes, text) == bytes)
    };
    let mut found = candidates.into_iter();
    let (_, form) = found.find(|(bytes, _)| bytes.as_deref().is_some_and(is_right))?;
    Some(format!("the signature is {form}"))
}

fn hex_decoded(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.map(byte).collect()
}

/// Names the mistake in the key or in the algorithm.
fn mistake_in_key(
    text: &str,
    signature: &[u8],
    own: &[NamedKey],
    others: &[NamedKey],
) -> Option<String> {
    let signs = |key: &[u8]| mac(hmac::HMAC_SHA256, key, text) == signature;
    if let Some(other) = others.iter().find(|other| signs(other.bytes)) {
        return Some(format!("the key is {}", other.name));
    }
    for NamedKey { name, bytes } in own.iter().chain(others) {
        let encoded = STANDARD.encode(bytes);
        if signs(encoded.as_bytes()) {
            return Some(format!("{name} was used as text, not decoded from Base64"));
        }
        if signs(format!("accesskey={encoded}").as_bytes()) {
            return Some(format!(
                "{name} was used with `accesskey=` before it, as text"
            ));
        }
        if STANDARD.decode(bytes).is_ok_and(|twice| signs(&twice)) {
            return Some(format!("{name} was decoded from Base64 twice"));
        }
        if signs(digest::digest(&digest::SHA256, bytes).as_ref()) {
            return Some(format!("{name} was hashed before it was used"));
        }
        for (algorithm, used) in [
            (hmac::HMAC_SHA512, "HMAC-SHA512"),
            (hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, "HMAC-SHA1"),
        ] {
            if mac(algorithm, bytes, text) == signature {
                return Some(format!(
                    "the signature is made with {used}, not HMAC-SHA256"
                ));
            }
        }
    }
    signs(&[]).then(|| "the key is empty".to_owned())
}
