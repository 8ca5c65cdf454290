//! Entra ID's JSON: metadata, token errors, `client_info`, id_token claims.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::secret::{DeviceCode, IdToken};

/// OpenID Connect metadata, the members that we use (OpenID Connect Discovery 1.0, section 3).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Metadata {
    /// The issuer; on `organizations` and `common` it holds `{tenantid}` literally.
    pub(crate) issuer: String,
    /// Where the browser goes.
    pub(crate) authorization_endpoint: String,
    /// Where codes and refresh tokens are redeemed.
    pub(crate) token_endpoint: String,
    /// Where codes for another device come from (RFC 8628, section 4).
    #[serde(default)]
    pub(crate) device_authorization_endpoint: Option<String>,
}

/// The answer to a request for a device code (RFC 8628, section 3.2).
#[derive(Debug, Deserialize)]
pub(crate) struct DeviceAuthorization {
    /// What buys the tokens once somebody has entered the other code.
    pub(crate) device_code: DeviceCode,
    /// What a person enters.
    pub(crate) user_code: String,
    /// Where they enter it.
    pub(crate) verification_uri: String,
    /// How long it can be entered, in seconds. Entra's own default where it is missing.
    #[serde(default = "device_code_life")]
    pub(crate) expires_in: u64,
    /// Seconds between two polls.
    #[serde(default = "device_code_interval")]
    pub(crate) interval: u64,
}

fn device_code_life() -> u64 {
    900
}

fn device_code_interval() -> u64 {
    5
}

/// What a token answer carries beside the fields of RFC 6749, section 5.1.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct TokenFields {
    /// Who signed in; there where `openid` was asked for.
    #[serde(default, skip_serializing)]
    pub(crate) id_token: Option<IdToken>,
    /// Base64url JSON of a [`ClientInfo`]; there where `client_info=1` was sent.
    #[serde(default, skip_serializing)]
    pub(crate) client_info: Option<String>,
}

impl oauth2::ExtraTokenFields for TokenFields {}

/// A token error (RFC 6749, section 5.2) with Entra's own members.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub(crate) struct TokenError {
    /// The word to branch on.
    pub(crate) error: String,
    /// Text that begins with `AADSTS` and a number.
    #[serde(default)]
    pub(crate) error_description: Option<String>,
    /// The numbers behind `AADSTS`.
    #[serde(default)]
    pub(crate) error_codes: Vec<i64>,
    /// A finer word, for instance `bad_token`.
    #[serde(default)]
    pub(crate) suberror: Option<String>,
    /// The id that the tenant's sign-in log knows.
    #[serde(default)]
    pub(crate) correlation_id: Option<String>,
    /// The id of this one answer.
    #[serde(default)]
    pub(crate) trace_id: Option<String>,
    /// When, by Entra's clock and in its notation.
    #[serde(default)]
    pub(crate) timestamp: Option<String>,
    /// A claims challenge: JSON in a string.
    #[serde(default)]
    pub(crate) claims: Option<String>,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)
    }
}

impl oauth2::ErrorResponse for TokenError {}

/// The account's home (MSAL's `client_info`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct ClientInfo {
    /// The object id in the home tenant.
    pub(crate) uid: String,
    /// The home tenant's id.
    pub(crate) utid: String,
}

/// The id_token claims that we use (OpenID Connect Core 1.0, section 2, and Entra's own).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct IdTokenClaims {
    /// The client id that it is for.
    pub(crate) aud: String,
    /// Who issued it.
    pub(crate) iss: String,
    /// When it expires, Unix seconds.
    pub(crate) exp: i64,
    /// The value that the authorize request carried.
    pub(crate) nonce: Option<String>,
    /// The user's object id in the tenant.
    pub(crate) oid: Option<String>,
    /// The tenant.
    pub(crate) tid: Option<String>,
    /// The name people know the account by.
    pub(crate) preferred_username: Option<String>,
    /// An e-mail address, there for guests.
    pub(crate) email: Option<String>,
}
