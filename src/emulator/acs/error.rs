//! The errors of the ACS data plane. Clients depend on status, code and target, not on the message.

use std::borrow::Cow;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::emulator::http::Reply;
use crate::time::Timestamp;

/// An error.
#[derive(Debug)]
pub(crate) struct AcsError {
    status: u16,
    code: &'static str,
    message: Cow<'static, str>,
    target: Option<&'static str>,
    /// The reason, for the journal only.
    reason: Option<String>,
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
    pub(crate) const MEDIA_TYPE: AcsError = error(415, "UnsupportedMediaType", "The body must be application/json.");
    pub(crate) const NO_ASSIGNMENT: AcsError = error(404, "NotFound", "There is no such assignment.");
    pub(crate) const IDENTITY_NOT_FOUND: AcsError = error(404, "IdentityNotFound", "The identity does not exist.");
    pub(crate) const IDENTITY_NOT_OWNED: AcsError = error(401, "IdentityNotOwned", "Provided identity doesn't belong to the resource.");
    const NOT_FOUND: AcsError = error(404, "NotFound", "There is no such operation.");
    const DENIED: AcsError = error(401, "Denied", "Denied by the resource provider.");
    const ACCESS_TOKEN: AcsError = error(401, "InvalidAccessToken", "Provided access token is not valid.");
}

impl AcsError {
    pub(crate) fn because(mut self, reason: impl Into<String>) -> AcsError {
        self.reason = Some(reason.into());
        self
    }

    /// Marks an error that the service detects before it knows its versions.
    pub(crate) fn early(mut self) -> AcsError {
        self.is_early = true;
        self
    }

    fn saying(mut self, message: String) -> AcsError {
        self.message = message.into();
        self
    }

    pub(crate) fn not_found() -> AcsError {
        AcsError::NOT_FOUND.early()
    }

    pub(crate) fn method_not_allowed<'a>(allowed: impl Iterator<Item = &'a Method>) -> AcsError {
        let allowed: Vec<&str> = allowed.map(Method::as_str).collect();
        let allowed = allowed.join(", ");
        AcsError {
            message: format!("The operation takes {allowed} only.").into(),
            header: Some(Box::new(("allow", allowed))),
            ..error(405, "MethodNotAllowed", "").early()
        }
    }

    pub(crate) fn version_unsupported(version: &str) -> AcsError {
        let message = format!("The API version '{version}' is not supported by this operation.");
        error(400, "UnsupportedApiVersion", "").saying(message)
    }

    pub(crate) fn denied(reason: impl Into<String>) -> AcsError {
        AcsError::DENIED.early().because(reason)
    }

    /// The body does not match the operation's model.
    pub(crate) fn model(message: &'static str) -> AcsError {
        error(400, "ValidationError", message).early()
    }

    pub(crate) fn invalid(target: &'static str, message: impl Into<String>) -> AcsError {
        AcsError {
            target: Some(target),
            ..error(400, "ValidationError", "").saying(message.into())
        }
    }

    pub(crate) fn access_token(reason: impl Into<String>) -> AcsError {
        AcsError::ACCESS_TOKEN.early().because(reason)
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
            ..AcsError::access_token("the token was taken back")
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
            header: Some(Box::new(("retry-after", seconds.to_string()))),
            ..error(429, "TooManyRequests", "").saying(text).early()
        }
    }

    pub(crate) fn into_reply(self, versions: &[&str]) -> Reply {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some(target) = self.target {
            error["target"] = Value::from(target);
        }
        let mut reply = Reply::json(self.status, &json!({"error": error}))
            // Errors have no charset.
            .with("content-type", "application/json")
            .because(self.reason.unwrap_or_else(|| self.code.to_owned()));
        if !self.is_early {
            reply = reply.with("api-supported-versions", &versions.join(", "));
        }
        match self.header {
            Some(header) => reply.with(header.0, &header.1),
            None => reply,
        }
    }
}
