//! The errors of the ACS data plane. Clients depend on status, code and target, not on the message.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::emulator::http::{Reply, without_nulls};
use crate::time::Timestamp;

/// An error.
#[derive(Debug)]
pub(crate) struct AcsError {
    status: u16,
    pub(crate) code: &'static str,
    message: Cow<'static, str>,
    target: Option<&'static str>,
    /// The reason, for the journal only.
    reason: Option<Cow<'static, str>>,
    /// The service detects this error before it knows its versions, so it does not report them.
    is_early: bool,
    header: Option<Box<(&'static str, String)>>,
}

const fn error(status: u16, code: &'static str, message: &'static str) -> AcsError {
    AcsError {
        status,
        code,
        message: Cow::Borrowed(message),
        target: None,
        reason: None,
        is_early: false,
        header: None,
    }
}

#[rustfmt::skip]
impl AcsError {
    /// The message about a body that does not match the operation.
    pub(crate) const INVALID_BODY: &str = "The request body is not valid JSON of this operation.";

    pub(crate) const VERSION_UNSPECIFIED: AcsError = error(400, "ApiVersionUnspecified", "An API version is required, but was not specified.");
    pub(crate) const NO_ASSIGNMENT: AcsError = error(404, "NotFound", "The assignment does not exist.");
    pub(crate) const IDENTITY_NOT_FOUND: AcsError = error(404, "IdentityNotFound", "The identity does not exist.");
    pub(crate) const IDENTITY_NOT_OWNED: AcsError = error(401, "IdentityNotOwned", "Provided identity doesn't belong to the resource.");
}

impl AcsError {
    pub(crate) fn because(mut self, reason: impl Into<Cow<'static, str>>) -> AcsError {
        self.reason = Some(reason.into());
        self
    }

    /// Marks an error that the service detects before it knows its versions.
    pub(crate) fn early(mut self) -> AcsError {
        self.is_early = true;
        self
    }

    /// The body has another media type than this one.
    pub(crate) fn media_type(required: &str) -> AcsError {
        AcsError {
            message: format!("The body must be {required}.").into(),
            ..error(415, "UnsupportedMediaType", "")
        }
    }

    /// A failure of the service itself.
    pub(crate) fn failure(status: u16, code: &'static str, message: &'static str) -> AcsError {
        error(status, code, message).early()
    }

    pub(crate) fn not_found() -> AcsError {
        error(404, "NotFound", "The operation does not exist.").early()
    }

    pub(crate) fn method_not_allowed(allowed: String) -> AcsError {
        AcsError {
            message: format!("The operation accepts {allowed} only.").into(),
            header: Some(Box::new(("allow", allowed))),
            ..error(405, "MethodNotAllowed", "").early()
        }
    }

    pub(crate) fn version_unsupported(version: &str) -> AcsError {
        let text = format!("The API version '{version}' is not supported by this operation.");
        AcsError {
            message: text.into(),
            // The version is text of the client.
            reason: Some("the operation does not have this api-version".into()),
            ..error(400, "UnsupportedApiVersion", "")
        }
    }

    pub(crate) fn denied(reason: impl Into<Cow<'static, str>>) -> AcsError {
        let denied = error(401, "Denied", "Denied by the resource provider.");
        denied.early().because(reason)
    }

    /// The body does not match the operation's model.
    pub(crate) fn model(message: &'static str) -> AcsError {
        error(400, "ValidationError", message).early()
    }

    pub(crate) fn invalid(target: &'static str, message: impl Into<Cow<'static, str>>) -> AcsError {
        AcsError {
            target: Some(target),
            message: message.into(),
            ..error(400, "ValidationError", "")
        }
    }

    pub(crate) fn access_token(reason: impl Into<Cow<'static, str>>) -> AcsError {
        let message = "Provided access token is not valid.";
        let invalid = error(401, "InvalidAccessToken", message);
        invalid.early().because(reason)
    }

    /// A claims challenge for a token from `since` or later.
    pub(crate) fn challenge(since: Timestamp) -> AcsError {
        let claims = json!({"access_token": {"nbf": {
            "essential": true, "value": since.unix_seconds().to_string(),
        }}});
        let claims = STANDARD.encode(claims.to_string());
        let challenge =
            format!("Bearer realm=\"\", error=\"insufficient_claims\", claims=\"{claims}\"");
        AcsError {
            header: Some(Box::new(("www-authenticate", challenge))),
            ..AcsError::access_token("the token is revoked")
        }
    }

    /// The caller is authenticated but has no permission.
    pub(crate) fn forbidden(message: &'static str) -> AcsError {
        error(403, "Forbidden", message).because(message)
    }

    pub(crate) fn throttled(seconds: u64) -> AcsError {
        let text =
            format!("The rate limit of the operation is exceeded. Retry after {seconds} seconds.");
        AcsError {
            message: text.into(),
            header: Some(Box::new(("retry-after", seconds.to_string()))),
            ..error(429, "TooManyRequests", "").early()
        }
    }

    pub(crate) fn into_reply(self, versions: &[&str]) -> Reply {
        let error = json!({"code": self.code, "message": &self.message, "target": self.target});
        let mut reply = Reply::json(self.status, &json!({"error": without_nulls(error)}))
            // Errors have no charset.
            .with("content-type", "application/json")
            .because(self.reason.unwrap_or(self.message));
        if !self.is_early {
            reply = reply.with("api-supported-versions", &versions.join(", "));
        }
        match self.header {
            Some(header) => reply.with(header.0, &header.1),
            None => reply,
        }
    }
}
