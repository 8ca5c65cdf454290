//! Parses a resource's claims challenge, which revokes a token before its expiry.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

use crate::claims::Claims;

/// Returns the claims in a response's `WWW-Authenticate` (RFC 6750, section 3, with Entra's parameter
/// `claims`, which is Base64 of JSON). Both alphabets are met with, padded or not.
pub(super) fn read(headers: &HeaderMap) -> Option<Claims> {
    let mut challenges = headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    challenges.find_map(|challenge| {
        let (scheme, parameters) = challenge.trim().split_once(' ')?;
        let is_ours = scheme.eq_ignore_ascii_case("bearer")
            && parameter(parameters, "error") == Some("insufficient_claims");
        let claims = parameter(parameters, "claims").filter(|_| is_ours)?;
        let plain = claims
            .trim_end_matches('=')
            .replace('-', "+")
            .replace('_', "/");
        let bytes = STANDARD_NO_PAD.decode(plain).ok()?;
        Claims::parse(&String::from_utf8(bytes).ok()?)
    })
}

/// The value of a parameter; Entra quotes them all and escapes nothing in them.
fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(',').find_map(|part| {
        let (key, value) = part.split_once('=')?;
        let is_it = key.trim().eq_ignore_ascii_case(name);
        is_it.then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn of(text: &str) -> Option<String> {
        let value = HeaderValue::from_str(text).expect("a header");
        let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, value)]);
        read(&headers).map(|claims| claims.as_str().to_owned())
    }

    #[test]
    fn the_claims_are_read_in_either_alphabet_padded_or_not() {
        let json =
            r#"{"access_token":{"nbf":{"essential":true,"value":"1604106651"}},"x":"???>>>"}"#;
        for encoded in [
            base64::engine::general_purpose::STANDARD.encode(json),
            STANDARD_NO_PAD.encode(json),
            base64::engine::general_purpose::URL_SAFE.encode(json),
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json),
        ] {
            let header = format!(
                "Bearer realm=\"\", authorization_uri=\"https://login.test/authorize\", \
                 error=\"insufficient_claims\", claims=\"{encoded}\""
            );
            assert_eq!(of(&header).as_deref(), Some(json), "{encoded}");
        }
    }

    #[test]
    fn other_headers_are_no_challenge() {
        for header in [
            "Bearer",
            "Bearer error=\"invalid_token\", claims=\"e30\"",
            "HMAC-SHA256 error=\"insufficient_claims\", claims=\"eyJhIjoxfQ\"",
            "Bearer error=\"insufficient_claims\"",
            "Bearer error=\"insufficient_claims\", claims=\"!\"",
            "Bearer error=\"insufficient_claims\", claims=\"W10\"",
        ] {
            assert_eq!(of(header), None, "{header}");
        }
    }
}
