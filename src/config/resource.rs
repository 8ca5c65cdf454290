//! The ACS resource in the settings: its endpoint and its credential.
//!
//! It is parsed when it is used, so that a malformed connection string does not prevent a sign-out.

use std::fmt;

use zeroize::Zeroizing;

use super::missing::{Missing, not_configured};
use super::setting::{ACCESS_KEY_VARIABLE, Setting};
use super::sources::{Found, Origin, Sources, with_origin};
use crate::acs::{ConnectionString, Endpoint, check_access_key};
use crate::error::Result;
use crate::input;
use crate::secret::AccessKey;

/// The ACS resource and its credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The key, or its source.
    pub key: KeySource,
}

/// The source of a resource's access key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySource {
    /// It was given.
    Given(AccessKey),
    /// The store keeps the connection string of this profile.
    Stored,
    /// There is none.
    None,
}

/// A resource as a user enters it, in one line.
#[derive(Debug)]
#[non_exhaustive]
pub enum GivenResource {
    /// With its key.
    ConnectionString(ConnectionString),
    /// An endpoint without a key: the credential is a principal, or the user's token.
    Endpoint(Endpoint),
}

impl GivenResource {
    /// Reads a connection string, or an endpoint. An Entra token must be allowed there, since one
    /// will be sent there: to ACS's own hosts, and to `allowed_hosts`.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) with the fault, without the text.
    pub fn parse(text: &str, allowed_hosts: &[String]) -> Result<Self> {
        let text = &*input::connection_string(text);
        let given = match text.contains([';', '=']) {
            true => GivenResource::ConnectionString(ConnectionString::parse(text)?),
            false => GivenResource::Endpoint(Endpoint::parse(text)?),
        };
        given.endpoint().check_may_receive(allowed_hosts)?;
        Ok(given)
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        match self {
            GivenResource::ConnectionString(read) => &read.endpoint,
            GivenResource::Endpoint(endpoint) => endpoint,
        }
    }
}

/// The settings as they were found, not yet read.
pub(super) enum ResourceSetting {
    None,
    ConnectionString {
        text: Zeroizing<String>,
        from: &'static str,
    },
    Endpoint {
        found: Found,
        key: Option<Zeroizing<String>>,
        is_stored: bool,
    },
}

impl fmt::Debug for ResourceSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ResourceSetting::None => "None",
            ResourceSetting::ConnectionString { .. } => "ConnectionString([redacted])",
            ResourceSetting::Endpoint { .. } => "Endpoint([redacted])",
        })
    }
}

impl ResourceSetting {
    pub(super) fn find(sources: &Sources<'_>) -> Self {
        let given = |text: &str, from| ResourceSetting::ConnectionString {
            text: Zeroizing::new(text.to_owned()),
            from,
        };
        if let Some(text) = sources.emulator.get(&Setting::ConnectionString) {
            return given(text, "the emulator");
        }
        for name in input::CONNECTION_STRING_VARIABLES {
            if let Some(text) = sources.variable(name) {
                return given(text, name);
            }
        }
        let Some(found) = sources.find(Setting::Endpoint) else {
            return ResourceSetting::None;
        };
        let is_from_profile = found.origin == Origin::Profile;
        let key = sources.variable(ACCESS_KEY_VARIABLE);
        ResourceSetting::Endpoint {
            key: key
                .filter(|_| !is_from_profile)
                .map(|key| Zeroizing::new(key.to_owned())),
            is_stored: is_from_profile
                && sources.profile.value(Setting::ConnectionString).is_some(),
            found,
        }
    }

    pub(super) fn read(&self) -> Result<Resource> {
        match self {
            ResourceSetting::None => Err(not_configured(&[Missing::Resource])),
            ResourceSetting::ConnectionString { text, from } => {
                let read = ConnectionString::parse(text)
                    .map_err(|error| error.caused_by(format!("the value comes from {from}")))?;
                Ok(Resource {
                    endpoint: read.endpoint,
                    key: KeySource::Given(read.access_key),
                })
            }
            ResourceSetting::Endpoint {
                found,
                key,
                is_stored,
            } => Ok(Resource {
                endpoint: Endpoint::parse(&found.text)
                    .map_err(|error| with_origin(error, &[found]))?,
                key: match (key, is_stored) {
                    (Some(key), _) => KeySource::Given(check_access_key(key)?),
                    (None, true) => KeySource::Stored,
                    (None, false) => KeySource::None,
                },
            }),
        }
    }
}
