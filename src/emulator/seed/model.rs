//! The shape of a seed file.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::emulator::aadsts::EntraError;
use crate::emulator::rate_limits::RateLimits;
use crate::emulator::world::application::{Federation, Platform};
use crate::emulator::world::resource::ExchangeKind;

/// A seed file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SeedFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenants: Option<Vec<SeedTenant>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) applications: Option<Vec<SeedApplication>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) users: Option<Vec<SeedUser>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) groups: Option<Vec<SeedGroup>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resources: Option<Vec<SeedResource>>,
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SeedTenant {
    pub(crate) domain: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
}

/// An app registration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SeedApplication {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    /// The domain or id of the only tenant that knows the application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object_id: Option<String>,
    #[serde(default, skip_serializing_if = "Platforms::is_empty")]
    pub(crate) platforms: Platforms,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) secrets: Vec<Secret>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) certificate: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) federated_credentials: Vec<Federation>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) allow_public_client_flows: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api: Option<SeedApi>,
}

/// The redirect URIs of each platform.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Platforms {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) native: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) spa: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) web: Vec<String>,
}

impl Platforms {
    fn is_empty(&self) -> bool {
        self.named().iter().all(|(_, _, uris)| uris.is_empty())
    }

    /// Returns each platform with its key and its redirect URIs.
    pub(crate) fn named(&self) -> [(&'static str, Platform, &[String]); 3] {
        [
            ("native", Platform::Native, &self.native),
            ("spa", Platform::Spa, &self.spa),
            ("web", Platform::Web, &self.web),
        ]
    }
}

/// The API that an application exposes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SeedApi {
    /// Application ID URIs; without one, `api://CLIENT_ID`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) identifier_uris: Vec<String>,
    pub(crate) scopes: Vec<String>,
    /// The version of its access tokens: 1, as without it, or 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_version: Option<u8>,
    /// Client ids and names of applications whose users need no consent to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) pre_authorized: Vec<String>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SeedUser {
    pub(crate) username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// The home tenant; without one, that of the name's domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) guest_of: Vec<SeedGuest>,
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub(crate) teams_licence: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) simulate: Option<Simulated>,
    /// The names of the faults that this user's requests have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) faults: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// A guest account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SeedGuest {
    pub(crate) tenant: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object_id: Option<String>,
}

/// A condition: the name of a published one, or an error of Entra.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected the name of a condition, or a table with `at` and `error`"
)]
pub(crate) enum Simulated {
    Named(String),
    Error(SimulatedError),
}

/// An error of Entra at one point of the sign-in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SimulatedError {
    pub(crate) at: ErrorAt,
    pub(crate) error: EntraError,
}

/// The point of the sign-in at which an error occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ErrorAt {
    /// An error page at the end of the sign-in.
    SignIn,
    /// Each use of the refresh token.
    Refresh,
    /// Each use of the refresh token, with a claims challenge.
    Challenge,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SeedGroup {
    pub(crate) name: String,
    pub(crate) tenant: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object_id: Option<String>,
    /// User names.
    #[serde(default)]
    pub(crate) members: Vec<String>,
}

/// An ACS resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SeedResource {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) keys: SeedKeys,
    /// User names and client ids of the principals with a role; without a list, the first user and
    /// the first application that signs no users in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) managers: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) disable_local_auth: bool,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) revocation_delay_seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limits: Option<SeedLimits>,
    /// API versions; without a list, all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_versions: Option<Vec<String>>,
    /// Without a list, each user of the first tenant is assigned with the first application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) assignments: Option<Vec<SeedAssignment>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) http_port: u16,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) https_port: u16,
}

/// The access keys, Base64.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SeedKeys {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) primary: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secondary: Option<Secret>,
}

/// The numbers of requests in one window; an absent member is the documented limit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SeedLimits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) window_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) create: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) create_with_token: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issue: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revoke: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delete: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exchange: Option<u32>,
}

impl From<&RateLimits> for SeedLimits {
    fn from(limits: &RateLimits) -> SeedLimits {
        SeedLimits {
            window_seconds: Some(limits.window.as_secs()),
            create: Some(limits.create),
            create_with_token: Some(limits.create_with_token),
            issue: Some(limits.issue),
            revoke: Some(limits.revoke),
            delete: Some(limits.delete),
            exchange: Some(limits.exchange),
        }
    }
}

/// An assignment of a principal to a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SeedAssignment {
    pub(crate) exchange: ExchangeKind,
    /// `user`, `group`, `tenant` or `resourceAccount`.
    pub(crate) principal_type: String,
    /// A user name, a group's name, a tenant's domain, or an object id.
    pub(crate) principal: String,
    /// The tenant; without one, the principal's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<String>,
    /// Client ids or names of applications; without a list, the first application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clients: Option<Vec<String>>,
}

/// A text that no error and no `Debug` output shows.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_true(value: &bool) -> bool {
    *value
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

fn is_zero<N: Default + PartialEq>(value: &N) -> bool {
    *value == N::default()
}
