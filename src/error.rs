//! The one error type of the crate.
//!
//! An error has a sentence for its cause, a sentence for the next step, and the [`Kind`], which
//! decides the exit code. This file prints and logs nothing.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::claims::Claims;

/// A failure: its cause, the next step, and the kind for the caller's decision.
///
/// `message` is one lower-case sentence without a final period and never repeats its source; it
/// and every source are free of secrets, because foreign errors that may carry a body or a token
/// are translated where they arise and never become a source. A clone is the same failure, for
/// another waiting caller.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    message: String,
    hint: String,
    code: Option<String>,
    correlation_id: Option<String>,
    service_response: Option<ServiceResponse>,
    claims: Option<Claims>,
    reached: Delivery,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The progress of a request without a whole response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Delivery {
    /// No byte of it left this machine.
    NotSent,
    /// It may have been transmitted.
    MaybeSent,
    /// The response began with this HTTP status, and broke off.
    ResponseStarted(u16),
}

/// A service's error response, for programs that need more than the [`Kind`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceResponse {
    /// The HTTP status.
    pub status: u16,
    /// The service's code, for example `ValidationError`.
    pub code: Option<String>,
    /// The field that is at fault, for instance `Scopes`; its case varies, as the service's does.
    pub target: Option<String>,
    /// The service's message, cut and on one line.
    pub message: Option<String>,
    /// The service's id of the request.
    pub request_id: Option<String>,
}

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Defines [`Kind`] from a table: description, name, exit code and word of each.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $word:literal;)*) => {
        /// The kind of a failure. It is the exit code, and the `kind` of the JSON error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[doc = $doc])+ $name = $code,)*
        }

        impl Kind {
            /// Every kind, in the order of the exit codes.
            pub const ALL: [Kind; [$($code),*].len()] = [$(Kind::$name),*];

            /// The word for it in JSON.
            pub fn as_str(self) -> &'static str {
                match self { $(Kind::$name => $word,)* }
            }

            /// Returns the description, for the reference of exit codes.
            pub fn description(self) -> &'static str {
                match self { $(Kind::$name => concat!($($doc),+).trim(),)* }
            }
        }
    };
}

kinds! {
    /// Internal error: a fault of acspass.
    Internal = 1, "internal";
    /// Usage or configuration: a bad flag, setting or input. Change it and run again.
    Usage = 2, "usage";
    /// Sign-in was refused, cancelled or timed out, or another user signed in.
    SignInRefused = 3, "sign_in_refused";
    /// Sign-in is needed, and an interactive sign-in is not allowed.
    SignInNeeded = 4, "sign_in_needed";
    /// A service refused the request permanently.
    Refused = 5, "refused";
    /// A service or the network was unreachable after the retries, or the response was not the
    /// service's own.
    Unreachable = 6, "unreachable";
    /// The token store failed, is locked, or did not respond in time.
    Store = 7, "store";
    /// An expectation of `emulator verify` was not met.
    Expectation = 8, "expectation";
    /// The user interrupted the command.
    Interrupted = 130, "interrupted";
}

impl Kind {
    /// The exit code of the process, as the contract fixes it.
    pub fn exit_code(self) -> u8 {
        self as u8
    }
}

impl Error {
    /// A failure of this kind. `hint` is the next step; there is no error without one.
    pub fn new(kind: Kind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Error(Arc::new(Inner {
            kind,
            message: message.into(),
            hint: hint.into(),
            code: None,
            correlation_id: None,
            service_response: None,
            claims: None,
            reached: Delivery::NotSent,
            retry_after: None,
            source: None,
        }))
    }

    /// Creates an error of kind [`Kind::Usage`].
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Error::new(Kind::Usage, message, hint)
    }

    /// Creates an error of kind [`Kind::Unreachable`].
    pub(crate) fn unreachable(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Error::new(Kind::Unreachable, message, hint)
    }

    /// Creates the error for a violated invariant of this program; `what` describes it.
    pub(crate) fn internal(what: impl Into<String>) -> Self {
        Error::new(
            Kind::Internal,
            what,
            "Report this error of acspass, with the command that you ran.",
        )
    }

    /// Adds the service's code, such as `AADSTS50173` or `Denied`.
    #[must_use]
    pub fn with_code(self, code: impl Into<String>) -> Self {
        self.with(|inner| inner.code = Some(code.into()))
    }

    /// Adds the id under which the service's staff find the request.
    #[must_use]
    pub fn with_correlation_id(self, id: impl Into<String>) -> Self {
        self.with(|inner| inner.correlation_id = Some(id.into()))
    }

    /// Adds the service's error response.
    #[must_use]
    pub fn with_service_response(self, answer: ServiceResponse) -> Self {
        self.with(|inner| {
            inner.code = answer.code.clone().or(inner.code.take());
            inner.correlation_id = answer.request_id.clone().or(inner.correlation_id.take());
            inner.service_response = Some(answer);
        })
    }

    /// Adds a claims challenge, for the next request to Entra.
    #[must_use]
    pub fn with_claims(self, claims: Claims) -> Self {
        self.with(|inner| inner.claims = Some(claims))
    }

    /// Adds how far the failed request got; a later call cannot take it back.
    #[must_use]
    pub(crate) fn with_delivery(self, reached: Delivery) -> Self {
        self.with(|inner| inner.reached = inner.reached.max(reached))
    }

    /// Adds when a further try may have another outcome.
    #[must_use]
    pub fn with_retry_after(self, pause: Duration) -> Self {
        self.with(|inner| inner.retry_after = Some(pause))
    }

    /// Adds the cause. It must not contain a secret or a response body.
    #[must_use]
    pub fn caused_by(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.with(|inner| inner.source = Some(Arc::from(source.into())))
    }

    /// Replaces the message.
    #[must_use]
    pub(crate) fn with_message(self, message: impl Into<String>) -> Self {
        self.with(|inner| inner.message = message.into())
    }

    /// Replaces the next step.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        self.with(|inner| inner.hint = hint.into())
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Returns the kind.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Returns the cause, in one sentence.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The next step, in one sentence.
    pub fn hint(&self) -> &str {
        &self.0.hint
    }

    /// Returns the service's code, if it sent one.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Returns the service's error response, if there is one.
    pub fn service_response(&self) -> Option<&ServiceResponse> {
        self.0.service_response.as_ref()
    }

    /// Returns the claims challenge, if there is one: Entra's for the next sign-in, or the ACS
    /// resource's for the next refresh or sign-in.
    pub fn claims(&self) -> Option<&Claims> {
        self.0.claims.as_ref()
    }

    /// Returns whether a request without a whole response may have reached the service and may have
    /// been carried out. False if no connection came about, and for any other failure.
    pub fn may_have_arrived(&self) -> bool {
        self.0.reached != Delivery::NotSent
    }

    /// How far the failed request got.
    pub(crate) fn delivery(&self) -> Delivery {
        self.0.reached
    }

    /// How long to wait before a further try, if that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the service's correlation or request id, if it sent one.
    pub fn correlation_id(&self) -> Option<&str> {
        self.0.correlation_id.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("hint", &self.0.hint)
            .field("code", &self.0.code)
            .field("correlation_id", &self.0.correlation_id)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_of_causes_can_be_walked() {
        let root = std::io::Error::other("disk on fire");
        let error = Error::new(Kind::Store, "could not save", "free some space").caused_by(root);
        let source = StdError::source(&error).map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("disk on fire"));
        assert_eq!(error.to_string(), "could not save");
    }
}
