//! Translates the service's error responses.

use std::time::Duration;

use super::challenge;
use crate::acs::identifier::CommunicationUserId;
use crate::advice;
use crate::error::{Error, Kind, ServiceAnswer};
use crate::http::{self, Response};
use crate::text::{one_line, quoted};
use crate::time::{Timestamp, in_words};
use crate::wire;
use crate::wire::acs::ErrorBody;

/// Clocks further apart than this explain a refused signature.
const CLOCKS_APART_SECONDS: u64 = 300;

/// The operation of a request. The meaning of a status depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Identities and their tokens, as the resource's owner.
    Manage,
    /// A Teams user's Entra token for a Communication token, as the resource's owner.
    TeamsExchange,
    /// The same as the user.
    DirectExchange,
}

/// Returns the error for a response without the operation's success status.
pub(crate) fn refusal(asked: Operation, host: &str, answer: &Response, now: Timestamp) -> Error {
    let status = answer.status.as_u16();
    let details = wire::read::<ErrorBody>(&answer.body).map(|body| body.error);
    let is_its_own = details.is_some() || answer.body.is_empty();
    let details = details.unwrap_or_default();
    let error = if answer.is_outage() {
        let (name, detail) = match status {
            429 => ("rate", host.to_owned()),
            _ => ("outage", format!("{host} keeps answering {status}")),
        };
        advised(Kind::Unreachable, name, &detail)
    } else if answer.status.is_client_error() && is_its_own {
        let (name, detail) = explain(
            asked,
            status,
            &details.code,
            details.target.as_deref(),
            clocks(answer, now),
        );
        advised(Kind::Refused, name, &detail)
    } else {
        foreign(
            host,
            answer,
            &format!("{status}, and not as an ACS resource does"),
        )
    };
    let error = match challenge::read(&answer.headers) {
        Some(claims) if status == 401 && asked != Operation::Manage => error.with_claims(claims),
        _ => error,
    };
    let has_details = !details.message.is_empty();
    let answer = ServiceAnswer {
        status,
        code: (!details.code.is_empty()).then(|| short(&details.code)),
        target: details.target.as_deref().map(short),
        message: has_details.then(|| short(&details.message)),
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

/// Returns the error for a response of another server.
pub(crate) fn not_its_own(host: &str, what: &str) -> Error {
    let message = format!("{host} answered with {what}");
    Error::new(Kind::Unreachable, message, CHECK_THE_ENDPOINT)
}

/// Returns the error for JSON of the service that lacks a required member.
pub(crate) fn unusable(host: &str, what: &str) -> Error {
    Error::new(
        Kind::Unreachable,
        format!("{host} answered with {what}"),
        "check the endpoint, then run the command again; `acspass -v` shows the requests",
    )
}

/// Returns the error for a response in another format than the service's. `what` describes it.
pub(crate) fn foreign(host: &str, answer: &Response, what: &str) -> Error {
    http::foreign(host, answer, what, CHECK_THE_ENDPOINT)
}

/// A token that cannot even be sent.
pub(crate) fn not_a_token() -> Error {
    Error::new(
        Kind::Usage,
        "the Entra token holds characters that no token has",
        "pass the token as it was issued, and nothing else",
    )
}

/// An id of an application or of a user that cannot be one.
pub(crate) fn not_an_id(id: &str) -> Error {
    Error::new(
        Kind::Usage,
        format!(
            "{} is not the id of an application or of a user",
            quoted(id)
        ),
        "pass the client id that the token was issued to, and its user's object id",
    )
}

/// A create that failed although the service may have carried it out.
pub(crate) fn orphan_possible(error: Error) -> Error {
    let hint = format!(
        "{}. The request may have reached the service: an identity that nobody knows may have \
         been created",
        error.hint()
    );
    error.with_hint(hint)
}

/// Returns the error for a created identity with an invalid token.
pub(crate) fn created_without_token(id: &CommunicationUserId, error: Error) -> Error {
    let hint = format!(
        "the identity {id} was created: issue a token for it with `acspass token issue --user {id} \
         --scope chat`, or delete it with `acspass user delete {id}`"
    );
    error.with_hint(hint)
}

/// Describes the difference of the clocks, if that may be the reason.
fn clocks(answer: &Response, now: Timestamp) -> Option<Duration> {
    let apart = answer.date()?.seconds_since(now).unsigned_abs();
    (apart > CLOCKS_APART_SECONDS).then(|| Duration::from_secs(apart))
}

/// The name of the advice on a refusal, and the detail for its cause.
fn explain(
    asked: Operation,
    status: u16,
    code: &str,
    target: Option<&str>,
    clocks: Option<Duration>,
) -> (&'static str, String) {
    let field = target.map(short).unwrap_or_default();
    let name = match (status, code) {
        (401, "InvalidAccessToken") => "entra-token",
        (401, "IdentityNotOwned") => "not-owned",
        (401, _) => match (clocks, asked) {
            (Some(apart), _) => return ("clock", in_words(apart)),
            (None, Operation::DirectExchange) => "users-token",
            (None, _) => "key",
        },
        (400, "ApiVersionUnspecified" | "UnsupportedApiVersion") => "api-version",
        (400, "ValidationError") => match field.to_ascii_lowercase().as_str() {
            "appid" | "userid" => return ("ids", field),
            "scopes" | "createtokenwithscopes" => return ("scopes", field),
            "expiresinminutes" => return ("lifetime", field),
            "" => return ("field", "the request".to_owned()),
            _ => return ("field", format!("the field `{field}`")),
        },
        (403, _) => match asked {
            Operation::TeamsExchange => "licence",
            Operation::DirectExchange => "assignment",
            Operation::Manage => "role",
        },
        (404, "IdentityNotFound") => "unknown-identity",
        (404, _) => "not-found",
        _ => return ("other", status.to_string()),
    };
    (name, String::new())
}

/// The error with the advice of this name, and `detail` in its cause.
fn advised(kind: Kind, name: &str, detail: &str) -> Error {
    match advice::acs(name) {
        Some(advice) => Error::new(kind, advice.cause.replace("{}", detail), advice.hint()),
        None => Error::new(
            kind,
            "the ACS resource refused the request",
            "see the service's words above",
        ),
    }
}

/// Returns the service's text, cut to 300 characters.
fn short(text: &str) -> String {
    one_line(text, 300)
}
