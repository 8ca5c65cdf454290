//! The API versions of the resource and of each operation.
//!
//! They are those of the published specifications and of the service's header
//! `api-supported-versions`.

use std::borrow::Cow;

use super::error::AcsError;
use crate::emulator::http::{Request, is_acs_path};

/// The version of the `*-communication-administration` packages, with different paths and bodies.
pub(crate) const FIRST: &str = "2020-07-20-preview2";
/// The preview of the Teams exchange, with the token as its only parameter.
pub(crate) const TEAMS_PREVIEW: &str = "2021-10-31-preview";
/// The only version with custom ids, the Entra exchange and its assignments.
pub(crate) const PREVIEW: &str = "2025-03-02-preview";
/// The newest stable version.
const NEWEST: &str = "2026-09-23";
/// The journal's remark on a request of a version that is newer than [`NEWEST`].
const NEWER: &str = "the api-version is newer than 2026-09-23 and not known; the request is handled \
                     as one of 2026-09-23 (--strict-versions refuses it)";

/// All versions, from the oldest to the newest.
pub(crate) const ALL: &[&str] = &[
    FIRST,
    "2021-02-22-preview1",
    "2021-03-07",
    TEAMS_PREVIEW,
    "2021-11-01",
    "2022-06-01",
    "2022-10-01",
    "2023-08-01",
    "2023-10-01",
    PREVIEW,
    "2025-06-30",
    "2026-07-22",
    NEWEST,
];
/// The versions of operations on identities with the same path and method in all of them.
pub(crate) const SINCE_FIRST: &[&str] = &[
    FIRST,
    "2021-02-22-preview1",
    "2021-03-07",
    TEAMS_PREVIEW,
    "2021-11-01",
    "2022-06-01",
    "2022-10-01",
    "2023-10-01",
    PREVIEW,
    "2025-06-30",
    "2026-07-22",
    NEWEST,
];
/// The versions whose operations on identities have the paths of the first stable one.
pub(crate) const SINCE_STABLE: &[&str] = SINCE_FIRST.split_at(1).1;
/// The versions with the Teams exchange.
pub(crate) const SINCE_TEAMS: &[&str] = &[
    TEAMS_PREVIEW,
    "2022-06-01",
    "2022-10-01",
    "2023-08-01",
    "2023-10-01",
    PREVIEW,
    "2025-06-30",
    "2026-07-22",
    NEWEST,
];
/// The versions with the Teams extension.
pub(crate) const SINCE_EXTENSION: &[&str] = SINCE_TEAMS.split_at(5).1;

/// Checks that a request has exactly one of these versions.
pub(crate) fn check_version(request: &Request, versions: &[&str]) -> Result<(), AcsError> {
    let mut given = given(request);
    match (given.next(), given.next()) {
        (None, _) => Err(AcsError::VERSION_UNSPECIFIED),
        (Some(version), None) => {
            let answering = answering(request, &version);
            match answering.is_some_and(|answering| versions.contains(&answering)) {
                true => Ok(()),
                false => Err(AcsError::version_unsupported(&version)),
            }
        }
        (Some(_), Some(_)) => Err(AcsError::version_unsupported("more than one")),
    }
}

/// Returns the version that answers a checked request.
pub(crate) fn version(request: &Request) -> &'static str {
    let version = given(request).next();
    let answering = version.and_then(|version| answering(request, &version));
    answering.unwrap_or(NEWEST)
}

/// Returns the journal's remark on a request of a newer version that is accepted.
pub(crate) fn remark(request: &Request) -> Option<&'static str> {
    let version = given(request)
        .next()
        .filter(|_| is_acs_path(&request.path))?;
    let is_newer = known(&version).is_none() && answering(request, &version).is_some();
    is_newer.then_some(NEWER)
}

/// Returns the version that answers a request of this one: itself, or the newest stable one for a
/// newer one that is not known. `None` if the resource does not support it.
fn answering(request: &Request, version: &str) -> Option<&'static str> {
    let is_own = request.resource().has_version(version);
    let is_strict = request.context.options.strict_versions;
    let newer = || (!is_strict && is_newer(version)).then_some(NEWEST);
    known(version).or_else(newer).filter(|_| is_own)
}

fn known(version: &str) -> Option<&'static str> {
    ALL.iter().copied().find(|known| *known == version)
}

/// Returns whether a version begins with a date after that of [`NEWEST`].
fn is_newer(version: &str) -> bool {
    let Some((date, rest)) = version.split_at_checked(NEWEST.len()) else {
        return false;
    };
    let is_date = date.bytes().enumerate().all(|(place, byte)| match place {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    is_date && (rest.is_empty() || rest.starts_with("-preview")) && date > NEWEST
}

fn given(request: &Request) -> impl Iterator<Item = Cow<'_, str>> {
    url::form_urlencoded::parse(request.query().as_bytes())
        .filter(|(name, _)| name == "api-version")
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_list_is_a_part_of_all_versions_in_their_order() {
        for list in [SINCE_FIRST, SINCE_STABLE, SINCE_TEAMS, SINCE_EXTENSION] {
            let in_order = ALL.iter().filter(|version| list.contains(version));
            assert!(in_order.eq(list));
            assert_eq!(list.last(), Some(&NEWEST));
        }
        assert_eq!(SINCE_EXTENSION.first(), Some(&PREVIEW));
    }

    #[test]
    fn a_newer_version_is_a_later_date() {
        for newer in ["2026-09-24", "2027-01-01", "2026-10-01-preview"] {
            assert!(is_newer(newer), "{newer}");
        }
        for other in [
            NEWEST,
            "2026-09-22",
            "2025-12-01-preview",
            "",
            "2027",
            "2027-01-01x",
            "2027/01/01",
            "latest-and-best",
        ] {
            assert!(!is_newer(other), "{other}");
        }
    }
}
