//! The error bodies of the ACS data plane.
//!
//! In comes what is wrong, out come the status, the code and the target by which clients branch.
//! The wording of messages is nobody's contract; codes and targets are.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::door::Reply;

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
    allow: Option<Method>,
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
            allow: None,
        }
    }

    fn early(mut self) -> Refusal {
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

    pub(super) fn method_not_allowed(allowed: &Method) -> Refusal {
        let mut refusal = Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            format!("The operation takes {allowed} only."),
        );
        refusal.allow = Some(allowed.clone());
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
        if let Some(allow) = self.allow {
            reply = reply.with("allow", allow.as_str());
        }
        reply
    }
}
