//! The `claims` request parameter (OpenID Connect Core 1.0, section 5.5), from a challenge and from
//! this client.
//!
//! Text from outside comes in and is checked: a JSON object, and not a large one. It goes out as
//! text for a request. The claims are not interpreted. They hold policy ids and times,
//! and no secret.

use std::fmt;

#[cfg(feature = "identity")]
use base64::Engine;
#[cfg(feature = "identity")]
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Map, Value};

/// The longest challenge in bytes. Entra's have some hundred bytes, and an address has a limit.
const MAX_CLAIMS_BYTES: usize = 4 * 1024;

/// A request for claims: the text of a JSON object that is not empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims(String);

impl Claims {
    /// Takes the text of a challenge: the member `claims` of a token error, which is JSON in a
    /// string. `None` if it is not an object, is empty, or has more than 4 KiB.
    pub fn parse(text: &str) -> Option<Claims> {
        if text.len() > MAX_CLAIMS_BYTES {
            return None;
        }
        let object: Map<String, Value> = serde_json::from_str(text).ok()?;
        (!object.is_empty()).then(|| Claims(text.to_owned()))
    }

    /// Returns the claims of a challenge: one value of `WWW-Authenticate` (RFC 6750, section 3, with
    /// Entra's parameter `claims`, which is Base64 of JSON), which revokes a token before its expiry. Both
    /// alphabets are met with, padded or not.
    #[cfg(feature = "identity")]
    pub fn in_challenge(challenge: &str) -> Option<Claims> {
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
    }

    /// Declares support of Continuous Access Evaluation (`cp1`): tokens then live a day, and a
    /// challenge reports that one is revoked.
    pub fn continuous_access() -> Claims {
        Claims(r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#.to_owned())
    }

    /// These and the others in one request. Objects are merged member by member and lists are
    /// joined. If both have a value, that of `other` is used.
    #[must_use]
    pub fn merged(&self, other: &Claims) -> Claims {
        let read = |claims: &Claims| serde_json::from_str::<Value>(&claims.0).unwrap_or_default();
        let mut all = read(self);
        merge(&mut all, read(other));
        Claims(all.to_string())
    }

    /// The value of the request parameter.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims(…)")
    }
}

/// The value of a parameter; Entra quotes them all and escapes nothing in them.
#[cfg(feature = "identity")]
fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(',').find_map(|part| {
        let (key, value) = part.split_once('=')?;
        let is_it = key.trim().eq_ignore_ascii_case(name);
        is_it.then(|| value.trim().trim_matches('"'))
    })
}

fn merge(into: &mut Value, other: Value) {
    match (into, other) {
        (Value::Object(into), Value::Object(other)) => {
            for (name, value) in other {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(other)) => {
            for value in other {
                if !into.contains(&value) {
                    into.push(value);
                }
            }
        }
        // A claim that is asked for without more is `null`, and takes nothing back.
        (Value::Object(_) | Value::Array(_), Value::Null) => {}
        (into, other) => *into = other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(ours: &str, theirs: &str) -> String {
        let [ours, theirs] = [ours, theirs].map(|text| Claims::parse(text).expect(text));
        ours.merged(&theirs).as_str().to_owned()
    }

    #[test]
    fn only_an_object_of_some_size_is_a_challenge() {
        let challenge = r#"{"access_token": {"acrs": {"essential": true, "value": "c1"}}}"#;
        let read = Claims::parse(challenge).expect("a challenge");
        assert_eq!(read.as_str(), challenge, "passed on as it came");
        let deep = format!("{}{}", r#"{"a":"#.repeat(500), "}".repeat(500));
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_CLAIMS_BYTES));
        for no in ["", "{}", "[]", "null", "\"{}\"", "{", "7", &deep, &long] {
            assert_eq!(Claims::parse(no), None, "{}", no.len());
        }
    }

    #[test]
    fn a_challenge_and_our_own_claims_are_merged_and_nothing_is_lost() {
        let ours = Claims::continuous_access().as_str().to_owned();
        assert_eq!(
            merged(
                &ours,
                r#"{"access_token":{"nbf":{"essential":true,"value":"1604106651"}},"id_token":{"acrs":null}}"#,
            ),
            r#"{"access_token":{"nbf":{"essential":true,"value":"1604106651"},"xms_cc":{"values":["cp1"]}},"id_token":{"acrs":null}}"#
        );
        assert_eq!(
            merged(
                &ours,
                r#"{"access_token":{"xms_cc":{"values":["cp2","cp1"]}}}"#
            ),
            r#"{"access_token":{"xms_cc":{"values":["cp1","cp2"]}}}"#
        );
        assert_eq!(merged(&ours, r#"{"access_token":null}"#), ours);
        assert_eq!(
            merged(r#"{"a":null}"#, r#"{"a":{"b":1}}"#),
            r#"{"a":{"b":1}}"#
        );
    }

    #[cfg(feature = "identity")]
    fn of(text: &str) -> Option<String> {
        Claims::in_challenge(text).map(|claims| claims.as_str().to_owned())
    }

    #[cfg(feature = "identity")]
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

    #[cfg(feature = "identity")]
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
