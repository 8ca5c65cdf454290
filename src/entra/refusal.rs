//! Entra's refusals in the user's words.

use crate::error::{Error, Kind};
use crate::wire::entra::TokenError;

use super::redirect::Denial;

/// What was refused: it decides what a refusal means to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leg {
    /// A person is signing in.
    SignIn,
    /// A refresh token was redeemed without a person.
    Refresh,
}

/// A refusal by the token endpoint.
pub(crate) fn from_token_error(leg: Leg, said: &TokenError) -> Error {
    let error = explained(
        leg,
        &said.error,
        said.error_description.as_deref(),
        &said.error_codes,
    );
    match &said.correlation_id {
        Some(id) => error.with_correlation_id(clean(id)),
        None => error,
    }
}

/// A refusal that came to the redirect URI instead of a code.
pub(crate) fn from_redirect(denial: &Denial) -> Error {
    let description = denial.description.as_deref();
    let error = if denial.error == "access_denied" && denial.subcode.as_deref() == Some("cancel") {
        let cancelled = Error::new(
            Kind::SignInRefused,
            "the sign-in was cancelled",
            "run the command again to sign in; where an admin must approve the application, ask \
             one to grant consent for the tenant",
        );
        match code_in(description) {
            Some(code) => cancelled.with_code(code),
            None => cancelled,
        }
    } else {
        explained(Leg::SignIn, &denial.error, description, &[])
    };
    match &denial.correlation_id {
        Some(id) => error.with_correlation_id(clean(id)),
        None => error,
    }
}

/// The tenant that the metadata was asked for does not exist.
pub(crate) fn unknown_tenant(tenant: &str, said: &TokenError) -> Error {
    let error = Error::new(
        Kind::Usage,
        format!("Entra does not know the tenant {tenant}"),
        "check the setting `tenant` (ACSPASS_TENANT_ID), and that the authority is the right cloud's",
    );
    match code_of(said.error_description.as_deref(), &said.error_codes) {
        Some(code) => error.with_code(code),
        None => error,
    }
}

/// The authority keeps answering 429 or 5xx.
pub(crate) fn outage(host: &str, status: u16) -> Error {
    Error::new(
        Kind::Unreachable,
        format!("{host} keeps answering {status}"),
        "wait a little, then try again",
    )
}

/// What answered is not Entra.
pub(crate) fn not_entra(host: &str, what: &str) -> Error {
    Error::new(
        Kind::Unreachable,
        format!("{host} answered with {what}"),
        "check the setting `authority-host`, and for a proxy or captive portal on the way",
    )
}

fn explained(leg: Leg, error: &str, description: Option<&str>, codes: &[i64]) -> Error {
    let code = code_of(description, codes);
    let needs_a_person = matches!(
        error,
        "invalid_grant" | "interaction_required" | "consent_required" | "login_required"
    );
    let (kind, message, hint) = match (leg, needs_a_person) {
        (Leg::Refresh, true) => (
            Kind::SignInNeeded,
            "Entra asks for a new sign-in: the kept session is no longer good",
            "run `acspass login`",
        ),
        (Leg::Refresh, false) => (
            Kind::Refused,
            "Entra refused to renew the session",
            "check the client id, the tenant and the application's registration",
        ),
        (Leg::SignIn, _)
            if error == "consent_required" || code.as_deref() == Some("AADSTS65001") =>
        {
            (
                Kind::SignInRefused,
                "the application has no consent for the scopes it asked for",
                "grant consent at the sign-in, or ask an admin to grant it for the tenant",
            )
        }
        (Leg::SignIn, _) if code.as_deref() == Some("AADSTS65004") => (
            Kind::SignInRefused,
            "the consent was declined",
            "run the command again and accept, or ask an admin to consent for the tenant",
        ),
        (Leg::SignIn, _) => (
            Kind::SignInRefused,
            "Entra refused the sign-in",
            "read Entra's words above; check the client id, the redirect URI http://localhost \
             under Mobile and desktop applications, and the permissions",
        ),
    };
    let explained = Error::new(kind, message, hint).with_code(code.unwrap_or_else(|| clean(error)));
    match description.map(first_line).filter(|line| !line.is_empty()) {
        Some(line) => explained.caused_by(format!("Entra says: {line}")),
        None => explained.caused_by(format!("Entra says: {}", clean(error))),
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

/// A description's first line: what follows are ids and the time.
fn first_line(description: &str) -> String {
    clean(description.lines().next().unwrap_or_default())
}

/// Text from outside: bounded, without control characters.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
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
        let error = from_token_error(Leg::Refresh, &dead);
        assert_eq!(error.kind(), Kind::SignInNeeded);
        assert_eq!(error.code(), Some("AADSTS50173"));
        let wrong = said("invalid_client", "AADSTS7000218: secret.");
        assert_eq!(from_token_error(Leg::Refresh, &wrong).kind(), Kind::Refused);
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
