//! The service's refusals in the user's words.

use std::time::Duration;

use crate::error::{Error, Kind, ServiceAnswer};
use crate::http::{self, Answer};
use crate::text::one_line;
use crate::time::{Timestamp, in_words};
use crate::wire::acs::ErrorBody;

/// Clocks further apart than this explain a refused signature.
const CLOCKS_APART_SECONDS: u64 = 300;

/// An answer that is not the operation's success.
pub(super) fn refusal(host: &str, answer: &Answer, now: Timestamp) -> Error {
    let status = answer.status.as_u16();
    let said = serde_json::from_slice::<ErrorBody>(&answer.body)
        .ok()
        .map(|body| body.error);
    let is_its_own = said.is_some() || answer.body.is_empty();
    let said = said.unwrap_or_default();
    let error = if answer.is_outage() {
        Error::new(
            Kind::Unreachable,
            format!("the ACS resource at {host} keeps answering {status}"),
            "wait a little, then try again; the portal shows the service's health and its limits",
        )
    } else if answer.status.is_client_error() && is_its_own {
        explain(
            status,
            &said.code,
            said.target.as_deref(),
            clocks(answer, now),
        )
    } else {
        foreign(
            host,
            answer,
            &format!("{status}, and not as an ACS resource does"),
        )
    };
    let said_something = !said.message.is_empty();
    let answer = ServiceAnswer {
        status,
        code: (!said.code.is_empty()).then(|| short(&said.code)),
        target: said.target.as_deref().map(short),
        message: said_something.then(|| short(&said.message)),
        request_id: ["x-ms-request-id", "ms-cv", "x-azure-ref"]
            .iter()
            .find_map(|name| answer.headers.get(*name)?.to_str().ok())
            .map(short),
    };
    let error = match &answer.message {
        Some(message) => error.caused_by(format!("the service says: {message}")),
        None => error,
    };
    error.with_answer(answer)
}

const CHECK_THE_ENDPOINT: &str = "check the endpoint, and for a proxy or captive portal on the way";

/// An answer that is not the service's own.
pub(super) fn not_its_own(host: &str, what: &str) -> Error {
    let message = format!("{host} answered with {what}");
    Error::new(Kind::Unreachable, message, CHECK_THE_ENDPOINT)
}

/// An answer that does not even have the service's form; `what` says what it was not.
pub(super) fn foreign(host: &str, answer: &Answer, what: &str) -> Error {
    http::foreign(host, answer, what, CHECK_THE_ENDPOINT)
}

/// A token that cannot even be sent.
pub(super) fn not_a_token() -> Error {
    Error::new(
        Kind::Usage,
        "the Entra token holds characters that no token has",
        "pass the token as it was issued, and nothing else",
    )
}

/// A create that was sent more than once, and failed.
pub(super) fn orphan_possible(error: Error) -> Error {
    let hint = format!(
        "{}. The request was sent more than once: an identity that nobody knows may have been \
         created",
        error.hint()
    );
    error.with_hint(hint)
}

/// How far our clock is from the service's, where that may be the reason.
fn clocks(answer: &Answer, now: Timestamp) -> Option<Duration> {
    let apart = answer.date()?.seconds_since(now).unsigned_abs();
    (apart > CLOCKS_APART_SECONDS).then(|| Duration::from_secs(apart))
}

/// A refusal as cause and next step.
fn explain(status: u16, code: &str, target: Option<&str>, clocks: Option<Duration>) -> Error {
    let (message, hint): (String, &str) = match (status, code) {
        (401, "InvalidAccessToken") => (
            "the ACS resource does not accept the Entra token".to_owned(),
            "run `acspass get --force-refresh`; if it stays, check the application's permissions \
             for Azure Communication Services and their consent",
        ),
        (401, "IdentityNotOwned") => (
            "the identity is not one of this ACS resource, or is deleted".to_owned(),
            "check that the id and the connection string belong to the same resource",
        ),
        (401, _) => match clocks {
            Some(apart) => (
                format!(
                    "the ACS resource refused the request, and this machine's clock is {} off",
                    in_words(apart)
                ),
                "set the clock right: a request that is signed with another time is refused",
            ),
            None => (
                "the ACS resource refused the access key or credential".to_owned(),
                "check that the connection string is this resource's and that its key was not \
                 regenerated; with Entra ID, that the principal is of the right tenant",
            ),
        },
        (400, "ValidationError") => (
            match target {
                Some(target) => {
                    format!(
                        "the ACS resource does not accept the field `{}`",
                        short(target)
                    )
                }
                None => "the ACS resource does not accept the request".to_owned(),
            },
            match target.map(str::to_ascii_lowercase).as_deref() {
                Some("scopes" | "createtokenwithscopes") => {
                    "the scopes are chat, voip, chat.join, chat.join.limited and voip.join"
                }
                Some("expiresinminutes") => "choose from 60 to 1440 minutes (1h to 24h)",
                _ => {
                    "the client id must be the one that signed in, and the user id that user's \
                     object id"
                }
            },
        ),
        (403, _) => (
            "the ACS resource forbids this".to_owned(),
            "for a Teams user: check the Teams licence, that the tenant allows Teams \
             interoperability, and that the user is assigned to the resource; for a principal: \
             give it a role on the resource, such as Contributor",
        ),
        (404, _) => (
            "the ACS resource does not know this".to_owned(),
            "check the endpoint and the id",
        ),
        _ => (
            format!("the ACS resource refused the request with {status}"),
            "see the service's words above",
        ),
    };
    Error::new(Kind::Refused, message, hint)
}

/// The service's own words, bounded.
fn short(text: &str) -> String {
    one_line(text, 300)
}
