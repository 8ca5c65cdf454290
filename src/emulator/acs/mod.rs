//! ACS Identity's side: the data plane of one resource.
//!
//! In comes a request to the resource, out comes what the service would answer, checked in its
//! order: path, verb, api-version, signature, body. Each operation's own rules are in its file.

pub(super) mod access;
mod caller;
mod exchange;
pub(super) mod identities;
pub(super) mod limits;
mod refusal;
pub(super) mod token;

use std::borrow::Cow;

use axum::http::Method;

use super::door::{Asked, Reply, Shared};
use access::assignments;
use refusal::Refusal;

/// Whether a path belongs to the resource and not to Entra.
pub(super) fn is_at(path: &str) -> bool {
    ["/teamsUser/", "/identities", "/access/"]
        .iter()
        .any(|start| path.starts_with(start))
}

/// One operation: how it is asked for, and what answers.
struct Operation {
    name: &'static str,
    method: Method,
    versions: &'static [&'static str],
    /// Who may ask.
    caller: fn(&Shared, &Asked) -> Result<(), Refusal>,
    run: fn(&Shared, &Asked) -> Result<Reply, Refusal>,
}

/// An operation that is the resource's owner's.
const fn managing(
    name: &'static str,
    method: Method,
    versions: &'static [&'static str],
    run: fn(&Shared, &Asked) -> Result<Reply, Refusal>,
) -> Operation {
    Operation {
        name,
        method,
        versions,
        caller: caller::may_manage,
        run,
    }
}

/// An operation that takes the user's own Entra token, and so checks by itself who asks.
const fn user_owned(
    name: &'static str,
    versions: &'static [&'static str],
    run: fn(&Shared, &Asked) -> Result<Reply, Refusal>,
) -> Operation {
    Operation {
        name,
        method: Method::POST,
        versions,
        caller: |_, _| Ok(()),
        run,
    }
}

const STABLE: &[&str] = &identities::VERSIONS;
const PREVIEW: &[&str] = &[identities::PREVIEW];
const EXTENSION: &[&str] = &[identities::PREVIEW, "2025-06-30"];

static IDENTITIES: [Operation; 1] = [managing(
    "create_identity",
    Method::POST,
    STABLE,
    identities::create,
)];
static IDENTITY: [Operation; 2] = [
    managing(
        "delete_identity",
        Method::DELETE,
        STABLE,
        identities::delete,
    ),
    managing("get_identity", Method::GET, PREVIEW, identities::get),
];
static ISSUE: [Operation; 1] = [managing(
    "issue_token",
    Method::POST,
    STABLE,
    identities::issue,
)];
static REVOKE: [Operation; 1] = [managing(
    "revoke_tokens",
    Method::POST,
    STABLE,
    identities::revoke,
)];
static EXCHANGE: [Operation; 1] = [managing(
    "exchange",
    Method::POST,
    &exchange::VERSIONS,
    exchange::run,
)];
static ENTRA_EXCHANGE: [Operation; 1] = [user_owned(
    "entra_exchange",
    PREVIEW,
    access::exchange_entra,
)];
static EXTENSION_EXCHANGE: [Operation; 1] = [user_owned(
    "teams_extension_exchange",
    EXTENSION,
    access::exchange_teams_extension,
)];
static ENTRA_ASSIGNMENTS: [Operation; 2] = [
    managing("list_assignments", Method::GET, PREVIEW, assignments::list),
    managing(
        "update_assignments",
        Method::PATCH,
        PREVIEW,
        assignments::update,
    ),
];
static ENTRA_ASSIGNMENT: [Operation; 3] = [
    managing("get_assignment", Method::GET, PREVIEW, assignments::get),
    managing("put_assignment", Method::PUT, PREVIEW, assignments::put),
    managing(
        "delete_assignment",
        Method::DELETE,
        PREVIEW,
        assignments::delete,
    ),
];
static EXTENSION_ASSIGNMENT: [Operation; 3] = [
    managing("get_assignment", Method::GET, EXTENSION, assignments::get),
    managing("put_assignment", Method::PUT, EXTENSION, assignments::put),
    managing(
        "delete_assignment",
        Method::DELETE,
        EXTENSION,
        assignments::delete,
    ),
];

/// The operations at a path, by verb. An action's colon is literal, never `%3A`.
fn operations_at(path: &str) -> &'static [Operation] {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match segments[..] {
        ["identities"] => &IDENTITIES,
        ["identities", id] if !id.is_empty() => &IDENTITY,
        ["identities", _, ":issueAccessToken"] => &ISSUE,
        ["identities", _, ":revokeAccessTokens"] => &REVOKE,
        ["teamsUser", ":exchangeAccessToken"] => &EXCHANGE,
        ["access", "entra", ":exchangeAccessToken"] => &ENTRA_EXCHANGE,
        ["access", "teamsExtension", ":exchangeAccessToken"] => &EXTENSION_EXCHANGE,
        ["access", "entra", "assignments"] => &ENTRA_ASSIGNMENTS,
        ["access", "entra", "assignments", _] => &ENTRA_ASSIGNMENT,
        ["access", "teamsExtension", "tenants", _, "assignments", _] => &EXTENSION_ASSIGNMENT,
        _ => &[],
    }
}

/// Answers a request to the resource.
pub(super) fn answer(shared: &Shared, asked: &Asked) -> Reply {
    let operations = operations_at(&asked.path);
    let operation = operations
        .iter()
        .find(|operation| operation.method == asked.method);
    // A wrong verb is still noted under what stands there.
    let (name, versions) = match operation.or(operations.first()) {
        Some(operation) => (operation.name, operation.versions),
        None => ("", &[][..]),
    };
    let outcome = match operation {
        Some(operation) => perform(shared, asked, operation),
        None if operations.is_empty() => Err(Refusal::not_found()),
        None => Err(Refusal::method_not_allowed(
            operations.iter().map(|operation| &operation.method),
        )),
    };
    let reply = match outcome {
        Ok(reply) => Reply {
            operation: name.to_owned(),
            ..reply.with("api-supported-versions", &versions.join(", "))
        },
        Err(refusal) => refusal.into_reply(name, versions),
    };
    // Strict-Transport-Security is left out on purpose: a browser that saw it here would refuse
    // every other plain-http server on localhost.
    let reply = reply
        .with("ms-cv", &format!("{}.0", asked.request_id))
        .with("request-context", "appId=")
        .with("x-azure-ref", &asked.request_id)
        .with("x-cache", "CONFIG_NOCACHE")
        .with("x-processing-time", "1ms");
    match asked.header("x-ms-client-request-id") {
        Some(id) => reply.with("x-ms-client-request-id", id),
        None => reply,
    }
}

fn perform(shared: &Shared, asked: &Asked, operation: &Operation) -> Result<Reply, Refusal> {
    check_version(asked, operation.versions)?;
    limits::admit(shared, asked, operation.name)?;
    (operation.caller)(shared, asked)?;
    (operation.run)(shared, asked)
}

fn check_version(asked: &Asked, versions: &[&str]) -> Result<(), Refusal> {
    let mut given = versions_asked(asked);
    match (given.next(), given.next()) {
        (None, _) => Err(Refusal::version_unspecified()),
        (Some(version), None) if versions.contains(&&*version) => Ok(()),
        (Some(version), None) => Err(Refusal::version_unsupported(&version)),
        (Some(_), Some(_)) => Err(Refusal::version_unsupported("more than one")),
    }
}

/// The version that [`check_version`] let pass.
fn version(asked: &Asked) -> Cow<'_, str> {
    versions_asked(asked).next().unwrap_or_default()
}

fn versions_asked(asked: &Asked) -> impl Iterator<Item = Cow<'_, str>> {
    url::form_urlencoded::parse(asked.query.as_bytes())
        .filter(|(name, _)| name == "api-version")
        .map(|(_, value)| value)
}
