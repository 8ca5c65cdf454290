//! The JSON of the service: a token (RFC 8693, section 2.2.1), a refusal (RFC 6749, section 5.2), and its
//! readiness.

use std::time::Duration;

use serde::Deserialize;

use crate::secret::{CommunicationToken, is_b64token};
use crate::wire::Members;

/// The response with a token.
#[derive(Deserialize)]
#[serde(try_from = "Members")]
pub(super) struct Exchanged {
    pub(super) token: CommunicationToken,
    pub(super) life: Duration,
}

impl TryFrom<Members> for Exchanged {
    type Error = &'static str;

    fn try_from(mut members: Members) -> Result<Self, Self::Error> {
        let token = members.text("access_token");
        let token = token.filter(|token| is_b64token(token)).ok_or("no token")?;
        let seconds = members.number("expires_in").ok_or("no lifetime")?;
        let seconds = u64::try_from(seconds).map_err(|_| "a negative lifetime")?;
        Ok(Exchanged {
            token: CommunicationToken::new(token),
            life: Duration::from_secs(seconds),
        })
    }
}

/// A refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "Members")]
pub(super) struct Refused {
    pub(super) error: String,
    pub(super) description: Option<String>,
    pub(super) request_id: Option<String>,
}

impl TryFrom<Members> for Refused {
    type Error = &'static str;

    fn try_from(mut members: Members) -> Result<Self, Self::Error> {
        Ok(Refused {
            error: members.text("error").ok_or("no error")?,
            description: members.text("error_description"),
            request_id: members.text("request_id"),
        })
    }
}

/// The readiness.
#[derive(Deserialize)]
#[serde(try_from = "Members")]
pub(super) struct Readiness {
    pub(super) status: String,
}

impl TryFrom<Members> for Readiness {
    type Error = &'static str;

    fn try_from(mut members: Members) -> Result<Self, Self::Error> {
        let status = members.text("status").ok_or("no status")?;
        Ok(Readiness { status })
    }
}
