//! What Entra ID's refusal of a token on behalf of a user means for the client.

use std::time::Duration;

use axum::http::StatusCode;
use serde::Deserialize;

use super::reason::Reason;
use super::refusal::Refusal;
use crate::claims::Claims;
use crate::http::Response;
use crate::text::one_line;
use crate::wire::{self, Members};

/// The default of `Retry-After` for a limit of Entra ID.
const RATE_PAUSE: Duration = Duration::from_secs(30);

/// Conditional Access blocks the user or the device; a sign-in does not help. 50131: the device, the
/// location or a risk; 53000, 53001: the device; 53002: the app; 53003: the policy; 53004: registration of
/// MFA; 530032 to 530036: security policies.
const CONDITIONAL_ACCESS: [i64; 11] = [
    50131, 53000, 53001, 53002, 53003, 53004, 530032, 530033, 530034, 530035, 530036,
];
/// Consent is missing. 65001: of the user or an admin; 65004: the user declined; 90094: an admin must.
const CONSENT: [i64; 3] = [65001, 65004, 90094];

/// The registration or the settings of this service are wrong, also if the error is `invalid_grant`: a
/// sign-in does not help. 50013: the assertion is invalid, and this service has validated it; 500131: its
/// audience is not AZURE_CLIENT_ID; 500011: ACS is missing in the tenant; 65005, 650056, 650057: a
/// permission is missing in the registration; 650052: the tenant has no subscription of ACS.
const CONFIGURATION: [i64; 7] = [50013, 500131, 500011, 65005, 650052, 650056, 650057];
/// The user is not assigned to the registration of this service.
const NOT_ASSIGNED: [i64; 1] = [50105];
/// The account is disabled.
const DISABLED: [i64; 1] = [50057];
/// The tenant has no such user. 50020: a guest of no invitation; 50034: deleted.
const UNKNOWN_USER: [i64; 2] = [50020, 50034];

/// The body of a refusal. Only `error` is required.
#[derive(Deserialize)]
#[serde(try_from = "Members")]
struct Refused {
    error: String,
    suberror: Option<String>,
    error_codes: Vec<i64>,
    correlation_id: Option<String>,
    claims: Option<String>,
}

impl TryFrom<Members> for Refused {
    type Error = &'static str;

    fn try_from(mut members: Members) -> Result<Self, Self::Error> {
        Ok(Refused {
            error: members.text("error").ok_or("no error")?,
            suberror: members.text("suberror"),
            error_codes: members.numbers("error_codes"),
            correlation_id: members.text("correlation_id"),
            claims: members.json("claims"),
        })
    }
}

/// Entra ID does not respond, or not with its own response.
pub(super) fn entra_unavailable(pause: Option<Duration>) -> Refusal {
    let refusal = Refusal::unavailable(Reason::EntraUnavailable, "Entra ID is unavailable.");
    match pause {
        Some(pause) => refusal.retry_after(pause),
        None => refusal,
    }
}

/// Returns the refusal for a response that has no token.
pub(super) fn of_entra(response: &Response) -> Refusal {
    let pause = response.retry_after();
    if response.status == StatusCode::TOO_MANY_REQUESTS {
        let description = "Entra ID accepts no more requests now.";
        return Refusal::limited(Reason::EntraLimit, description, pause.unwrap_or(RATE_PAUSE));
    }
    let refused = wire::read::<Refused>(&response.body);
    let Some(refused) = refused.filter(|_| !response.status.is_server_error()) else {
        return entra_unavailable(pause);
    };
    let refusal = of_error(&refused, pause);
    let code = refused.error_codes.first();
    let code = code.map(|code| format!("AADSTS{code}"));
    let id = refused.correlation_id;
    refusal.upstream_of(code, id.map(|id| one_line(&id, 100)))
}

fn denied(reason: Reason, description: &str) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, "access_denied", reason, description)
}

fn misconfigured() -> Refusal {
    Refusal::unavailable(
        Reason::OnBehalfOfConfiguration,
        "Entra ID refused the request of this service. Its registration may lack permissions.",
    )
}

fn of_error(refused: &Refused, pause: Option<Duration>) -> Refusal {
    let has_code = |codes: &[i64]| refused.error_codes.iter().any(|code| codes.contains(code));
    let is_for_consent = refused.error == "consent_required"
        || refused.suberror.as_deref() == Some("consent_required")
        || has_code(&CONSENT);
    if is_for_consent {
        return denied(
            Reason::ConsentRequired,
            "Entra ID requires consent: an administrator has to grant the exchange service's \
             registration its permissions of Azure Communication Services.",
        );
    }
    if let Some(claims) = refused.claims.as_deref().and_then(Claims::parse) {
        return Refusal::challenge(claims);
    }
    if has_code(&CONDITIONAL_ACCESS) {
        return denied(
            Reason::ConditionalAccess,
            "Conditional Access in Entra ID blocks the user, the application or the device.",
        );
    }
    if has_code(&CONFIGURATION) {
        return misconfigured();
    }
    of_user(has_code).unwrap_or_else(|| by_error(&refused.error, pause))
}

/// Returns the refusal for a user whose next sign-in would fail too.
fn of_user(has_code: impl Fn(&[i64]) -> bool) -> Option<Refusal> {
    if has_code(&NOT_ASSIGNED) {
        return Some(denied(
            Reason::UserNotAssigned,
            "The user is not assigned to the exchange service's application in Entra ID.",
        ));
    }
    if has_code(&DISABLED) {
        return Some(denied(
            Reason::UserDisabled,
            "The user's account in Entra ID is disabled.",
        ));
    }
    has_code(&UNKNOWN_USER).then(|| {
        let description = "The tenant in Entra ID has no account of this user.";
        denied(Reason::UserUnknown, description)
    })
}

/// Returns the refusal for an error of RFC 6749 or of Entra ID.
fn by_error(error: &str, pause: Option<Duration>) -> Refusal {
    match error {
        "temporarily_unavailable" | "server_error" => entra_unavailable(pause),
        "invalid_client" | "unauthorized_client" => Refusal::unavailable(
            Reason::OnBehalfOfCredential,
            "Entra ID refused the credential of this service.",
        ),
        "invalid_request"
        | "invalid_scope"
        | "invalid_resource"
        | "invalid_target"
        | "unsupported_grant_type" => misconfigured(),
        // The token is revoked, or the user has to sign in: only a new token helps (RFC 6750).
        "invalid_grant" | "interaction_required" | "login_required" => Refusal::new(
            StatusCode::UNAUTHORIZED,
            "invalid_token",
            Reason::SignInRequired,
            "Entra ID accepts this token no more. The user has to sign in again.",
        ),
        _ => denied(
            Reason::OnBehalfOfRefused,
            "Entra ID refused a token on behalf of the user.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};

    use super::*;

    fn refusal(status: u16, body: &str, pause: Option<&'static str>) -> Refusal {
        let mut headers = HeaderMap::new();
        if let Some(pause) = pause {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(pause));
        }
        of_entra(&Response {
            status: StatusCode::from_u16(status).expect("a status"),
            headers,
            version: reqwest::Version::HTTP_11,
            body: body.as_bytes().to_vec(),
            repeated: false,
            tries: 1,
        })
    }

    #[test]
    fn each_refusal_of_entra_has_its_status_and_reason() {
        let claims = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;
        let challenge = serde_json::json!({
            "error": "interaction_required", "error_codes": [50076], "claims": claims,
        });
        let granted = serde_json::json!({
            "error": "invalid_grant", "error_codes": [50079], "claims": claims,
        });
        for (status, body, expected) in [
            (
                400,
                challenge.to_string().as_str(),
                (401, "insufficient_claims", "claims_challenge"),
            ),
            (
                400,
                granted.to_string().as_str(),
                (401, "insufficient_claims", "claims_challenge"),
            ),
            (
                400,
                r#"{"error":"invalid_grant","error_codes":[50173],"correlation_id":"c"}"#,
                (401, "invalid_token", "sign_in_required"),
            ),
            (
                400,
                r#"{"error":"interaction_required","error_codes":[50076],"claims":"no JSON"}"#,
                (401, "invalid_token", "sign_in_required"),
            ),
            (
                400,
                r#"{"error":"invalid_grant","suberror":"consent_required","error_codes":[65001]}"#,
                (403, "access_denied", "consent_required"),
            ),
            (
                400,
                r#"{"error":"invalid_grant","error_codes":null,"suberror":1}"#,
                (401, "invalid_token", "sign_in_required"),
            ),
            (
                400,
                r#"{"error":"invalid_grant","error_codes":"50173"}"#,
                (401, "invalid_token", "sign_in_required"),
            ),
            (
                400,
                r#"{"error":"consent_required"}"#,
                (403, "access_denied", "consent_required"),
            ),
            (
                400,
                r#"{"error":"invalid_grant","error_codes":[53003]}"#,
                (403, "access_denied", "conditional_access"),
            ),
            (
                400,
                r#"{"error":"access_denied","error_codes":[50131]}"#,
                (403, "access_denied", "conditional_access"),
            ),
            (
                400,
                r#"{"error":"invalid_grant","error_codes":[500131]}"#,
                (503, "temporarily_unavailable", "on_behalf_of_configuration"),
            ),
            (
                400,
                r#"{"error":"invalid_grant","error_codes":[50013]}"#,
                (503, "temporarily_unavailable", "on_behalf_of_configuration"),
            ),
            (
                400,
                r#"{"error":"invalid_client","error_codes":[650057]}"#,
                (503, "temporarily_unavailable", "on_behalf_of_configuration"),
            ),
            (
                400,
                r#"{"error":"invalid_grant","error_codes":[500133]}"#,
                (401, "invalid_token", "sign_in_required"),
            ),
            (
                400,
                r#"{"error":"invalid_grant","error_codes":[50105]}"#,
                (403, "access_denied", "user_not_assigned"),
            ),
            (
                400,
                r#"{"error":"invalid_grant","error_codes":[50057]}"#,
                (403, "access_denied", "user_disabled"),
            ),
            (
                400,
                r#"{"error":"invalid_grant","suberror":"bad_token","error_codes":[50034]}"#,
                (403, "access_denied", "user_unknown"),
            ),
            (
                400,
                r#"{"error":"interaction_required","error_codes":[50020]}"#,
                (403, "access_denied", "user_unknown"),
            ),
            (
                401,
                r#"{"error":"invalid_client","error_codes":[700027]}"#,
                (503, "temporarily_unavailable", "on_behalf_of_credential"),
            ),
            (
                400,
                r#"{"error":"invalid_scope","error_codes":[70011]}"#,
                (503, "temporarily_unavailable", "on_behalf_of_configuration"),
            ),
            (
                400,
                r#"{"error":"temporarily_unavailable"}"#,
                (503, "temporarily_unavailable", "entra_unavailable"),
            ),
            (
                400,
                r#"{"error":"new"}"#,
                (403, "access_denied", "on_behalf_of_refused"),
            ),
            (
                400,
                "<html>",
                (503, "temporarily_unavailable", "entra_unavailable"),
            ),
            (
                302,
                "",
                (503, "temporarily_unavailable", "entra_unavailable"),
            ),
            (
                500,
                r#"{"error":"x"}"#,
                (503, "temporarily_unavailable", "entra_unavailable"),
            ),
            (
                501,
                "",
                (503, "temporarily_unavailable", "entra_unavailable"),
            ),
            (429, "", (429, "temporarily_unavailable", "entra_limit")),
        ] {
            let refusal = refusal(status, body, None);
            let found = (
                refusal.status.as_u16(),
                refusal.error,
                refusal.reason.as_str(),
            );
            assert_eq!(found, expected, "{status} {body}");
            let has_pause = refusal.retry_after.is_some();
            assert_eq!(
                has_pause,
                matches!(expected.0, 429 | 503),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn the_pause_that_entra_asks_for_is_passed_on() {
        for status in [429, 500, 503] {
            let pause = refusal(status, "{}", Some("17")).retry_after;
            assert_eq!(pause, Some(Duration::from_secs(17)), "{status}");
        }
    }
}
