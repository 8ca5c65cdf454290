//! Translates Entra's error responses.

use serde::de::DeserializeOwned;

use super::missing_api;
use super::redirect::Denial;
use crate::advice;
use crate::claims::Claims;
use crate::error::{Error, Kind, Result};
use crate::http::{self, Response};
use crate::text::one_line;
use crate::wire;
use crate::wire::entra::TokenError;

/// The grant of a refused request. It decides the kind of the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grant {
    /// An interactive sign-in.
    SignIn,
    /// A refresh token, without an interactive user.
    Refresh,
}

/// Translates an error response at the redirect URI.
pub(super) fn from_redirect(denial: Denial) -> Error {
    let is_cancel = denial.error == "access_denied" && denial.subcode.as_deref() == Some("cancel");
    let response = TokenError {
        error: denial.error,
        error_description: denial.description,
        error_codes: Vec::new(),
        suberror: denial.suberror.or(denial.subcode),
        correlation_id: denial.correlation_id,
        trace_id: denial.trace_id,
        timestamp: denial.timestamp,
        claims: denial.claims,
    };
    // AADSTS90094: the page requires an admin's approval, so the user cannot continue.
    if is_cancel && code_of(&response).as_deref() != Some("AADSTS90094") {
        let error = Error::new(
            Kind::SignInRefused,
            "the sign-in was cancelled",
            "Run `acspass login` to sign in. If an admin must approve the application, send your \
             admin the message that `acspass setup` prints.",
        );
        return sourced(error, &response);
    }
    from_token_error(Grant::SignIn, &response)
}

/// Translates the text of an error page of Entra, which leads to no redirect: `AADSTS` and a number, a
/// sentence, and after it the ids, each with its label.
pub(crate) fn from_page(text: &str) -> Error {
    let response = TokenError {
        error_description: Some(text.to_owned()),
        ..TokenError::default()
    };
    from_token_error(Grant::SignIn, &response)
}

/// Translates an error response of the token endpoint: the kind depends on the grant, the message
/// on the advice for the code.
pub(super) fn from_token_error(grant: Grant, response: &TokenError) -> Error {
    let needs_a_person = matches!(
        response.error.as_str(),
        "invalid_grant" | "interaction_required" | "consent_required" | "login_required"
    );
    let (kind, message, hint) = match (grant, needs_a_person) {
        (Grant::Refresh, true) => (
            Kind::SignInNeeded,
            "Entra requires a new sign-in, because the saved session is not valid any more",
            "Run `acspass login`.",
        ),
        (Grant::Refresh, false) => (
            Kind::Refused,
            "Entra refused to refresh the token",
            "Check the client id and the tenant in `acspass config list`, and the application's \
             registration.",
        ),
        (Grant::SignIn, _) if response.error == "consent_required" => (
            Kind::SignInRefused,
            "the requested scopes have no consent",
            "Run `acspass login --prompt consent` and accept. If the page needs an admin, send your \
             admin the message that `acspass setup` prints.",
        ),
        (Grant::SignIn, _) => (
            Kind::SignInRefused,
            "Entra refused the sign-in",
            "Read the cause above. Check the client id in `acspass config list`, and in the \
             application's registration the redirect URI http://localhost under Mobile and desktop \
             applications, and the permissions.",
        ),
    };
    let suberror = response.suberror.as_deref();
    let code = code_of(response);
    let description = response.error_description.as_deref();
    let about_api = code
        .as_deref()
        .and_then(|code| missing_api::advice(code, description));
    let error = match (about_api, advice::entra(code.as_deref(), suberror)) {
        (Some((cause, hint)), _) => Error::new(kind, cause, hint),
        (None, Some(advice)) => Error::new(kind, advice.cause, advice.hint()),
        (None, None) => Error::new(kind, message, hint),
    };
    let error = sourced(error, response);
    // A sign-in with `message_only` would show the same refusal again.
    let may_help = grant == Grant::Refresh || suberror != Some("message_only");
    match response.claims.as_deref().and_then(Claims::parse) {
        Some(claims) if needs_a_person && may_help => error.with_claims(claims),
        _ => error,
    }
}

/// Returns the error for a tenant that does not exist.
pub(super) fn unknown_tenant(tenant: &str, response: &TokenError) -> Error {
    let error = Error::usage(
        format!("Entra does not know the tenant {tenant}"),
        "Run `acspass config set tenant TENANT` with the tenant's GUID or domain. If the tenant is in \
         another cloud, run `acspass config set authority-host URL`.",
    );
    sourced(error, response)
}

/// Adds the code, the ids in Entra's logs and in the tenant's sign-in log, and Entra's description
/// as the cause.
fn sourced(error: Error, response: &TokenError) -> Error {
    let description = response.error_description.as_deref();
    let word = clean(&response.error);
    let words = description.map(words_of).filter(|words| !words.is_empty());
    let words = words.unwrap_or_else(|| word.clone());
    let id = |member: &Option<String>, label| match member {
        Some(id) => Some(clean(id)),
        None => labelled(description?, label),
    };
    let trace = id(&response.trace_id, "Trace ID:").map(|id| format!("trace id {id}"));
    let time = id(&response.timestamp, "Timestamp:").map(|time| format!("time {time}"));
    let named: Vec<String> = trace.into_iter().chain(time).collect();
    let cause = match named.is_empty() {
        true => format!("Entra says: {words}"),
        false => format!("Entra says: {words} ({})", named.join(", ")),
    };
    let error = error
        .with_code(code_of(response).unwrap_or(word))
        .caused_by(cause);
    match id(&response.correlation_id, "Correlation ID:") {
        Some(id) => error.with_correlation_id(id),
        None => error,
    }
}

/// Returns the `AADSTS` code of a response, or else that at the start of its description.
fn code_of(response: &TokenError) -> Option<String> {
    if let Some(code) = response.error_codes.first() {
        return Some(format!("AADSTS{code}"));
    }
    let description = response.error_description.as_deref()?.trim_start();
    let digits = description.strip_prefix("AADSTS")?;
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    (end > 0).then(|| format!("AADSTS{}", &digits[..end.min(9)]))
}

/// Returns the error for repeated responses with status 429 or 5xx.
pub(super) fn outage(host: &str, response: &Response) -> Error {
    let status = response.status.as_u16();
    let message = format!("{host} keeps returning HTTP status {status}");
    response.add_retry_after(Error::new(Kind::Unreachable, message, WAIT))
}

/// Returns the error for status 429 or 5xx to a request that is not retried.
pub(super) fn outage_at_once(host: &str, response: &Response) -> Error {
    let status = response.status.as_u16();
    let message = format!("{host} returned HTTP status {status}");
    response.add_retry_after(Error::new(Kind::Unreachable, message, WAIT))
}

const WAIT: &str = "Wait a minute, then run the command again.";
const USED_UP: &str = "Run `acspass login` again. The code of this sign-in was sent, and a code is \
                       valid for one use.";

/// Changes the hint of an error at the redemption of a code: the code cannot be sent again.
pub(super) fn code_not_redeemed(error: Error) -> Error {
    match error.kind() {
        Kind::Unreachable if error.may_have_arrived() => error.with_hint(USED_UP),
        Kind::Unreachable => {
            let hint = format!("{} Then run `acspass login` again.", error.hint());
            error.with_hint(hint)
        }
        _ => error,
    }
}

/// Returns the error for a redeemed device code with a lost response.
pub(super) fn tokens_lost(host: &str) -> Error {
    let message = format!("the sign-in was approved, but the response of {host} was lost");
    Error::new(Kind::Unreachable, message, USED_UP)
}

/// Returns the error for a JSON response of the service that lacks a required member.
pub(super) fn unusable(host: &str, what: &str) -> Error {
    Error::new(
        Kind::Unreachable,
        format!("{host} returned {what}"),
        "Check `authority-host` in `acspass config list`, then run the command again. `acspass -vv` \
         shows the requests.",
    )
}

const CHECK_THE_HOST: &str =
    "Check `authority-host` in `acspass config list`, and check for a proxy or a captive portal.";

/// Returns the error for a response from another server than Entra.
pub(super) fn not_entra(host: &str, what: &str) -> Error {
    let message = format!("{host} returned {what}");
    Error::new(Kind::Unreachable, message, CHECK_THE_HOST)
}

/// Returns the error for a JSON response that lacks a member or is no object. `what` describes it.
pub(super) fn unreadable(host: &str, response: &Response, what: &str) -> Error {
    match response.is_object() {
        true => unusable(host, what),
        false => not_entra(host, what),
    }
}

/// Returns the error for a response in another format than Entra's. `what` describes it.
fn foreign(host: &str, response: &Response, what: &str) -> Error {
    http::foreign(host, response, what, CHECK_THE_HOST)
}

/// Reads a response with status 200. `other` describes a response in another format, and `lacking`
/// one that lacks a member.
pub(super) fn read<T: DeserializeOwned>(
    host: &str,
    response: &Response,
    other: &str,
    lacking: &str,
) -> Result<T> {
    if response.status.as_u16() != 200 || !response.is_json() {
        return Err(foreign(host, response, other));
    }
    wire::read(&response.body).ok_or_else(|| unreadable(host, response, lacking))
}

/// Checks that a response of the token endpoint has Entra's format.
pub(super) fn check_format(host: &str, response: &Response) -> Result<()> {
    if response.is_json() && !response.status.is_server_error() {
        return Ok(());
    }
    let what = format!(
        "HTTP status {} in another format than Entra's",
        response.status.as_u16()
    );
    Err(foreign(host, response, &what))
}

/// Returns the sentence of a description, without the ids and the time after it.
fn words_of(description: &str) -> String {
    let sentence = description.split("Trace ID:").next().unwrap_or_default();
    clean(sentence.lines().next().unwrap_or_default().trim_end())
}

/// Returns the value after a label in a description. A time contains a space.
fn labelled(description: &str, label: &str) -> Option<String> {
    let (_, rest) = description.split_once(label)?;
    let rest = rest.lines().next().unwrap_or_default().trim();
    let end = rest.find(" Correlation ID:").or(rest.find(" Timestamp:"));
    let value = clean(&rest[..end.unwrap_or(rest.len())]);
    (!value.is_empty()).then_some(value)
}

/// Returns text from outside on one line, cut to 300 characters.
fn clean(text: &str) -> String {
    one_line(text, 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(error: &str, description: &str) -> TokenError {
        TokenError {
            error: error.to_owned(),
            error_description: Some(description.to_owned()),
            ..TokenError::default()
        }
    }

    #[test]
    fn a_dead_refresh_token_needs_a_sign_in_and_a_wrong_application_does_not() {
        let dead = response("invalid_grant", "AADSTS50173: revoked.\r\nTrace ID: x");
        let error = from_token_error(Grant::Refresh, &dead);
        assert_eq!(error.kind(), Kind::SignInNeeded);
        assert_eq!(error.code(), Some("AADSTS50173"));
        let wrong = response("invalid_client", "AADSTS7000218: secret.");
        assert_eq!(
            from_token_error(Grant::Refresh, &wrong).kind(),
            Kind::Refused
        );
    }

    #[test]
    fn known_codes_bring_cause_and_next_step_and_the_ids_to_paste() {
        let text = "AADSTS53003: Access has been blocked.\r\nTrace ID: 7a-1\r\nCorrelation ID: \
                    c0-2\r\nTimestamp: 2026-01-02 03:04:05Z";
        let by_redirect = from_redirect(Denial {
            error: "access_denied".to_owned(),
            description: Some(text.replace("\r\n", " ")),
            ..Denial::default()
        });
        let by_token = from_token_error(Grant::SignIn, &response("access_denied", text));
        for error in [by_redirect, by_token] {
            assert_eq!(error.kind(), Kind::SignInRefused);
            assert_eq!(
                error.message(),
                "a Conditional Access policy blocks this sign-in"
            );
            assert!(
                error.hint().contains("\nFor the admin: "),
                "{}",
                error.hint()
            );
            assert_eq!(error.code(), Some("AADSTS53003"));
            assert_eq!(error.correlation_id(), Some("c0-2"));
            let words = std::error::Error::source(&error).expect("Entra's words");
            assert_eq!(
                words.to_string(),
                "Entra says: AADSTS53003: Access has been blocked. (trace id 7a-1, time 2026-01-02 \
                 03:04:05Z)"
            );
        }
    }

    #[test]
    fn control_characters_from_outside_are_dropped() {
        let error = from_redirect(Denial {
            error: "access_denied".to_owned(),
            description: Some("AADSTS1\u{1b}[31m: x".to_owned()),
            ..Denial::default()
        });
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("Entra says: AADSTS1[31m: x"));
    }
}
