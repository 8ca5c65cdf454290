//! The expected effect of each fault.

use std::time::Duration;

use super::super::harness::{Fixture, NOW};
use super::SHORT;
use super::answers;
use super::requests::Seen;
use crate::emulator::{NamedFault, Route};
use crate::time::Timestamp;

/// A fault at a route, and the responses before it, with it and after it.
pub(super) struct Case<'a> {
    pub(super) fault: &'a NamedFault,
    pub(super) route: Route,
    pub(super) fixture: &'a Fixture,
    pub(super) plain: Seen,
    pub(super) seen: Seen,
    /// The number of executed operations with the fault and after it.
    pub(super) executed: usize,
    pub(super) next: Seen,
}

/// Checks a fault's effect, and that there was none before and after it.
pub(super) fn check(case: &Case) {
    let name = format!("{} at {}", case.fault.name, case.route.as_str());
    let right = match case.route {
        Route::Authorize => 302,
        Route::Identities => 201,
        _ => 200,
    };
    assert_eq!(
        case.plain.answer.status, right,
        "{name}: {:?}",
        case.plain.answer
    );
    let next = match case.fault.name {
        "refresh-token-rotated" => 400,
        _ => right,
    };
    assert_eq!(
        case.next.answer.status, next,
        "{name}: {:?}",
        case.next.answer
    );
    let journal = case.fixture.emulator.requests();
    let entry = journal.iter().rev().nth(1).expect("two requests");
    assert_eq!(entry.fault.as_deref(), Some(case.fault.name), "{name}");
    check_named(case, &name);
}

fn check_named(case: &Case, name: &str) {
    let refusal = |status, error, number, suberror, page| {
        answers::entra(case, name, [status, number], [error, suberror], page);
    };
    let resource = |status, code| answers::resource(case, name, status, code);
    match case.fault.name {
        "consent-required" => refusal(400, "invalid_grant", 65001, "consent_required", false),
        "mfa-required" => refusal(400, "interaction_required", 50076, "basic_action", false),
        "mfa-enrolment-required" => {
            refusal(400, "interaction_required", 50079, "basic_action", false);
        }
        "claims-challenge" => {
            refusal(400, "interaction_required", 50076, "basic_action", false);
            let claims = case.seen.answer.json()["claims"].clone();
            assert!(
                claims
                    .as_str()
                    .is_some_and(|text| text.contains("capolids"))
            );
        }
        "session-revoked" => refusal(400, "invalid_grant", 50173, "bad_token", false),
        "grant-expired" => refusal(400, "invalid_grant", 70008, "", false),
        "refresh-token-idle" => refusal(400, "invalid_grant", 700_082, "", false),
        "sign-in-frequency" => {
            refusal(400, "invalid_grant", 70043, "token_expired", false);
            assert!(case.seen.answer.json().get("error_uri").is_none());
        }
        "blocked" => refusal(400, "access_denied", 53003, "", true),
        "user-not-assigned" => refusal(400, "invalid_grant", 50105, "", true),
        "user-not-found" => refusal(400, "invalid_grant", 50034, "bad_token", true),
        "user-disabled" => refusal(400, "invalid_grant", 50057, "", true),
        "secret-required" => refusal(401, "invalid_client", 7_000_218, "", false),
        "application-not-found" => refusal(400, "unauthorized_client", 700_016, "", true),
        "tenant-not-found" => refusal(400, "invalid_request", 90002, "", true),
        "temporarily-unavailable" => refusal(503, "temporarily_unavailable", 90006, "", false),
        "server-error" => refusal(503, "server_error", 90033, "", false),
        "error-codes-null" => answers::odd_codes(case, &serde_json::Value::Null),
        "error-codes-text" => answers::odd_codes(case, &"70008".into()),
        "denied" => resource(401, "Denied"),
        "invalid-access-token" => resource(401, "InvalidAccessToken"),
        "access-revoked" => {
            resource(401, "InvalidAccessToken");
            let challenge = case.seen.answer.header("www-authenticate");
            assert!(challenge.is_some_and(|text| text.contains("insufficient_claims")));
        }
        "licence-missing" | "role-missing" => resource(403, "Forbidden"),
        "identity-not-owned" => resource(401, "IdentityNotOwned"),
        "not-found" => resource(404, "NotFound"),
        "throttled" => answers::failure(case, name, 429, "TooManyRequests", Some("1")),
        "throttled-until" => {
            let date = Timestamp::from_unix_seconds(NOW + 1).to_http_date();
            answers::failure(case, name, 429, "TooManyRequests", Some(&date));
        }
        "throttled-without-retry-after" => {
            answers::failure(case, name, 429, "TooManyRequests", None);
        }
        "internal-server-error" => {
            answers::failure(case, name, 500, "InternalServerError", None);
        }
        "bad-gateway" => answers::failure(case, name, 502, "BadGateway", None),
        "service-unavailable" => answers::failure(case, name, 503, "ServiceUnavailable", None),
        "gateway-timeout" => answers::failure(case, name, 504, "GatewayTimeout", None),
        "html-page" => html(case, name, 200),
        "html-bad-gateway" => html(case, name, 502),
        _ if connection(case, name) => {}
        other => assert!(answers::is_checked(case, other), "{name} has no check"),
    }
}

/// A page that is not the service's.
fn html(case: &Case, name: &str, status: u16) {
    let answer = &case.seen.answer;
    assert_eq!(answer.status, status, "{name}");
    let kind = answer.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("text/html"), "{name}: {kind}");
    assert!(answer.body.starts_with("<!DOCTYPE html>"), "{name}");
    assert_eq!(case.executed, 1, "{name}: the next one only");
}

/// Checks the faults of time and of the connection. Returns whether this is one of them.
fn connection(case: &Case, name: &str) -> bool {
    let Case { seen, plain, .. } = case;
    let is_slow = seen.time >= Duration::from_millis(SHORT);
    let date = |seconds: i64| Timestamp::from_unix_seconds(NOW + seconds).to_http_date();
    match case.fault.name {
        "latency" => {
            assert!(
                is_slow && plain.answer.status == seen.answer.status,
                "{name}"
            );
            assert_eq!(case.executed, 2, "{name}");
        }
        "hang" => {
            assert_eq!((seen.answer.status, seen.is_ended), (0, false), "{name}");
            assert_eq!(case.executed, 1, "{name}: the next one only");
        }
        "connection-dropped" => {
            assert_eq!((seen.answer.status, seen.is_ended), (0, true), "{name}");
            assert_eq!(case.executed, 1, "{name}: the next one only");
        }
        "connection-dropped-after" => {
            assert_eq!((seen.answer.status, seen.is_ended), (0, true), "{name}");
            assert_eq!(case.executed, 2, "{name}");
        }
        "date-ahead" => assert_eq!(seen.answer.header("date"), Some(&*date(600)), "{name}"),
        "date-behind" => assert_eq!(seen.answer.header("date"), Some(&*date(-600)), "{name}"),
        _ => return false,
    }
    assert_eq!(case.next.answer.header("date"), Some(&*date(0)), "{name}");
    true
}
