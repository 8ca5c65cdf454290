//! Entra's refusals in the user's words.

use crate::advice;
use crate::claims::Claims;
use crate::error::{Error, Kind};
use crate::http::{self, Response};
use crate::text::one_line;
use crate::wire::entra::TokenError;

use super::denial::Denial;

/// What was refused: it decides what a refusal means to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    /// A person is signing in.
    SignIn,
    /// A refresh token was redeemed without a person.
    Refresh,
}

/// A refusal by the token endpoint.
pub(crate) fn from_token_error(grant: Grant, said: &TokenError) -> Error {
    ErrorResponse::from_json(said).explained(grant)
}

/// A refusal that came to the redirect URI instead of a code.
pub(crate) fn from_redirect(denial: &Denial) -> Error {
    let description = denial.description.as_deref();
    let said = ErrorResponse {
        error: &denial.error,
        description,
        code: code_in(description),
        suberror: denial.suberror.as_deref().or(denial.subcode.as_deref()),
        ids: Ids {
            correlation: denial.correlation_id.as_deref(),
            trace: denial.trace_id.as_deref(),
            time: denial.timestamp.as_deref(),
        },
        claims: denial.claims.as_deref(),
    };
    let is_cancel = denial.error == "access_denied" && denial.subcode.as_deref() == Some("cancel");
    // Whoever goes back from the page that asks for an admin has met more than their own no.
    if is_cancel && said.code.as_deref() != Some("AADSTS90094") {
        return said.sourced(Error::new(
            Kind::SignInRefused,
            "the sign-in was cancelled",
            "run the command again to sign in; where an admin must approve the application, ask \
             one to grant consent for the tenant: `acspass setup` prints a message to send",
        ));
    }
    said.explained(Grant::SignIn)
}

/// The tenant that the metadata was asked for does not exist.
pub(crate) fn unknown_tenant(tenant: &str, said: &TokenError) -> Error {
    ErrorResponse::from_json(said).sourced(Error::new(
        Kind::Usage,
        format!("Entra does not know the tenant {tenant}"),
        "check the setting `tenant` (ACSPASS_TENANT_ID), and that the authority is the right cloud's",
    ))
}

/// The authority keeps answering 429 or 5xx.
pub(crate) fn outage(host: &str, status: u16) -> Error {
    Error::new(
        Kind::Unreachable,
        format!("{host} keeps answering {status}"),
        "wait a little, then try again",
    )
}

/// The authority answered a request that is sent only once with 429 or 5xx.
pub(crate) fn outage_at_once(host: &str, status: u16) -> Error {
    Error::new(
        Kind::Unreachable,
        format!("{host} answered {status}"),
        "wait a little",
    )
}

const USED_UP: &str = "sign in again with `acspass login`: the code of this sign-in was sent, and \
                       it is good for one use";

/// The token endpoint gave no usable answer to a code: what was sent cannot be sent again.
pub(crate) fn code_not_redeemed(error: Error) -> Error {
    match error.kind() {
        Kind::Unreachable if error.may_have_arrived() => error.with_hint(USED_UP),
        Kind::Unreachable => {
            let hint = format!("{}; then sign in again with `acspass login`", error.hint());
            error.with_hint(hint)
        }
        _ => error,
    }
}

/// A device code that was approved has been redeemed, and the tokens were lost on the way.
pub(crate) fn tokens_lost(host: &str) -> Error {
    Error::new(
        Kind::Unreachable,
        format!("the sign-in was approved, and the answer of {host} was lost on the way"),
        USED_UP,
    )
}

/// The service's own JSON, without something that is needed.
pub(crate) fn unusable(host: &str, what: &str) -> Error {
    Error::new(
        Kind::Unreachable,
        format!("{host} answered with {what}"),
        "check the setting `authority-host`, then run the command again; `acspass -v` shows the \
         requests",
    )
}

const CHECK_THE_HOST: &str =
    "check the setting `authority-host`, and for a proxy or captive portal on the way";

/// What answered is not Entra.
pub(crate) fn not_entra(host: &str, what: &str) -> Error {
    let message = format!("{host} answered with {what}");
    Error::new(Kind::Unreachable, message, CHECK_THE_HOST)
}

/// What answered did not even answer in Entra's form; `what` says what it was not.
pub(crate) fn foreign(host: &str, answer: &Response, what: &str) -> Error {
    http::foreign(host, answer, what, CHECK_THE_HOST)
}

/// A refusal as it came, by whichever way.
struct ErrorResponse<'a> {
    error: &'a str,
    description: Option<&'a str>,
    code: Option<String>,
    suberror: Option<&'a str>,
    ids: Ids<'a>,
    claims: Option<&'a str>,
}

/// Under what Entra's staff, and the tenant's sign-in log, find it.
struct Ids<'a> {
    correlation: Option<&'a str>,
    trace: Option<&'a str>,
    time: Option<&'a str>,
}

impl<'a> ErrorResponse<'a> {
    fn from_json(said: &'a TokenError) -> Self {
        let description = said.error_description.as_deref();
        ErrorResponse {
            error: &said.error,
            description,
            code: code_of(description, &said.error_codes),
            suberror: said.suberror.as_deref(),
            ids: Ids {
                correlation: said.correlation_id.as_deref(),
                trace: said.trace_id.as_deref(),
                time: said.timestamp.as_deref(),
            },
            claims: said.claims.as_deref(),
        }
    }

    /// The kind by what was refused, the words by the table, or else in general.
    fn explained(&self, grant: Grant) -> Error {
        let needs_a_person = matches!(
            self.error,
            "invalid_grant" | "interaction_required" | "consent_required" | "login_required"
        );
        let (kind, message, hint) = match (grant, needs_a_person) {
            (Grant::Refresh, true) => (
                Kind::SignInNeeded,
                "Entra asks for a new sign-in: the kept session is no longer good",
                "run `acspass login`",
            ),
            (Grant::Refresh, false) => (
                Kind::Refused,
                "Entra refused to renew the session",
                "check the client id, the tenant and the application's registration",
            ),
            (Grant::SignIn, _) if self.error == "consent_required" => (
                Kind::SignInRefused,
                "the application has no consent for the scopes it asked for",
                "grant consent at the sign-in, or ask an admin to grant it for the tenant",
            ),
            (Grant::SignIn, _) => (
                Kind::SignInRefused,
                "Entra refused the sign-in",
                "read Entra's words above; check the client id, the redirect URI http://localhost \
                 under Mobile and desktop applications, and the permissions",
            ),
        };
        let error = self.sourced(match advice::entra(self.code.as_deref(), self.suberror) {
            Some(advice) => Error::new(kind, advice.cause, advice.hint()),
            None => Error::new(kind, message, hint),
        });
        // A page that only says no would say so again.
        let may_help = grant == Grant::Refresh || self.suberror != Some("message_only");
        match self.claims.and_then(Claims::parse) {
            Some(claims) if needs_a_person && may_help => error.with_claims(claims),
            _ => error,
        }
    }

    /// The error with its code, its ids, and Entra's own words as its cause.
    fn sourced(&self, error: Error) -> Error {
        let word = clean(self.error);
        let words = match self.description.map(words_of) {
            Some(words) if !words.is_empty() => words,
            _ => word.clone(),
        };
        let find = |label| self.description.and_then(|text| labelled(text, label));
        let trace = self.ids.trace.map(clean).or_else(|| find("Trace ID:"));
        let time = self.ids.time.map(clean).or_else(|| find("Timestamp:"));
        let named = [("trace id", trace), ("time", time)];
        let named: Vec<String> = named
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name} {}", value?)))
            .collect();
        let error = error
            .with_code(self.code.clone().unwrap_or(word))
            .caused_by(match named.is_empty() {
                true => format!("Entra says: {words}"),
                false => format!("Entra says: {words} ({})", named.join(", ")),
            });
        let correlation = self.ids.correlation.map(clean);
        match correlation.or_else(|| find("Correlation ID:")) {
            Some(id) => error.with_correlation_id(id),
            None => error,
        }
    }
}

fn code_of(description: Option<&str>, codes: &[i64]) -> Option<String> {
    codes
        .first()
        .map(|code| format!("AADSTS{code}"))
        .or_else(|| code_in(description))
}

/// The `AADSTS` code at the start of a description.
fn code_in(description: Option<&str>) -> Option<String> {
    let digits: String = description?
        .trim_start()
        .strip_prefix("AADSTS")?
        .chars()
        .take_while(char::is_ascii_digit)
        .take(9)
        .collect();
    (!digits.is_empty()).then(|| format!("AADSTS{digits}"))
}

/// A description's sentence: what follows are ids and the time, on lines of their own or not.
fn words_of(description: &str) -> String {
    let sentence = description.split("Trace ID:").next().unwrap_or_default();
    clean(sentence.lines().next().unwrap_or_default().trim_end())
}

/// What follows a label in a description. A time has a space inside.
fn labelled(description: &str, label: &str) -> Option<String> {
    let (_, rest) = description.split_once(label)?;
    let rest = rest.lines().next().unwrap_or_default().trim();
    let end = rest.find(" Correlation ID:").or(rest.find(" Timestamp:"));
    let value = clean(&rest[..end.unwrap_or(rest.len())]);
    (!value.is_empty()).then_some(value)
}

/// Text from outside: bounded, on one line.
fn clean(text: &str) -> String {
    one_line(text, 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(error: &str, description: &str) -> TokenError {
        TokenError {
            error: error.to_owned(),
            error_description: Some(description.to_owned()),
            ..TokenError::default()
        }
    }

    #[test]
    fn a_dead_refresh_token_needs_a_sign_in_and_a_wrong_application_does_not() {
        let dead = said("invalid_grant", "AADSTS50173: revoked.\r\nTrace ID: x");
        let error = from_token_error(Grant::Refresh, &dead);
        assert_eq!(error.kind(), Kind::SignInNeeded);
        assert_eq!(error.code(), Some("AADSTS50173"));
        let wrong = said("invalid_client", "AADSTS7000218: secret.");
        assert_eq!(
            from_token_error(Grant::Refresh, &wrong).kind(),
            Kind::Refused
        );
    }

    #[test]
    fn known_codes_bring_cause_and_next_step_and_the_ids_to_paste() {
        let text = "AADSTS53003: Access has been blocked.\r\nTrace ID: 7a-1\r\nCorrelation ID: \
                    c0-2\r\nTimestamp: 2026-01-02 03:04:05Z";
        let by_redirect = from_redirect(&Denial {
            error: "access_denied".to_owned(),
            description: Some(text.replace("\r\n", " ")),
            ..Denial::default()
        });
        let by_token = from_token_error(Grant::SignIn, &said("access_denied", text));
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
        let error = from_redirect(&Denial {
            error: "access_denied".to_owned(),
            description: Some("AADSTS1\u{1b}[31m: x".to_owned()),
            ..Denial::default()
        });
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("Entra says: AADSTS1[31m: x"));
    }
}
