//! The settings of ACS resources.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest;
use serde::{Deserialize, Serialize};

use crate::emulator::rate_limits::RateLimits;

/// An ACS resource.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) name: String,
    /// The id in its tokens and identities: a GUID in lower case.
    pub(crate) id: String,
    pub(crate) keys: AccessKeys,
    /// The principals with a role on the resource.
    pub(crate) managers: Vec<Manager>,
    /// Access keys are refused (`disableLocalAuth`).
    pub(crate) has_no_local_auth: bool,
    /// The time between a revocation and its effect.
    pub(crate) revocation_delay: Duration,
    /// The rate limits; without them there is no limit.
    pub(crate) limits: Option<RateLimits>,
    /// The only API versions that the resource supports; without a list, all that are known.
    pub(crate) versions: Option<Vec<String>>,
    pub(crate) assignments: Vec<Assignment>,
    /// The ports of the listeners; 0 takes a free one. The first resource has the main ports.
    pub(crate) http_port: u16,
    pub(crate) https_port: u16,
}

impl Resource {
    /// Returns whether the resource may support this API version.
    pub(crate) fn has_version(&self, version: &str) -> bool {
        let own = self.versions.as_ref();
        own.is_none_or(|own| own.iter().any(|own| own == version))
    }

    /// Returns whether an Entra principal has a role on the resource.
    pub(crate) fn is_managed_by(&self, object_id: &str, tenant_id: &str) -> bool {
        let is_tenant = |tenant: &String| tenant == tenant_id;
        self.managers.iter().any(|manager| {
            manager.object_id == object_id && manager.tenant_id.as_ref().is_none_or(is_tenant)
        })
    }
}

/// A principal with a role on a resource.
#[derive(Debug)]
pub(crate) struct Manager {
    pub(crate) object_id: String,
    /// The tenant; without one, the principal is an application of every tenant.
    pub(crate) tenant_id: Option<String>,
}

/// The two access keys of a resource.
#[derive(Debug)]
pub(crate) struct AccessKeys {
    pub(crate) primary: AccessKey,
    pub(crate) secondary: AccessKey,
}

impl AccessKeys {
    /// Returns both keys with their names.
    pub(crate) fn named(&self) -> [(&'static str, &AccessKey); 2] {
        [("primary", &self.primary), ("secondary", &self.secondary)]
    }

    /// Returns whether one of the keys has this fingerprint.
    pub(crate) fn has(&self, fingerprint: &str) -> bool {
        let mut keys = self.named().into_iter();
        keys.any(|(_, key)| key.fingerprint == fingerprint)
    }
}

const FINGERPRINT_BYTES: usize = 9;

/// An access key. It is a secret in form only.
#[derive(Clone)]
pub(crate) struct AccessKey {
    /// The key as a connection string spells it: Base64.
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
    /// A text that names the key and does not disclose it.
    pub(crate) fingerprint: String,
}

impl AccessKey {
    /// Reads a key from its Base64; `None` for any other text.
    pub(crate) fn parse(text: &str) -> Option<AccessKey> {
        let bytes = STANDARD.decode(text).ok()?;
        let digest = digest::digest(&digest::SHA256, &bytes);
        let fingerprint = URL_SAFE_NO_PAD.encode(&digest.as_ref()[..FINGERPRINT_BYTES]);
        let text = text.to_owned();
        (!bytes.is_empty()).then_some(AccessKey {
            text,
            bytes,
            fingerprint,
        })
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(redacted)")
    }
}

/// The kind of exchange that an assignment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ExchangeKind {
    Entra,
    TeamsExtension,
}

/// An assignment of a principal to a resource, in the service's JSON shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Assignment {
    #[serde(skip)]
    pub(crate) kind: ExchangeKind,
    pub(crate) object_id: String,
    pub(crate) tenant_id: String,
    /// The principal's type in the service's spelling.
    pub(crate) principal_type: String,
    pub(crate) client_ids: Vec<String>,
}

/// Returns a connection string with this endpoint.
pub(crate) fn connection_string(url: &str, key: &AccessKey) -> String {
    format!("endpoint={url}/;accesskey={}", key.text)
}
