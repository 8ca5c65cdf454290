//! The error for required settings that are not configured.

use crate::error::{Error, Kind};

/// A required setting that is not configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// The application (client) id.
    ClientId,
    /// The ACS resource.
    Resource,
}

/// Returns one error for all missing settings.
pub(crate) fn not_configured(missing: &[Missing]) -> Error {
    let (message, hint) = match missing {
        [Missing::Resource] => (
            "no ACS resource is configured",
            "set COMMUNICATION_SERVICES_CONNECTION_STRING or run `acspass config set \
             connection-string`, which keeps it in the store; `--emulator` needs none",
        ),
        [Missing::ClientId] => (
            "no client id is configured",
            "set ACSPASS_CLIENT_ID or run `acspass config set client-id GUID` with the \
             application's id; where none is registered yet, `acspass setup` shows how; \
             `--emulator` needs none",
        ),
        _ => (
            "no client id and no ACS resource are configured",
            "set ACSPASS_CLIENT_ID and COMMUNICATION_SERVICES_CONNECTION_STRING, or run `acspass \
             config set client-id GUID` and `acspass config set connection-string`, which keeps it \
             in the store; for a tenant of your own also ACSPASS_TENANT_ID or `acspass config set \
             tenant TENANT`. Where no application is registered yet, `acspass setup` shows how; \
             `--emulator` needs none of it. At a terminal, `acspass get` asks for them",
        ),
    };
    Error::new(Kind::Usage, message, hint)
}
