//! Secrets as types: redacted in `Debug`, without `Display`, wiped from memory when dropped.
//!
//! A secret goes in once, where it arrives, and comes out only through a call named `expose`, so
//! that one word finds every place where one is used. Nothing here can be serialised: whoever
//! sends or stores a secret exposes it there and then.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

macro_rules! secret_text {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(Zeroizing<String>);

        impl $name {
            /// Takes the secret in.
            pub fn new(secret: impl Into<String>) -> Self {
                $name(Zeroizing::new(secret.into()))
            }

            /// The secret itself. Never print, log or format what this returns.
            pub fn expose(&self) -> &str {
                &self.0
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
    /// What renews an [`EntraToken`] without a person.
    RefreshToken;
    /// What Entra says of who signed in; read once and dropped, but as good as personal data.
    IdToken;
    /// The one-time code of the authorization code flow (RFC 6749, section 4.1.2).
    AuthorizationCode;
    /// What a person pasted to sign in: the browser's last address, or the code in it.
    Pasted;
    /// What a device polls with while a person signs in elsewhere (RFC 8628).
    DeviceCode;
    /// The Communication Identity access token that Azure Communication Services issues.
    CommunicationToken;
    /// An ACS resource's access key, Base64 as the portal shows it.
    AccessKey;
    /// What an app shows to this machine's token service.
    ServiceSecret;
    /// What the user types to open the sealed files.
    Passphrase;
    /// A proxy's URL, which may hold credentials.
    ProxyAddress;
}

/// A stored item's bytes: whatever they hold, they are secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes the bytes in.
    pub fn new(secret: Vec<u8>) -> Self {
        SecretBytes(Zeroizing::new(secret))
    }

    /// The bytes themselves. Never print, log or format what this returns.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes([redacted], {} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
