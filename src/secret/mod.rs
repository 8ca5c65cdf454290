//! Secrets as types: redacted in `Debug`, without `Display`, wiped from memory when dropped.
//!
//! A secret is read only by a call named `expose`, so that a search for that word finds each use.
//! These types cannot be serialized: the code that sends or stores a secret exposes it.
//!
//! The bytes are in memory that the system does not write to the swap device, as far as it locks
//! memory for this process. Copies that are made elsewhere are in ordinary memory.

mod locked;

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use locked::LockedBytes;

macro_rules! secret_text {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(LockedBytes);

        impl $name {
            /// Takes the secret in.
            pub fn new(secret: impl Into<String>) -> Self {
                let secret: Zeroizing<String> = Zeroizing::new(secret.into());
                $name(LockedBytes::copy(secret.as_bytes()))
            }

            /// Copies the secret of a text that the caller keeps. It makes no other copy.
            pub fn copy(secret: &str) -> Self {
                $name(LockedBytes::copy(secret.as_bytes()))
            }

            /// Returns the secret. Print it only as the result of a command; never log or format it.
            pub fn expose(&self) -> &str {
                // The bytes are those of a text.
                str::from_utf8(self.0.bytes()).unwrap_or_default()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map($name::new)
            }
        }
    )*};
}

secret_text! {
    /// The access token that Microsoft Entra ID issues to the Teams user.
    EntraToken;
    /// The refresh token, which renews an [`EntraToken`] without a user.
    RefreshToken;
    /// The id_token, which contains personal data. It is parsed once and dropped.
    IdToken;
    /// The one-time code of the authorization code flow (RFC 6749, section 4.1.2).
    AuthorizationCode;
    /// The pasted text of a sign-in: the browser's last address, or the code in it.
    Pasted;
    /// The device code for polling (RFC 8628).
    DeviceCode;
    /// The Communication Identity access token that Azure Communication Services issues.
    CommunicationToken;
    /// An ACS resource's access key, Base64 as the portal shows it.
    AccessKey;
    /// The credential of an app for this machine's token service.
    ServiceSecret;
    /// The passphrase of the sealed files.
    Passphrase;
    /// A proxy's URL, which may contain credentials.
    ProxyAddress;
}

/// Whether the system keeps the secrets of this process out of the swap device.
pub fn is_memory_locked() -> bool {
    locked::is_offered()
}

/// Whether a text has the form of a bearer token: `b64token` of RFC 6750, section 2.1. No other text
/// is sent, stored or printed as an access token: it could end a header or a line.
pub fn is_b64token(text: &str) -> bool {
    let start = text.trim_end_matches('=');
    let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !start.is_empty() && start.bytes().all(is_token_byte)
}

/// A stored item's bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(LockedBytes);

impl SecretBytes {
    /// Takes the bytes in.
    pub fn new(secret: Vec<u8>) -> Self {
        SecretBytes(LockedBytes::copy(&Zeroizing::new(secret)))
    }

    /// Returns the bytes. Never print, log or format them.
    pub fn expose(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes([redacted], {} bytes)", self.expose().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_b64token_has_the_form_of_a_token() {
        for token in ["a", "eyJ.eyJ.c2ln", "-._~+/0Zz", "YQ==", "a====="] {
            assert!(is_b64token(token), "{token}");
        }
        for c in '\0'..='\u{2fff}' {
            let is_allowed = c.is_ascii_alphanumeric() || "-._~+/".contains(c);
            assert_eq!(is_b64token(&format!("a{c}b")), is_allowed, "{c:?}");
            let may_end = is_allowed || c == '=';
            assert_eq!(is_b64token(&format!("ab{c}")), may_end, "{c:?}");
        }
        for text in ["", "=", "==", "a=b", "a\r\nx: y", " a", "a ", "a,b"] {
            assert!(!is_b64token(text), "{text:?}");
        }
    }

    #[test]
    fn clone_is_equal_and_exposes_the_same() {
        let token = EntraToken::new("gr\u{fc}n.\u{1f511}");
        let clone = token.clone();
        drop(token);
        assert_eq!(clone.expose(), "gr\u{fc}n.\u{1f511}");
        assert_eq!(clone, EntraToken::new(clone.expose()));
        assert_eq!(clone, EntraToken::copy(clone.expose()));
        assert_ne!(clone, EntraToken::new("another"));
        let bytes = SecretBytes::new(vec![0, 255, 0]);
        assert_eq!(bytes.clone().expose(), [0, 255, 0]);
        assert_eq!(EntraToken::new("").expose(), "");
    }

    #[test]
    fn debug_shows_no_secret() {
        let marker = "s3cr3t-marker";
        let shown = format!(
            "{:?} {:?}",
            EntraToken::new(marker),
            SecretBytes::new(marker.as_bytes().to_vec())
        );
        assert!(!shown.contains(marker), "{shown}");
        assert!(!shown.contains("115, 51"), "{shown}");
    }
}
