//! The expected responses: refusals, failures, and right responses that are changed.

use std::io::Read as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::SHORT;
use super::checks::Case;
use crate::emulator::Route;

/// The codes of the authorize endpoint (RFC 6749, section 4.1.2.1; OpenID Connect Core 1.0, section
/// 3.1.2.6).
const REDIRECTED: [&str; 9] = [
    "invalid_request",
    "unauthorized_client",
    "access_denied",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
    "interaction_required",
    "login_required",
    "consent_required",
];

/// A refusal of Entra: `numbers` are the status and the AADSTS number, `words` the error and the
/// suberror. At the authorize page it is a page or a redirect.
pub(super) fn entra(case: &Case, name: &str, numbers: [u32; 2], words: [&str; 2], is_page: bool) {
    let answer = &case.seen.answer;
    let ([status, number], [error, suberror]) = (numbers, words);
    assert!(answer.header("x-ms-request-id").is_some(), "{name}");
    if case.route != Route::Authorize {
        assert_eq!(u32::from(answer.status), status, "{name}");
        assert_eq!(answer.aadsts(), i64::from(number), "{name}");
        assert_eq!(answer.error(), error, "{name}");
        let sent = answer.json()["suberror"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert_eq!(sent, suberror, "{name}");
        assert!(answer.json()["correlation_id"].is_string(), "{name}");
    } else if is_page {
        assert_eq!(u32::from(answer.status), status, "{name}");
        assert!(answer.body.contains(&format!("AADSTS{number}")), "{name}");
    } else {
        let sent = |parameter| answer.redirected_with(parameter).unwrap_or_default();
        // `invalid_grant` is no code of the authorize endpoint.
        let expected = match (error, suberror) {
            ("invalid_grant", "consent_required") => "consent_required",
            (other, _) => other,
        };
        assert!(REDIRECTED.contains(&expected), "{name}: {expected}");
        assert_eq!(
            (answer.status, sent("error").as_str()),
            (302, expected),
            "{name}"
        );
        let description = sent("error_description");
        assert!(
            description.starts_with(&format!("AADSTS{number}: ")),
            "{name}"
        );
        assert_eq!(sent("error_subcode"), suberror, "{name}");
        assert_eq!(sent("state"), "a-state-of-this-test", "{name}");
        assert_eq!(sent("code"), "", "{name}");
    }
}

/// A refusal with unusual `error_codes`.
pub(super) fn odd_codes(case: &Case, codes: &Value) {
    let answer = &case.seen.answer;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (400, "invalid_grant")
    );
    assert_eq!(answer.json()["error_codes"], *codes);
}

/// A refusal of the ACS resource.
pub(super) fn resource(case: &Case, name: &str, status: u16, code: &str) {
    let answer = &case.seen.answer;
    assert_eq!(answer.status, status, "{name}");
    assert_eq!(answer.json()["error"]["code"], code, "{name}");
    assert!(answer.header("ms-cv").is_some(), "{name}");
    assert_eq!(case.executed, 1, "{name}: the next one only");
}

/// A failure in the form of the service, with this code of the resource and `Retry-After`.
pub(super) fn failure(case: &Case, name: &str, status: u16, code: &str, after: Option<&str>) {
    let answer = &case.seen.answer;
    assert_eq!(answer.status, status, "{name}");
    assert_eq!(answer.header("retry-after"), after, "{name}");
    let number = if status == 429 { 90055 } else { 90033 };
    match case.route {
        Route::Exchange | Route::Identities | Route::Assignments => {
            resource(case, name, status, code);
        }
        Route::ManagedIdentity => assert_eq!(answer.json()["statusCode"], status, "{name}"),
        Route::Authorize => {
            assert!(answer.body.contains(&format!("AADSTS{number}")), "{name}");
        }
        _ => assert_eq!(answer.aadsts(), number, "{name}"),
    }
}

/// Checks a right response that is changed. Returns whether the fault of this name has a check.
pub(super) fn is_checked(case: &Case, name: &str) -> bool {
    body(case, name) || member(case, name)
}

/// Checks a change of the body's bytes.
fn body(case: &Case, name: &str) -> bool {
    let (seen, at) = (&case.seen, case.route.as_str());
    let declared = seen.answer.header("content-length");
    let declared = declared.and_then(|length| length.parse::<usize>().ok());
    let is_parsed = serde_json::from_slice::<Value>(&seen.bytes).is_ok();
    let is_right = seen.answer.status == case.plain.answer.status;
    match name {
        "slow-body" => {
            assert!(
                seen.time >= Duration::from_millis(SHORT),
                "{at}: {:?}",
                seen.time
            );
            assert!(
                is_right && is_parsed && declared == Some(seen.bytes.len()),
                "{at}"
            );
        }
        "truncated-body" => {
            let length = declared.expect("the length of all");
            assert!(is_right && !is_parsed, "{at}");
            assert_eq!(seen.bytes.len(), length / 2, "{at}");
        }
        "truncated-json" => {
            assert!(is_right && !is_parsed && seen.is_ended, "{at}");
            assert_eq!(declared, Some(seen.bytes.len()), "{at}");
            assert!(seen.bytes.len() > 5, "{at}");
        }
        "empty-body" => assert!(
            is_right && declared == Some(0) && seen.bytes.is_empty(),
            "{at}"
        ),
        "oversized-body" => {
            assert!(seen.answer.status == 200 && declared.is_none(), "{at}");
            assert!(seen.bytes.len() > 2_000_000, "{at}");
        }
        "gzip" => {
            assert_eq!(seen.answer.header("content-encoding"), Some("gzip"), "{at}");
            let mut decoded = String::new();
            let read = flate2::read::GzDecoder::new(&seen.bytes[..]).read_to_string(&mut decoded);
            read.expect("gzip");
            let value: Value = serde_json::from_str(&decoded).expect("JSON");
            assert!(is_right && value.is_object(), "{at}");
        }
        "byte-order-mark" => {
            let json = seen.bytes.strip_prefix(b"\xef\xbb\xbf").expect("a mark");
            assert!(
                is_right && serde_json::from_slice::<Value>(json).is_ok(),
                "{at}"
            );
        }
        "json-list" => assert_eq!(seen.answer.json(), json!([]), "{at}"),
        _ => return false,
    }
    true
}

/// Checks a change of the members of the JSON.
fn member(case: &Case, name: &str) -> bool {
    if !case.seen.bytes.starts_with(b"{") {
        return false;
    }
    let (seen, plain) = (case.seen.answer.json(), case.plain.answer.json());
    let is_same = |member: &str| seen[member] == plain[member];
    // Each response has its own tokens.
    let others: Vec<&String> = plain.as_object().expect("an object").keys().collect();
    let lacks = |member: &str| {
        assert!(
            plain.get(member).is_some() && seen.get(member).is_none(),
            "{name}: {member}"
        );
        let kept = others.iter().filter(|other| *other != &member);
        assert!(
            kept.clone().all(|other| seen.get(other).is_some()),
            "{name}: {member}"
        );
    };
    match name {
        "token-expired" => {
            let token = seen.get("accessToken").unwrap_or(&seen);
            let time = token["expiresOn"].as_str().unwrap_or_default();
            assert!(time.starts_with("2020-01-01T"), "{time}");
        }
        "member-missing" => lacks(required(case.route)),
        "extra-members" => {
            let all = seen.as_object().expect("an object").len();
            assert!(all == others.len() + 2 && seen["emulator_unknown"].is_object());
        }
        "expires-in-text" => {
            assert_eq!(seen["expires_in"], plain["expires_in"].to_string());
        }
        "expires-in-float" => assert!(seen["expires_in"].is_f64(), "{seen}"),
        "only-ext-expires-in" => lacks("expires_in"),
        "refresh-in" => {
            assert_eq!(seen["refresh_in"], 2250, "half of 75 minutes");
            assert!(is_same("expires_in") && plain.get("refresh_in").is_none());
        }
        "scope-absent" => lacks("scope"),
        "scope-list" => {
            let words = plain["scope"].as_str().expect("text").split(' ');
            assert_eq!(seen["scope"], json!(words.collect::<Vec<_>>()));
        }
        "token-type-absent" => lacks("token_type"),
        "token-type-lower-case" => assert_eq!(seen["token_type"], "bearer"),
        "refresh-token-missing" => lacks("refresh_token"),
        "refresh-token-rotated" => {
            assert!(seen["refresh_token"].is_string() && is_same("scope"));
            assert_eq!(case.next.answer.error(), "invalid_grant");
            let new = seen["refresh_token"].as_str().expect("a token");
            assert_eq!(case.fixture.refresh(new, &[]).status, 200);
        }
        "id-token-missing" => lacks("id_token"),
        "interval-null" => assert!(seen["interval"].is_null() && is_same("expires_in")),
        "interval-text" => assert_eq!(seen["interval"], plain["interval"].to_string()),
        _ => return false,
    }
    true
}

/// Returns the member without which a route's response is useless.
fn required(route: Route) -> &'static str {
    match route {
        Route::Metadata => "token_endpoint",
        Route::Keys => "keys",
        Route::InstanceDiscovery => "tenant_discovery_endpoint",
        Route::Device => "device_code",
        Route::Token | Route::ManagedIdentity => "access_token",
        Route::Exchange => "token",
        Route::Identities => "identity",
        Route::Assignments => "value",
        Route::Authorize => unreachable!("it has no JSON"),
    }
}
