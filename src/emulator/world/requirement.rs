//! The conditions that a user can simulate, each of which reproduces one failure of a real tenant.
//!
//! `assets/emulator/conditions.json` is the table of their names.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::emulator::aadsts::EntraError;

/// A condition for a user's sign-in or renewal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(crate) enum SignInRequirement {
    /// None: a hint is enough.
    #[default]
    None,
    /// The user has to consent to the app once.
    Consent,
    /// An admin has to consent.
    AdminConsent,
    /// The user has to enter a code.
    Mfa,
    /// The sign-in ends with an error page.
    Page {
        /// The page's heading, if it is not the usual one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// The error on the page.
        why: EntraError,
        /// Whether the token endpoint refuses the user with this error too: a code, a refresh token and
        /// an assertion of the time before.
        #[serde(default)]
        ends_sessions: bool,
    },
    /// Each renewal is refused.
    Renewal(EntraError),
    /// Each renewal is refused with a claims challenge. After a sign-in that answers the challenge,
    /// renewals succeed.
    Challenge(EntraError),
}

/// A named condition.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition {
    /// A description of a user with this condition.
    pub(crate) note: String,
    #[serde(default)]
    pub(crate) requirement: SignInRequirement,
}

/// The conditions by name. A test parses the file, so the fallback is never used.
pub(crate) static CONDITIONS: LazyLock<BTreeMap<String, Condition>> = LazyLock::new(|| {
    let json = include_str!("../../../assets/emulator/conditions.json");
    serde_json::from_str(json).unwrap_or_default()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_conditions_parses() {
        assert_eq!(CONDITIONS.len(), 15);
        assert!(CONDITIONS.values().all(|one| !one.note.is_empty()));
    }
}
