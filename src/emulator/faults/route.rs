//! The routes of the services that can have faults.

use serde::{Deserialize, Serialize};

/// A group of endpoints that can have faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Route {
    /// OpenID Connect metadata.
    Metadata,
    /// Entra's signing keys.
    Keys,
    /// Entra's instance discovery.
    InstanceDiscovery,
    /// Entra's authorize page.
    Authorize,
    /// The endpoint for device codes.
    Device,
    /// Entra's token endpoint.
    Token,
    /// The exchanges of a user's Entra token.
    Exchange,
    /// Identities and their tokens.
    Identities,
    /// The assignments of the exchanges without an access key.
    Assignments,
    /// The endpoint of the managed identity.
    ManagedIdentity,
}

impl Route {
    /// All routes.
    pub const ALL: [Route; 10] = [
        Route::Metadata,
        Route::Keys,
        Route::InstanceDiscovery,
        Route::Authorize,
        Route::Device,
        Route::Token,
        Route::Exchange,
        Route::Identities,
        Route::Assignments,
        Route::ManagedIdentity,
    ];

    /// Returns the name: `token`, `managed-identity`.
    pub fn as_str(self) -> &'static str {
        match self {
            Route::Metadata => "metadata",
            Route::Keys => "keys",
            Route::InstanceDiscovery => "instance-discovery",
            Route::Authorize => "authorize",
            Route::Device => "device",
            Route::Token => "token",
            Route::Exchange => "exchange",
            Route::Identities => "identities",
            Route::Assignments => "assignments",
            Route::ManagedIdentity => "managed-identity",
        }
    }

    /// Returns the route of this name.
    pub fn named(name: &str) -> Option<Route> {
        Route::ALL.into_iter().find(|route| route.as_str() == name)
    }

    /// Returns whether the ACS resource serves the route.
    pub(crate) fn is_of_resource(self) -> bool {
        matches!(
            self,
            Route::Exchange | Route::Identities | Route::Assignments
        )
    }

    /// Returns the route of a path, if it can have faults.
    pub(crate) fn of(path: &str) -> Option<Route> {
        match path {
            _ if path.ends_with("/.well-known/openid-configuration") => Some(Route::Metadata),
            _ if path.ends_with("/discovery/v2.0/keys") || path.ends_with("/discovery/keys") => {
                Some(Route::Keys)
            }
            _ if path.ends_with("/discovery/instance") => Some(Route::InstanceDiscovery),
            _ if ["/oauth2/v2.0/authorize", "/oauth2/authorize"]
                .iter()
                .any(|end| path.ends_with(end)) =>
            {
                Some(Route::Authorize)
            }
            _ if path.ends_with("/oauth2/v2.0/devicecode") => Some(Route::Device),
            _ if ["/oauth2/v2.0/token", "/oauth2/token"]
                .iter()
                .any(|end| path.ends_with(end)) =>
            {
                Some(Route::Token)
            }
            _ if path.ends_with("/:exchangeAccessToken") => Some(Route::Exchange),
            _ if path.starts_with("/identities") => Some(Route::Identities),
            _ if path.starts_with("/access/") => Some(Route::Assignments),
            "/emulator/managed-identity" => Some(Route::ManagedIdentity),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_json_are_those_of_the_routes() {
        for route in Route::ALL {
            assert_eq!(serde_json::json!(route), route.as_str());
            assert_eq!(Route::named(route.as_str()), Some(route));
        }
        assert_eq!(Route::named("Token"), None);
    }
}
