//! What is not configured and has no default: which of it a command lacks, and the words for it.

use super::Config;
use super::resource::ResourceSetting;
use crate::error::{Error, Kind};

/// What a command cannot do without, and nobody has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// The application (client) id.
    ClientId,
    /// The ACS resource.
    Resource,
}

impl Config {
    /// What is missing for signing in, and `with_resource` also for a Communication token.
    pub fn missing(&self, with_resource: bool) -> Vec<Missing> {
        let has_resource = !matches!(self.resource, ResourceSetting::None);
        let all = [
            (self.client_id.is_none(), Missing::ClientId),
            (with_resource && !has_resource, Missing::Resource),
        ];
        let missing = all.into_iter().filter(|(is_missing, _)| *is_missing);
        missing.map(|(_, what)| what).collect()
    }

    /// Whether nobody has named a tenant, so that `organizations` holds.
    pub fn is_any_tenant(&self) -> bool {
        self.is_any_tenant
    }
}

/// Says all that is missing at once, and what to set.
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
