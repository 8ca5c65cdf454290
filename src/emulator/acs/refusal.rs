//! The error bodies of the ACS data plane.
//!
//! In comes what is wrong, out come the status, the code and the target by which clients branch.
//! The wording of messages is nobody's contract; codes and targets are.

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::server::Reply;
use crate::time::Timestamp;

/// A refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    target: Option<&'static str>,
    /// For the journal only.
    reason: Option<String>,
    /// The service stops before it knows its versions, and so does not report them.
    early: bool,
    /// A header that goes with it.
    header: Option<Box<(&'static str, String)>>,
}

impl Refusal {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
    ) -> Refusal {
        Refusal {
            status,
            code,
            message: message.into(),
            target: None,
            reason: None,
            early: false,
            header: None,
        }
    }

    /// The service refuses this before it has worked out which versions it has.
    pub(super) fn early(mut self) -> Refusal {
        self.early = true;
        self
    }

    pub(super) fn because(mut self, reason: impl Into<String>) -> Refusal {
        self.reason = Some(reason.into());
        self
    }

    pub(super) fn not_found() -> Refusal {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            "There is no such operation.",
        )
        .early()
    }

    pub(super) fn method_not_allowed<'a>(allowed: impl Iterator<Item = &'a Method>) -> Refusal {
        let allowed: Vec<&str> = allowed.map(Method::as_str).collect();
        let allowed = allowed.join(", ");
        let mut refusal = Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            format!("The operation takes {allowed} only."),
        );
        refusal.header = Some(Box::new(("allow", allowed)));
        refusal.early()
    }

    pub(super) fn version_unspecified() -> Refusal {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "ApiVersionUnspecified",
            "An API version is required, but was not specified.",
        )
    }

    pub(super) fn version_unsupported(version: &str) -> Refusal {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "UnsupportedApiVersion",
            format!("The API version '{version}' is not supported by this operation."),
        )
    }

    pub(super) fn denied(reason: impl Into<String>) -> Refusal {
        Refusal::new(
            StatusCode::UNAUTHORIZED,
            "Denied",
            "Denied by the resource provider.",
        )
        .early()
        .because(reason)
    }

    pub(super) fn media_type() -> Refusal {
        Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            "The body must be application/json.",
        )
    }

    /// The body does not fit the operation's model.
    pub(super) fn model(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, "ValidationError", message).early()
    }

    pub(super) fn invalid(target: &'static str, message: impl Into<String>) -> Refusal {
        let mut refusal = Refusal::new(StatusCode::BAD_REQUEST, "ValidationError", message);
        refusal.target = Some(target);
        refusal
    }

    pub(super) fn access_token(reason: impl Into<String>) -> Refusal {
        Refusal::new(
            StatusCode::UNAUTHORIZED,
            "InvalidAccessToken",
            "Provided access token is not valid.",
        )
        .early()
        .because(reason)
    }

    /// The token is good by its dates, and one from `since` or later is asked for.
    pub(super) fn challenge(since: Timestamp) -> Refusal {
        let claims = json!({"access_token": {"nbf": {
            "essential": true, "value": since.unix_seconds().to_string(),
        }}});
        let mut refusal = Refusal::access_token("the token was taken back");
        refusal.header = Some(Box::new((
            "www-authenticate",
            format!(
                "Bearer realm=\"\", error=\"insufficient_claims\", claims=\"{}\"",
                STANDARD.encode(claims.to_string())
            ),
        )));
        refusal
    }

    /// The caller is who they say, and may not.
    pub(super) fn forbidden(message: &'static str) -> Refusal {
        Refusal::new(StatusCode::FORBIDDEN, "Forbidden", message).because(message)
    }

    pub(super) fn throttled(seconds: u64) -> Refusal {
        let mut refusal = Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            format!("The rate limit of the operation is exceeded. Retry after {seconds} seconds."),
        );
        refusal.header = Some(Box::new(("retry-after", seconds.to_string())));
        refusal.early()
    }

    pub(super) fn not_owned(reason: impl Into<String>) -> Refusal {
        Refusal::new(
            StatusCode::UNAUTHORIZED,
            "IdentityNotOwned",
            "Provided identity doesn't belong to the resource.",
        )
        .because(reason)
    }

    pub(super) fn into_reply(self, operation: &str, versions: &[&str]) -> Reply {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some(target) = self.target {
            error["target"] = Value::from(target);
        }
        let mut reply = Reply::json(operation, self.status, &json!({"error": error}))
            // Errors come without a charset.
            .with("content-type", "application/json")
            .because(self.reason.unwrap_or_else(|| self.code.to_owned()));
        if !self.early {
            reply = reply.with("api-supported-versions", &versions.join(", "));
        }
        if let Some(header) = self.header {
            reply = reply.with(header.0, &header.1);
        }
        reply
    }
}
