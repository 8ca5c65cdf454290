//! Entra ID's JSON: metadata, token errors, `client_info`, id_token claims.

use std::time::Duration;

use oauth2::basic::BasicTokenType;
use oauth2::{AccessToken, Scope};
use serde::{Deserialize, Serialize, Serializer};

use super::Members;
use crate::secret::{DeviceCode, IdToken, RefreshToken, is_b64token};

/// OpenID Connect metadata, the members that we use (OpenID Connect Discovery 1.0, section 3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Members")]
pub(crate) struct Metadata {
    /// The issuer; on `organizations` and `common` it holds `{tenantid}` literally.
    pub(crate) issuer: String,
    /// The authorization endpoint.
    pub(crate) authorization_endpoint: String,
    /// The token endpoint.
    pub(crate) token_endpoint: String,
    /// The device authorization endpoint (RFC 8628, section 4).
    pub(crate) device_authorization_endpoint: Option<String>,
}

impl TryFrom<Members> for Metadata {
    type Error = &'static str;

    fn try_from(mut members: Members) -> Result<Self, Self::Error> {
        Ok(Metadata {
            issuer: members.text("issuer").ok_or("no issuer")?,
            authorization_endpoint: members
                .text("authorization_endpoint")
                .ok_or("no authorization_endpoint")?,
            token_endpoint: members.text("token_endpoint").ok_or("no token_endpoint")?,
            device_authorization_endpoint: members.text("device_authorization_endpoint"),
        })
    }
}

/// The answer to a request for a device code (RFC 8628, section 3.2).
#[derive(Debug, Deserialize)]
#[serde(try_from = "Members")]
pub(crate) struct DeviceAuthorization {
    /// The code for polling.
    pub(crate) device_code: DeviceCode,
    /// The code for the user.
    pub(crate) user_code: String,
    /// The page for the user's code.
    pub(crate) verification_uri: String,
    /// The lifetime in seconds. Entra's default if it is missing.
    pub(crate) expires_in: u64,
    /// Seconds between two polls.
    pub(crate) interval: u64,
}

/// Entra's own default for `expires_in` of a device code, in seconds.
const DEVICE_CODE_LIFE: u64 = 900;
/// The default for `interval` (RFC 8628, section 3.2), in seconds.
const DEVICE_CODE_INTERVAL: u64 = 5;

impl TryFrom<Members> for DeviceAuthorization {
    type Error = &'static str;

    fn try_from(mut members: Members) -> Result<Self, Self::Error> {
        let mut seconds = |name: &str| u64::try_from(members.number(name)?).ok();
        let expires_in = seconds("expires_in").unwrap_or(DEVICE_CODE_LIFE);
        let interval = seconds("interval").unwrap_or(DEVICE_CODE_INTERVAL);
        Ok(DeviceAuthorization {
            device_code: DeviceCode::new(members.text("device_code").ok_or("no device_code")?),
            user_code: members.text("user_code").ok_or("no user_code")?,
            // Entra's first version, and drafts of the RFC, have the other name.
            verification_uri: members
                .text("verification_uri")
                .or_else(|| members.text("verification_url"))
                .ok_or("no verification_uri")?,
            expires_in,
            interval,
        })
    }
}

/// An answer of the token endpoint (RFC 6749, section 5.1) with Entra's own members. Every member
/// may be missing: what to do without it is decided where the tokens are used.
#[derive(Debug, Deserialize)]
#[serde(from = "Members")]
pub(crate) struct TokenResponse {
    /// The access token; empty if there is none, or if its form is not that of a bearer token.
    pub(crate) access_token: AccessToken,
    /// Bearer if the answer names no type.
    pub(crate) token_type: BasicTokenType,
    /// The lifetime of the access token in seconds.
    pub(crate) expires_in: Option<i64>,
    /// Its expiry in Unix seconds, which some of Entra's endpoints send.
    pub(crate) expires_on: Option<i64>,
    /// How long it may be used during an outage of Entra, in seconds.
    pub(crate) ext_expires_in: Option<i64>,
    /// The refresh token.
    pub(crate) refresh_token: Option<RefreshToken>,
    /// The granted scopes; the requested ones if it is missing.
    pub(crate) scopes: Option<Vec<String>>,
    /// The id_token; present if `openid` was requested.
    pub(crate) id_token: Option<IdToken>,
    /// Base64url JSON of a [`ClientInfo`]; present if `client_info=1` was sent.
    pub(crate) client_info: Option<String>,
}

impl From<Members> for TokenResponse {
    fn from(mut members: Members) -> Self {
        let token_type = members.text("token_type").map(|name| {
            match name.trim().eq_ignore_ascii_case("bearer") {
                true => BasicTokenType::Bearer,
                false => BasicTokenType::Extension(name),
            }
        });
        let access_token = members
            .text("access_token")
            .filter(|token| is_b64token(token));
        TokenResponse {
            access_token: AccessToken::new(access_token.unwrap_or_default()),
            token_type: token_type.unwrap_or(BasicTokenType::Bearer),
            expires_in: members.number("expires_in"),
            expires_on: members.number("expires_on"),
            ext_expires_in: members.number("ext_expires_in"),
            refresh_token: members.text("refresh_token").map(RefreshToken::new),
            scopes: members.words("scope"),
            id_token: members.text("id_token").map(IdToken::new),
            client_info: members.text("client_info"),
        }
    }
}

impl Serialize for TokenResponse {
    /// Writes nothing: `oauth2` requires this and never calls it.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_unit()
    }
}

/// `oauth2` requires this and calls none of it: the members are read where the tokens are used.
impl oauth2::TokenResponse for TokenResponse {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &BasicTokenType {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        None
    }

    fn refresh_token(&self) -> Option<&oauth2::RefreshToken> {
        None
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

/// A token error (RFC 6749, section 5.2) with Entra's own members.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "Members")]
pub(crate) struct TokenError {
    /// The error code (RFC 6749, section 5.2).
    pub(crate) error: String,
    /// Text that begins with `AADSTS` and a number.
    pub(crate) error_description: Option<String>,
    /// The numbers behind `AADSTS`.
    pub(crate) error_codes: Vec<i64>,
    /// Entra's suberror, for instance `bad_token`.
    pub(crate) suberror: Option<String>,
    /// The id in the tenant's sign-in log.
    pub(crate) correlation_id: Option<String>,
    /// The id of this one answer.
    pub(crate) trace_id: Option<String>,
    /// When, by Entra's clock and in its notation.
    pub(crate) timestamp: Option<String>,
    /// A claims challenge: JSON in a string.
    pub(crate) claims: Option<String>,
}

impl TryFrom<Members> for TokenError {
    type Error = &'static str;

    fn try_from(mut members: Members) -> Result<Self, Self::Error> {
        Ok(TokenError {
            error: members.text("error").ok_or("no error")?,
            error_description: members.text("error_description"),
            error_codes: members.numbers("error_codes"),
            suberror: members.text("suberror"),
            correlation_id: members.text("correlation_id"),
            trace_id: members.text("trace_id"),
            timestamp: members.text("timestamp"),
            claims: members.json("claims"),
        })
    }
}

impl TokenError {
    /// Reads an error response. Bytes after the JSON do not matter.
    pub(crate) fn read(body: &[u8]) -> Option<TokenError> {
        let text = String::from_utf8_lossy(body);
        TokenError::deserialize(&mut serde_json::Deserializer::from_str(&text)).ok()
    }

    /// Reads an error out of an answer with a status of success, as some servers send it.
    pub(crate) fn despite_success(body: &[u8]) -> Option<TokenError> {
        let members: Members = super::read(body)?;
        match members.has("access_token") {
            true => None,
            false => members.try_into().ok(),
        }
    }
}

/// The account's home (MSAL's `client_info`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct ClientInfo {
    /// The object id in the home tenant.
    pub(crate) uid: String,
    /// The home tenant's id.
    pub(crate) utid: String,
}

#[cfg(test)]
mod tests;
