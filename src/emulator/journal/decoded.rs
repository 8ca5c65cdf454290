//! The tokens of an entry: kept without their signature, and decoded only when a reader asks.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};

/// The longest header and claims that are kept, in bytes.
const MAX_TOKEN: usize = 4096;
/// The claims that repeat a value of the client that it keeps secret.
const HIDDEN: [&str; 1] = ["nonce"];

/// A token's readable parts.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    kind: &'static str,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    /// Header and claims as in the token, encoded.
    Jwt(Box<str>),
    /// The user and the family of a refresh token.
    Refresh { user: String, family: String },
    /// A text that is not a JWT, or is too long to keep.
    Unreadable,
}

impl Kept {
    pub(crate) fn jwt(kind: &'static str, token: &str) -> Kept {
        let signed = token.rsplit_once('.').map(|(signed, _)| signed);
        // The part before the last dot of another text may be all of its secret.
        let signed = signed.filter(|signed| signed.starts_with("eyJ") && signed.contains(".eyJ"));
        let content = match signed.filter(|signed| signed.len() <= MAX_TOKEN) {
            Some(signed) => Content::Jwt(signed.into()),
            None => Content::Unreadable,
        };
        Kept { kind, content }
    }

    pub(crate) fn refresh(user: &str, family: &str) -> Kept {
        let content = Content::Refresh {
            user: user.to_owned(),
            family: family.to_owned(),
        };
        let kind = "refresh_token";
        Kept { kind, content }
    }

    pub(crate) fn decode(&self) -> LoggedToken {
        let (header, claims) = match &self.content {
            Content::Jwt(signed) => signed
                .split_once('.')
                .and_then(|(header, claims)| Some((part(header)?, shown(part(claims)?))))
                .unzip(),
            Content::Refresh { user, family } => {
                (None, Some(json!({"user": user, "family": family})))
            }
            Content::Unreadable => (None, None),
        };
        LoggedToken {
            kind: self.kind.to_owned(),
            header,
            claims,
        }
    }
}

/// A token in the journal, without its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LoggedToken {
    /// `access_token`, `id_token`, `refresh_token`, `communication_token` or `client_assertion`.
    pub kind: String,
    /// The header; `None` for a refresh token, and if the text is not a JWT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<Value>,
    /// The claims, unverified, without the value of `nonce`. Of a refresh token: `user`, the object
    /// id, and `family`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<Value>,
}

fn part(encoded: &str) -> Option<Value> {
    let decoded = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    let value: Value = serde_json::from_slice(&decoded).ok()?;
    value.is_object().then_some(value)
}

fn shown(mut claims: Value) -> Value {
    for name in HIDDEN {
        if let Some(value) = claims.get_mut(name) {
            *value = "hidden".into();
        }
    }
    claims
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    #[test]
    fn a_token_is_decoded_without_signature_and_nonce() {
        let header = json!({"alg": "RS256"});
        let claims = json!({"oid": "x", "nonce": "a-secret-nonce"});
        let token = format!("{}.{}.c2lnbmF0dXJl", encoded(&header), encoded(&claims));
        let kept = Kept::jwt("id_token", &token);
        assert!(!format!("{kept:?}").contains("c2lnbmF0dXJl"));
        let decoded = kept.decode();
        assert_eq!(decoded.header, Some(header));
        assert_eq!(decoded.claims, Some(json!({"oid": "x", "nonce": "hidden"})));
    }

    #[test]
    fn a_text_that_is_no_token_is_not_kept() {
        let long = format!("eyJ.eyJ{}.c2ln", "A".repeat(MAX_TOKEN));
        for text in [
            "opaque-secret",
            "a.secret.text",
            "1.worthless.e30.tag",
            "",
            &long,
        ] {
            let kept = Kept::jwt("access_token", text);
            assert!(matches!(kept.content, Content::Unreadable), "{text}");
            assert_eq!(kept.decode().claims, None);
        }
    }
}
