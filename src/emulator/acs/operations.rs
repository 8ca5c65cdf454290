//! The operations of the resource: one table with path, verb, api-versions and handler of each.
//!
//! The versions are those of the published specifications and of the service's header
//! `api-supported-versions`. A version that no row names is refused.

use axum::http::Method;

use super::super::server::{Context, Reply, Request};
use super::access::assignments;
use super::{Refusal, access, caller, exchange, identities};

/// The version of the `*-communication-administration` packages, with paths and bodies of its own.
pub(super) const FIRST: &str = "2020-07-20-preview2";
/// The preview of the Teams exchange, which takes the token alone.
pub(super) const TEAMS_PREVIEW: &str = "2021-10-31-preview";
/// The only version with custom ids, the Entra exchange and its assignments.
pub(super) const PREVIEW: &str = "2025-03-02-preview";

/// Operations that kept their path and verb since the first version.
const SINCE_FIRST: &[&str] = &[
    FIRST,
    "2021-03-07",
    TEAMS_PREVIEW,
    "2022-06-01",
    "2022-10-01",
    "2023-10-01",
    PREVIEW,
    "2025-06-30",
    "2026-07-22",
    "2026-09-23",
];
/// Operations of the first stable version.
const SINCE_STABLE: &[&str] = SINCE_FIRST.split_at(1).1;
/// The Teams exchange.
const SINCE_TEAMS: &[&str] = SINCE_FIRST.split_at(2).1;
/// The Teams extension's operations.
const SINCE_EXTENSION: &[&str] = SINCE_FIRST.split_at(6).1;

/// One operation.
pub(super) struct Operation {
    /// The name in the journal.
    pub(super) name: &'static str,
    pub(super) method: Method,
    /// The path's segments; `*` stands for any text, and at the end of a path for some. An action's
    /// colon is literal, never `%3A`.
    path: &'static [&'static str],
    pub(super) versions: &'static [&'static str],
    /// Checks that the caller may ask.
    pub(super) caller: fn(&Context, &Request) -> Result<(), Refusal>,
    pub(super) run: fn(&Context, &Request) -> Result<Reply, Refusal>,
}

type Run = fn(&Context, &Request) -> Result<Reply, Refusal>;

/// An operation of the resource's owner.
const fn owned(
    name: &'static str,
    method: Method,
    path: &'static [&'static str],
    versions: &'static [&'static str],
    run: Run,
) -> Operation {
    Operation {
        name,
        method,
        path,
        versions,
        caller: caller::may_manage,
        run,
    }
}

/// An operation that takes the user's own Entra token, and checks the caller by itself.
const fn by_user(
    name: &'static str,
    path: &'static [&'static str],
    versions: &'static [&'static str],
    run: Run,
) -> Operation {
    Operation {
        name,
        method: Method::POST,
        path,
        versions,
        caller: |_, _| Ok(()),
        run,
    }
}

const IDENTITY: &[&str] = &["identities", "*"];
const ENTRA: &[&str] = &["access", "entra", "assignments"];
const ENTRA_ONE: &[&str] = &["access", "entra", "assignments", "*"];
const EXTENSION_ONE: &[&str] = &[
    "access",
    "teamsExtension",
    "tenants",
    "*",
    "assignments",
    "*",
];

#[rustfmt::skip]
static OPERATIONS: [Operation; 18] = [
    owned("create_identity", Method::POST, &["identities"], SINCE_FIRST, identities::create),
    owned("delete_identity", Method::DELETE, IDENTITY, SINCE_FIRST, identities::delete),
    owned("revoke_tokens", Method::PATCH, IDENTITY, &[FIRST], identities::revoke_before),
    owned("get_identity", Method::GET, IDENTITY, &[PREVIEW], identities::get),
    owned("issue_token", Method::POST, &["identities", "*", "token"], &[FIRST], identities::issue),
    owned("issue_token", Method::POST, &["identities", "*", ":issueAccessToken"], SINCE_STABLE, identities::issue),
    owned("revoke_tokens", Method::POST, &["identities", "*", ":revokeAccessTokens"], SINCE_STABLE, identities::revoke),
    owned("exchange", Method::POST, &["teamsUser", ":exchangeAccessToken"], SINCE_TEAMS, exchange::run),
    by_user("entra_exchange", &["access", "entra", ":exchangeAccessToken"], &[PREVIEW], access::exchange_entra),
    by_user("teams_extension_exchange", &["access", "teamsExtension", ":exchangeAccessToken"], SINCE_EXTENSION, access::exchange_teams_extension),
    owned("list_assignments", Method::GET, ENTRA, &[PREVIEW], assignments::list),
    owned("update_assignments", Method::PATCH, ENTRA, &[PREVIEW], assignments::update),
    owned("get_assignment", Method::GET, ENTRA_ONE, &[PREVIEW], assignments::get),
    owned("put_assignment", Method::PUT, ENTRA_ONE, &[PREVIEW], assignments::put),
    owned("delete_assignment", Method::DELETE, ENTRA_ONE, &[PREVIEW], assignments::delete),
    owned("get_assignment", Method::GET, EXTENSION_ONE, SINCE_EXTENSION, assignments::get),
    owned("put_assignment", Method::PUT, EXTENSION_ONE, SINCE_EXTENSION, assignments::put),
    owned("delete_assignment", Method::DELETE, EXTENSION_ONE, SINCE_EXTENSION, assignments::delete),
];

/// The operations at a path, by verb.
pub(super) fn at(path: &str) -> Vec<&'static Operation> {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    if segments.last().is_none_or(|last| last.is_empty()) {
        return Vec::new();
    }
    OPERATIONS
        .iter()
        .filter(|operation| {
            operation.path.len() == segments.len()
                && std::iter::zip(operation.path, &segments)
                    .all(|(pattern, segment)| pattern == segment || *pattern == "*")
        })
        .collect()
}
