//! A request that gets no token: the status, the error of RFC 6749, and the reason for the audit.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;

use super::reason::Reason;
use crate::claims::Claims;
use crate::error::{Error, Kind};
use crate::exchange_service::tokens::{Purpose, Rejection, UserToken};

/// The default of `Retry-After` for an outage.
const OUTAGE_PAUSE: Duration = Duration::from_secs(2);
/// The default of `Retry-After` for a limit of the resource: its window.
const RATE_PAUSE: Duration = Duration::from_secs(30);

/// A refusal. It contains no token and no text of a request.
#[derive(Debug, Clone)]
pub(in crate::exchange_service) struct Refusal {
    pub(in crate::exchange_service) status: StatusCode,
    /// The error of RFC 6749 or RFC 6750.
    pub(in crate::exchange_service) error: &'static str,
    /// The word for the audit and the metrics.
    pub(in crate::exchange_service) reason: Reason,
    pub(in crate::exchange_service) description: String,
    pub(in crate::exchange_service) retry_after: Option<Duration>,
    /// The challenge that the client has to meet with its next sign-in.
    pub(in crate::exchange_service) claims: Option<Claims>,
    /// What the audit has in addition.
    pub(in crate::exchange_service) details: Option<Box<Details>>,
}

/// What the audit has in addition to the reason.
#[derive(Debug, Clone, Default)]
pub(in crate::exchange_service) struct Details {
    /// The code in the response of the resource or of Entra ID that caused the refusal.
    pub(in crate::exchange_service) upstream_code: Option<String>,
    /// The id of that response, by which the other service's staff find it.
    pub(in crate::exchange_service) upstream_id: Option<String>,
    /// The user of the valid subject token, if that user is the cause.
    pub(in crate::exchange_service) subject: Option<Arc<UserToken>>,
}

impl Refusal {
    pub(in crate::exchange_service) fn new(
        status: StatusCode,
        error: &'static str,
        reason: Reason,
        description: &str,
    ) -> Self {
        Refusal {
            status,
            error,
            reason,
            description: description.to_owned(),
            retry_after: None,
            claims: None,
            details: None,
        }
    }

    /// A request with a wrong form.
    pub(in crate::exchange_service) fn of_request(reason: Reason, description: &str) -> Self {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            reason,
            description,
        )
    }

    /// A temporary failure of a system that this service needs.
    pub(in crate::exchange_service) fn unavailable(reason: Reason, description: &str) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Refusal::new(status, "temporarily_unavailable", reason, description)
            .retry_after(OUTAGE_PAUSE)
    }

    /// A limit that is reached.
    pub(in crate::exchange_service) fn limited(
        reason: Reason,
        description: &str,
        pause: Duration,
    ) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Refusal::new(status, "temporarily_unavailable", reason, description).retry_after(pause)
    }

    pub(super) fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// Adds the user of the subject token, for the audit.
    pub(in crate::exchange_service) fn about_subject(mut self, subject: Arc<UserToken>) -> Self {
        let details = self.details.get_or_insert_default();
        details.subject = Some(subject);
        self
    }

    /// Adds the response of another service.
    pub(super) fn upstream_of(mut self, code: Option<String>, id: Option<String>) -> Self {
        let details = self.details.get_or_insert_default();
        details.upstream_code = code;
        details.upstream_id = id;
        self
    }

    /// A token that is not valid for its purpose. RFC 6750 defines the error for the bearer token, RFC
    /// 8693 the one for the subject token.
    pub(in crate::exchange_service) fn of_token(rejection: Rejection, purpose: Purpose) -> Self {
        let (reason, noun) = match purpose {
            Purpose::ThisService => (Reason::Bearer(rejection), "bearer token"),
            Purpose::Acs => (Reason::Subject(rejection), "subject token"),
        };
        let (status, error) = match (rejection, purpose) {
            (Rejection::KeysUnavailable, _) => {
                (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
            }
            (Rejection::Tenant, _) => (StatusCode::FORBIDDEN, "access_denied"),
            (Rejection::Client, _) => (StatusCode::FORBIDDEN, "unauthorized_client"),
            (Rejection::Scope, Purpose::ThisService) => {
                (StatusCode::FORBIDDEN, "insufficient_scope")
            }
            (Rejection::TooLarge, _) | (_, Purpose::Acs) => {
                (StatusCode::BAD_REQUEST, "invalid_request")
            }
            (_, Purpose::ThisService) => (StatusCode::UNAUTHORIZED, "invalid_token"),
        };
        let description = format!("The {noun} {}.", rejection.description());
        let refusal = Refusal::new(status, error, reason, &description);
        match rejection {
            Rejection::KeysUnavailable => refusal.retry_after(OUTAGE_PAUSE),
            _ => refusal,
        }
    }

    /// A claims challenge of the resource or of Entra.
    pub(in crate::exchange_service) fn challenge(claims: Claims) -> Self {
        let status = StatusCode::UNAUTHORIZED;
        let description = "The user has to sign in again with the claims of the challenge.";
        let mut refusal = Refusal::new(
            status,
            "insufficient_claims",
            Reason::ClaimsChallenge,
            description,
        );
        refusal.claims = Some(claims);
        refusal
    }

    /// A failed request for the token of the principal that has the permission for the resource.
    pub(super) fn of_credential(error: &Error) -> Self {
        let status = error.service_response().map(|response| response.status);
        let refusal = match (error.kind(), status) {
            (Kind::Unreachable, Some(429)) => Refusal::limited(
                Reason::EntraLimit,
                "Entra ID accepts no more requests now.",
                error.retry_after().unwrap_or(RATE_PAUSE),
            ),
            (Kind::Unreachable, _) => {
                let pause = error.retry_after().unwrap_or(OUTAGE_PAUSE);
                let description = "Entra ID is unavailable.";
                Refusal::unavailable(Reason::EntraUnavailable, description).retry_after(pause)
            }
            _ => credential_refused(),
        };
        refusal.upstream_of(error.code().map(str::to_owned), None)
    }

    /// A failed request of the owner, for identities. It has no part of the user's, so the user is not the
    /// cause.
    pub(super) fn of_owner(error: &Error) -> Self {
        let refusal = Refusal::of_resource(error);
        match refusal.reason {
            // The principal has no role, or its own token is refused.
            Reason::ResourceDenied | Reason::ResourceRefusedToken => Refusal {
                details: refusal.details,
                ..credential_refused()
            },
            Reason::ResourceRefusedRequest => Refusal {
                details: refusal.details,
                ..unexpected()
            },
            _ => refusal,
        }
    }

    /// A failed request to the resource.
    pub(in crate::exchange_service) fn of_resource(error: &Error) -> Self {
        // The status of a proxy's page says nothing about the credential or the user.
        let is_its_own = |status: &u16| error.kind() != Kind::Unreachable || *status == 429;
        let status = error.service_response().map(|response| response.status);
        let status = status.filter(is_its_own);
        let code = error.code();
        let refusal = match (error.claims(), status, code) {
            (Some(claims), ..) => Refusal::challenge(claims.clone()),
            (_, Some(429), _) => Refusal::limited(
                Reason::ResourceLimit,
                "The ACS resource accepts no more requests now.",
                error.retry_after().unwrap_or(RATE_PAUSE),
            ),
            (_, Some(401), Some("InvalidAccessToken")) => Refusal::new(
                StatusCode::BAD_REQUEST,
                "invalid_grant",
                Reason::ResourceRefusedToken,
                "The ACS resource refused the user's token.",
            ),
            (_, Some(400), Some("ApiVersionUnspecified" | "UnsupportedApiVersion")) => unexpected(),
            (_, Some(400), _) => Refusal::new(
                StatusCode::BAD_REQUEST,
                "invalid_grant",
                Reason::ResourceRefusedRequest,
                "The ACS resource refused the user or the application of the token.",
            ),
            (_, Some(403), _) => Refusal::new(
                StatusCode::FORBIDDEN,
                "access_denied",
                Reason::ResourceDenied,
                "The ACS resource denied the exchange. The user may have no Teams licence.",
            ),
            _ if error.kind() == Kind::Unreachable => {
                let pause = error.retry_after().unwrap_or(OUTAGE_PAUSE);
                Refusal::unavailable(
                    Reason::ResourceUnavailable,
                    "The ACS resource is unavailable.",
                )
                .retry_after(pause)
            }
            // Neither the credential nor the user causes another status, such as 404.
            (_, Some(status), _) if status != 401 => unexpected(),
            _ => Refusal::of_credential(error),
        };
        let id = error.correlation_id();
        let code = match (code, status) {
            (None, Some(status)) if refusal.reason == Reason::ResourceUnexpected => {
                Some(format!("HTTP status {status}"))
            }
            (code, _) => code.map(str::to_owned),
        };
        refusal.upstream_of(code, id.map(str::to_owned))
    }
}

fn credential_refused() -> Refusal {
    Refusal::unavailable(
        Reason::CredentialRefused,
        "The credential of this service for the ACS resource was not accepted.",
    )
}

fn unexpected() -> Refusal {
    Refusal::unavailable(
        Reason::ResourceUnexpected,
        "The ACS resource gave an unexpected response to a valid request.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ServiceResponse;

    fn of(
        status: Option<u16>,
        code: Option<&str>,
        kind: Kind,
    ) -> (u16, &'static str, Option<String>) {
        let mut error = Error::new(kind, "no", "wait");
        if let Some(status) = status {
            let response = ServiceResponse {
                status,
                code: code.map(str::to_owned),
                ..ServiceResponse::default()
            };
            error = error.with_service_response(response);
        }
        let refusal = Refusal::of_resource(&error);
        let code = refusal.details.and_then(|details| details.upstream_code);
        (refusal.status.as_u16(), refusal.reason.as_str(), code)
    }

    #[test]
    fn only_the_credential_is_blamed_for_a_refused_credential() {
        let denied = Some("Denied");
        let version = Some("UnsupportedApiVersion");
        for (status, code, expected) in [
            (Some(401), denied, (503, "credential_refused", denied)),
            (Some(401), None, (503, "credential_refused", None)),
            // The principal got no token.
            (None, None, (503, "credential_refused", None)),
            (
                Some(404),
                None,
                (503, "resource_unexpected", Some("HTTP status 404")),
            ),
            (
                Some(405),
                Some("x"),
                (503, "resource_unexpected", Some("x")),
            ),
            (
                Some(409),
                Some("x"),
                (503, "resource_unexpected", Some("x")),
            ),
            (Some(400), version, (503, "resource_unexpected", version)),
            (Some(400), None, (400, "resource_refused_request", None)),
            (Some(403), None, (403, "resource_denied", None)),
        ] {
            let (status_of_refusal, reason, found) = of(status, code, Kind::Refused);
            let found = (status_of_refusal, reason, found.as_deref());
            assert_eq!(found, expected, "{status:?} {code:?}");
        }
    }

    #[test]
    fn the_page_of_a_proxy_blames_neither_the_user_nor_the_credential() {
        for status in [400, 401, 403, 404, 502] {
            let found = of(Some(status), None, Kind::Unreachable);
            assert_eq!(found, (503, "resource_unavailable", None), "{status}");
        }
    }

    #[test]
    fn a_request_for_an_identity_is_not_refused_because_of_the_user() {
        for (status, sent, reason) in [
            (400, "Denied", "resource_unexpected"),
            (401, "Denied", "credential_refused"),
            (401, "InvalidAccessToken", "credential_refused"),
            (403, "Denied", "credential_refused"),
            (404, "Denied", "resource_unexpected"),
        ] {
            let response = ServiceResponse {
                status,
                code: Some(sent.to_owned()),
                ..ServiceResponse::default()
            };
            let error = Error::new(Kind::Refused, "no", "wait").with_service_response(response);
            let refusal = Refusal::of_owner(&error);
            let code = refusal.details.and_then(|details| details.upstream_code);
            let found = (
                refusal.status.as_u16(),
                refusal.reason.as_str(),
                code.as_deref(),
            );
            assert_eq!(found, (503, reason, Some(sent)), "{status}");
        }
    }

    #[test]
    fn an_outage_of_entra_is_no_fault_of_the_credential() {
        let seconds = Duration::from_secs;
        let outage = |status| {
            Error::unreachable("busy", "wait").with_service_response(ServiceResponse {
                status,
                ..ServiceResponse::default()
            })
        };
        for (error, expected) in [
            (
                outage(429).with_retry_after(seconds(11)),
                (429, "entra_limit", Some(11)),
            ),
            (outage(429), (429, "entra_limit", Some(30))),
            (
                outage(503).with_retry_after(seconds(20)),
                (503, "entra_unavailable", Some(20)),
            ),
            (
                Error::unreachable("down", "wait"),
                (503, "entra_unavailable", Some(2)),
            ),
            (
                Error::usage("wrong", "check"),
                (503, "credential_refused", Some(2)),
            ),
        ] {
            let refusal = Refusal::of_credential(&error);
            let pause = refusal.retry_after.map(|pause| pause.as_secs());
            let found = (refusal.status.as_u16(), refusal.reason.as_str(), pause);
            assert_eq!(found, expected, "{error}");
        }
    }
}
