//! The api-versions of the published specifications and of the service's header
//! `api-supported-versions`.

use std::borrow::Cow;

use super::error::AcsError;
use crate::emulator::http::Request;

/// The version of the `*-communication-administration` packages, with different paths and bodies.
pub(crate) const FIRST: &str = "2020-07-20-preview2";
/// The preview of the Teams exchange, with the token as its only parameter.
pub(crate) const TEAMS_PREVIEW: &str = "2021-10-31-preview";
/// The only version with custom ids, the Entra exchange and its assignments.
pub(crate) const PREVIEW: &str = "2025-03-02-preview";

/// The versions of operations with the same path and method in all of them.
pub(crate) const SINCE_FIRST: &[&str] = &[
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
/// The versions since the first stable one.
pub(crate) const SINCE_STABLE: &[&str] = SINCE_FIRST.split_at(1).1;
/// The versions with the Teams exchange.
pub(crate) const SINCE_TEAMS: &[&str] = SINCE_FIRST.split_at(2).1;
/// The versions with the Teams extension.
pub(crate) const SINCE_EXTENSION: &[&str] = SINCE_FIRST.split_at(6).1;

/// Checks that a request has exactly one of these versions.
pub(crate) fn check(request: &Request, versions: &[&str]) -> Result<(), AcsError> {
    let mut given = given(request);
    match (given.next(), given.next()) {
        (None, _) => Err(AcsError::VERSION_UNSPECIFIED),
        (Some(version), None) if versions.contains(&&*version) => Ok(()),
        (Some(version), None) => Err(AcsError::version_unsupported(&version)),
        (Some(_), Some(_)) => Err(AcsError::version_unsupported("more than one")),
    }
}

/// Returns the checked version.
pub(crate) fn version(request: &Request) -> Cow<'_, str> {
    given(request).next().unwrap_or_default()
}

fn given(request: &Request) -> impl Iterator<Item = Cow<'_, str>> {
    url::form_urlencoded::parse(request.query.as_bytes())
        .filter(|(name, _)| name == "api-version")
        .map(|(_, value)| value)
}
