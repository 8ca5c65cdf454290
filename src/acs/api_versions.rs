//! The `api-version` of each operation: the one that the SDKs send, or the first one with it.

use reqwest::Method;

/// The version of identities and of the exchange with the key (azure-communication-identity 1.5.0 and
/// `@azure/communication-identity` 1.3.1).
pub(super) const IDENTITIES: &str = "2023-10-01";
/// The version of the Entra exchange, of its assignments and of reading an identity.
const ENTRA: &str = "2025-03-02-preview";
/// The version of the exchange for Teams extensions.
const TEAMS_EXTENSION: &str = "2025-06-30";
/// The version of the assignments for Teams extensions.
const TEAMS_EXTENSION_ASSIGNMENTS: &str = "2026-09-23";

/// Returns the version for a request with this method and path, without a query; `None` for an
/// operation of another service.
pub(super) fn of(method: &Method, path: &str) -> Option<&'static str> {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match segments.as_slice() {
        ["identities", _] if method == Method::GET => Some(ENTRA),
        ["identities" | "teamsUser", ..] => Some(IDENTITIES),
        ["access", "entra", ..] => Some(ENTRA),
        ["access", "teamsExtension", "tenants", ..] => Some(TEAMS_EXTENSION_ASSIGNMENTS),
        ["access", "teamsExtension", ..] => Some(TEAMS_EXTENSION),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_its_version_and_another_service_has_none() {
        for (method, path, version) in [
            ("POST", "/identities", Some("2023-10-01")),
            ("DELETE", "/identities/8:acs:x", Some("2023-10-01")),
            ("GET", "/identities/8:acs:x", Some("2025-03-02-preview")),
            (
                "GET",
                "/access/entra/assignments",
                Some("2025-03-02-preview"),
            ),
            (
                "PUT",
                "/access/teamsExtension/tenants/t/assignments/o",
                Some("2026-09-23"),
            ),
            (
                "POST",
                "/access/teamsExtension/:exchangeAccessToken",
                Some("2025-06-30"),
            ),
            ("GET", "/phoneNumbers", None),
            ("GET", "/identitiesx", None),
            ("GET", "/", None),
        ] {
            let method = method.parse().expect("a method");
            assert_eq!(of(&method, path), version, "{path}");
        }
    }
}
