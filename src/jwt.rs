//! Reads the header and the claims of a token.
//!
//! Input is text, output JSON. It verifies no signature, expiry or issuer. A caller that relies on a
//! claim checks it.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Longest token that is looked into, in bytes.
const MAX_TOKEN_LENGTH: usize = 256 * 1024;

/// Base64url (RFC 7515, section 2); padding is tolerated, as some libraries add it.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A token's two readable parts.
#[derive(Clone, PartialEq)]
pub struct Decoded {
    /// The JOSE header: algorithm, type, key id.
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
}

/// Reads a compact JWT (RFC 7519): three parts, the first two Base64url JSON objects. `None`
/// where it is not one, which is no fault: an access token may be opaque to us.
pub fn decode(token: &str) -> Option<Decoded> {
    let parts: Vec<&str> = token.splitn(4, '.').collect();
    let [header, claims, _signature] = parts[..] else {
        return None;
    };
    if token.len() > MAX_TOKEN_LENGTH {
        return None;
    }
    Some(Decoded {
        header: decode_part(header)?,
        claims: decode_part(claims)?,
    })
}

/// Reads only the claims of a token into `T`. `None` if it is not a JWT or the claims are not
/// of that shape.
pub fn claims<T: DeserializeOwned>(token: &str) -> Option<T> {
    serde_json::from_value(Value::Object(decode(token)?.claims)).ok()
}

/// Reads one Base64url part that holds a JSON value, such as Entra's `client_info`.
pub fn decode_part<T: DeserializeOwned>(part: &str) -> Option<T> {
    let bytes = BASE64URL.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Base64url without padding, as the part of a token.
pub fn encode_part(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_claims_are_read() {
        let token = format!(
            "{}.{}.sig",
            encode_part(br#"{"alg":"none"}"#),
            encode_part(br#"{"sub":"x","n":"\u00fe\u00ff"}"#)
        );
        let decoded = decode(&token).expect("a token");
        assert_eq!(decoded.header["alg"], "none");
        assert_eq!(decoded.claims["sub"], "x");
    }

    #[test]
    fn text_that_is_no_token_is_none() {
        for text in [
            "",
            "a.b",
            "a.b.c",
            "..",
            "e30.e30",
            "e30.e30.x.y",
            "e30.W10.x",
        ] {
            assert!(decode(text).is_none(), "{text}");
        }
        assert!(decode("e30.e30.").is_some());
        assert!(decode("e30=.e30=.").is_some());
    }
}
