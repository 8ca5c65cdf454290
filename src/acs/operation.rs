//! The operations of the service, and what a refusal of each means.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

use super::api_versions::{self, IDENTITIES};
use super::path::{AssignmentPath, segment};
use super::values::CommunicationUserId;
use crate::advice;
use crate::claims::Claims;
use crate::error::{Error, Kind, ServiceResponse};
use crate::exchange::ExchangeKind;
use crate::http::{self, Response};
use crate::text::one_line;
use crate::time::{Timestamp, in_words};
use crate::wire;
use crate::wire::acs::ServiceError;

/// Clocks further apart than this explain a refused signature.
const CLOCKS_APART_SECONDS: u64 = 300;

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation<'a> {
    CreateUser,
    IssueToken(&'a CommunicationUserId),
    RevokeTokens(&'a CommunicationUserId),
    DeleteUser(&'a CommunicationUserId),
    /// An Entra token for a Communication token.
    Exchange(ExchangeKind),
    /// All Entra assignments, or the page at this path and query.
    ListAssignments(Option<&'a str>),
    FindAssignment(AssignmentPath<'a>),
    PutAssignment(AssignmentPath<'a>),
    DeleteAssignment(AssignmentPath<'a>),
}

impl Operation<'_> {
    /// Returns the method, the statuses of success, and the path.
    pub(super) fn spec(self) -> (Method, &'static [u16], &'static str) {
        match self {
            Operation::CreateUser => (Method::POST, &[201], "/identities"),
            Operation::IssueToken(_) => {
                (Method::POST, &[200], "/identities/{id}/:issueAccessToken")
            }
            Operation::RevokeTokens(_) => {
                (Method::POST, &[204], "/identities/{id}/:revokeAccessTokens")
            }
            Operation::DeleteUser(_) => (Method::DELETE, &[204], "/identities/{id}"),
            Operation::Exchange(kind) => {
                let path = match kind {
                    // An exchange service sends the same request.
                    ExchangeKind::Key | ExchangeKind::Service => "/teamsUser/:exchangeAccessToken",
                    ExchangeKind::Entra => "/access/entra/:exchangeAccessToken",
                    ExchangeKind::TeamsExtension => "/access/teamsExtension/:exchangeAccessToken",
                };
                (Method::POST, &[200], path)
            }
            Operation::ListAssignments(_) => (Method::GET, &[200], "/access/entra/assignments"),
            Operation::FindAssignment(at) => (Method::GET, &[200], at.path()),
            Operation::PutAssignment(at) => (Method::PUT, &[200, 201], at.path()),
            Operation::DeleteAssignment(at) => (Method::DELETE, &[204], at.path()),
        }
    }

    /// Returns path and query. The action's colon stays as it is.
    pub(super) fn path_and_query(self) -> String {
        if let Operation::ListAssignments(Some(page)) = self {
            return page.to_owned();
        }
        let (method, _, path) = self.spec();
        let version = api_versions::of(&method, path).unwrap_or(IDENTITIES);
        let path = match self {
            Operation::IssueToken(user)
            | Operation::RevokeTokens(user)
            | Operation::DeleteUser(user) => path.replace("{id}", &segment(user.as_str())),
            Operation::FindAssignment(at)
            | Operation::PutAssignment(at)
            | Operation::DeleteAssignment(at) => at.fill(path),
            Operation::CreateUser | Operation::Exchange(_) | Operation::ListAssignments(_) => {
                path.to_owned()
            }
        };
        format!("{path}?api-version={version}")
    }

    /// Returns the permission that the request needs.
    pub(super) fn permission(self) -> Permission {
        match self {
            Operation::Exchange(kind) => Permission::Exchange(kind),
            _ => Permission::Owner,
        }
    }
}

/// The permission for a request, which decides the meaning of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    /// The owner's: the access key, or a principal with a role.
    Owner,
    /// The access key's, for a request that the caller wrote: the refusal names every cause.
    Signature,
    /// That of a user, or of the owner for an exchange with the key.
    Exchange(ExchangeKind),
    /// That of a user, for a request that the caller wrote.
    User,
}

/// Returns the error for a response without the request's success status.
pub(super) fn refusal(
    permission: Permission,
    host: &str,
    response: &Response,
    now: Timestamp,
) -> Error {
    let status = response.status.as_u16();
    let details = wire::read::<ServiceError>(&response.body);
    let is_its_own = details.is_some() || response.body.is_empty();
    let details = details.unwrap_or_default();
    let mut error = if response.is_transient_error() {
        response.add_retry_after(match status {
            429 => advised(Kind::Unreachable, "rate", host),
            _ => {
                let detail = format!("{host} keeps returning HTTP status {status}");
                advised(Kind::Unreachable, "outage", &detail)
            }
        })
    } else if response.status.is_client_error() && is_its_own {
        let (name, detail) = explain(permission, response, &details, now);
        advised(Kind::Refused, name, &detail)
    } else {
        let what = format!("HTTP status {status} in another format than an ACS resource's");
        foreign(host, response, &what)
    };
    if status == 401
        && matches!(permission, Permission::Exchange(_) | Permission::User)
        && let Some(claims) = challenged_claims(&response.headers)
    {
        error = error.with_claims(claims);
    }
    let text = |text: &str| (!text.is_empty()).then(|| short(text));
    let message = text(&details.message);
    if let Some(message) = &message {
        error = error.caused_by(format!("the service says: {message}"));
    }
    let request_id = ["x-ms-request-id", "ms-cv", "x-azure-ref"]
        .iter()
        .find_map(|name| response.headers.get(*name)?.to_str().ok());
    error.with_service_response(ServiceResponse {
        status,
        code: text(&details.code),
        target: details.target.as_deref().map(short),
        message,
        request_id: request_id.map(short),
    })
}

pub(super) const CORRECT_THE_HOST: &str = "The host is the endpoint of the connection string, or the \
     setting `endpoint`. Copy the connection string again from the portal, under Keys, and run `acspass \
     config set connection-string`. If the host is correct, check the network. If the network needs a \
     proxy, set HTTPS_PROXY.";
const CHECK_THE_ENDPOINT: &str =
    "Check the endpoint in `acspass config list`, and check for a proxy or a captive portal.";

/// Returns the error for JSON of the service that lacks a required member.
pub(super) fn unusable(host: &str, what: &str) -> Error {
    Error::unreachable(
        format!("{host} returned {what}"),
        "Check the endpoint in `acspass config list`, then run the command again. `acspass -vv` \
         shows the requests.",
    )
}

/// Returns the error for a response in another format than the service's. `what` describes it.
pub(super) fn foreign(host: &str, response: &Response, what: &str) -> Error {
    http::foreign(host, response, what, CHECK_THE_ENDPOINT)
}

/// Returns the error for a token that cannot be sent in a header.
pub(super) fn not_a_token() -> Error {
    Error::usage(
        "the Entra token contains a character that no token has",
        "Pass the Entra token alone, without quotes or other text.",
    )
}

/// A create that failed although the service may have carried it out.
pub(super) fn orphan_possible(error: Error) -> Error {
    let hint = format!(
        "{} The service may have processed the request, and an identity with an unknown id may \
         exist.",
        error.hint()
    );
    error.with_hint(hint)
}

/// Returns the error for a created identity with an invalid token.
pub(super) fn created_without_token(id: &CommunicationUserId, error: Error) -> Error {
    let hint = format!(
        "Run `acspass token issue --user {id} --scope chat` for the identity, which was created, or \
         delete it with `acspass user delete {id}`."
    );
    error.with_hint(hint)
}

/// Whether the service refused the scopes of a request.
pub(super) fn is_about_scopes(error: &Error) -> bool {
    let target = error
        .service_response()
        .and_then(|response| response.target.as_deref());
    target.is_some_and(is_scopes_field)
}

fn is_scopes_field(field: &str) -> bool {
    ["scopes", "createTokenWithScopes"]
        .iter()
        .any(|name| field.eq_ignore_ascii_case(name))
}

/// The name of the advice on a refusal, and the detail for its cause.
fn explain(
    permission: Permission,
    response: &Response,
    details: &ServiceError,
    now: Timestamp,
) -> (&'static str, String) {
    let status = response.status.as_u16();
    let field = details.target.as_deref().map(short).unwrap_or_default();
    let apart = response
        .date()
        .map(|date| date.seconds_since(now).unsigned_abs())
        .filter(|apart| *apart > CLOCKS_APART_SECONDS);
    let name = match (status, details.code.as_str()) {
        (401, "InvalidAccessToken") => "entra-token",
        (401, "IdentityNotOwned") => "not-owned",
        (401, _) => match apart {
            Some(apart) => return ("clock", in_words(Duration::from_secs(apart))),
            None => match permission {
                Permission::Owner | Permission::Exchange(ExchangeKind::Key) => "key",
                Permission::Signature => return ("signature", clock_of(response).to_owned()),
                Permission::Exchange(_) | Permission::User => "users-token",
            },
        },
        (400, "ApiVersionUnspecified" | "UnsupportedApiVersion") => "api-version",
        (400, "ValidationError") => match field.to_ascii_lowercase().as_str() {
            "appid" | "userid" => return ("ids", field),
            _ if is_scopes_field(&field) => return ("scopes", field),
            "expiresinminutes" => return ("lifetime", field),
            "" => return ("field", "the request".to_owned()),
            _ => return ("field", format!("the field `{field}`")),
        },
        (403, _) => match permission {
            Permission::Exchange(ExchangeKind::Key) => "licence",
            Permission::Exchange(_) | Permission::User => "assignment",
            Permission::Owner | Permission::Signature => "role",
        },
        (404, "IdentityNotFound") => "unknown-identity",
        (404, _) => "not-found",
        _ => return ("other", format!("HTTP status {status}")),
    };
    (name, String::new())
}

/// Describes this machine's clock, after it was found not to differ from a time in the response.
fn clock_of(response: &Response) -> &'static str {
    match response.date() {
        Some(_) => "this machine's clock is correct",
        None => "the response has no time to check this machine's clock with",
    }
}

/// The error with the advice of this name, and `detail` in its cause.
fn advised(kind: Kind, name: &str, detail: &str) -> Error {
    match advice::acs(name) {
        Some(advice) => Error::new(kind, advice.cause.replace("{}", detail), advice.hint()),
        None => Error::new(
            kind,
            "the ACS resource refused the request",
            "See the cause above.",
        ),
    }
}

/// Returns the service's text, cut to 300 characters.
fn short(text: &str) -> String {
    one_line(text, 300)
}

/// Returns the claims of a challenge in a response's headers.
fn challenged_claims(headers: &HeaderMap) -> Option<Claims> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter();
    let mut challenges = values.filter_map(|value| value.to_str().ok());
    challenges.find_map(Claims::in_challenge)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{DATE, HeaderValue, RETRY_AFTER};

    use super::*;

    #[test]
    fn the_pause_that_the_resource_asks_for_is_in_the_error() {
        let pause_of = |status: u16, pause: &'static str| {
            let date = HeaderValue::from_static("Sat, 28 Nov 2026 14:00:00 GMT");
            let response = Response {
                version: reqwest::Version::HTTP_11,
                status: reqwest::StatusCode::from_u16(status).expect("a status"),
                headers: HeaderMap::from_iter([
                    (DATE, date),
                    (RETRY_AFTER, HeaderValue::from_static(pause)),
                ]),
                body: br#"{"error":{"code":"x","message":"y"}}"#.to_vec(),
                repeated: false,
                tries: 1,
            };
            let permission = Permission::Exchange(ExchangeKind::Key);
            let now = Timestamp::from_unix_seconds(0);
            let error = refusal(permission, "a.test", &response, now);
            error.retry_after().map(|pause| pause.as_secs())
        };
        for (status, pause, expected) in [
            (429, "7", Some(7)),
            (503, "20", Some(20)),
            (429, "Sat, 28 Nov 2026 14:00:12 GMT", Some(12)),
            (503, "Sat, 28 Nov 2026 13:00:00 GMT", Some(0)),
            (429, "soon", None),
            // A refusal does not pass.
            (403, "20", None),
        ] {
            assert_eq!(pause_of(status, pause), expected, "{status} {pause}");
        }
    }

    #[test]
    fn an_id_is_escaped_as_the_sdks_escape_it() {
        let user = CommunicationUserId::parse(
            "8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000007-0464-274b-b274-5a3a0d000101",
        );
        assert_eq!(
            Operation::IssueToken(&user.expect("an id")).path_and_query(),
            "/identities/8%3Aacs%3A1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000007-0464-274b-b274-\
             5a3a0d000101/:issueAccessToken?api-version=2023-10-01"
        );
    }

    #[test]
    fn assignments_have_the_paths_and_versions_of_their_family() {
        let at = |tenant| {
            let object_id = "o/1";
            Operation::FindAssignment(AssignmentPath { tenant, object_id })
        };
        assert_eq!(
            at(None).path_and_query(),
            "/access/entra/assignments/o%2F1?api-version=2025-03-02-preview"
        );
        assert_eq!(
            at(Some("t?")).path_and_query(),
            "/access/teamsExtension/tenants/t%3F/assignments/o%2F1?api-version=2026-09-23"
        );
    }
}
