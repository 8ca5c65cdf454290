//! The rate limits of a resource.

use std::time::Duration;

/// The number of requests of each kind that the resource accepts in one window. The defaults are
/// the documented limits of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimits {
    /// The window, which begins with the first request in it.
    pub window: Duration,
    /// Identities created without a token.
    pub create: u32,
    /// Identities created with a token.
    pub create_with_token: u32,
    /// Tokens issued.
    pub issue: u32,
    /// Revocations.
    pub revoke: u32,
    /// Identities deleted.
    pub delete: u32,
    /// Exchanges, each kind separately.
    pub exchange: u32,
}

impl Default for RateLimits {
    fn default() -> Self {
        RateLimits {
            window: Duration::from_secs(30),
            create: 1000,
            create_with_token: 1000,
            issue: 1000,
            revoke: 500,
            delete: 500,
            exchange: 500,
        }
    }
}

/// The operation of a creation that also asks for a token.
pub(crate) const CREATE_WITH_TOKEN: &str = "create_identity with token";

impl RateLimits {
    /// Returns the limit of an operation, if one is documented.
    pub(crate) fn of(&self, operation: &str) -> Option<u32> {
        match operation {
            "create_identity" => Some(self.create),
            CREATE_WITH_TOKEN => Some(self.create_with_token),
            "issue_token" => Some(self.issue),
            "revoke_tokens" => Some(self.revoke),
            "delete_identity" => Some(self.delete),
            "exchange" | "entra_exchange" | "teams_extension_exchange" => Some(self.exchange),
            _ => None,
        }
    }
}
