//! The ACS resource in the settings: its endpoint and its credential.

use super::setting::{ACCESS_KEY_VARIABLE, Setting};
use super::sources::{Found, Origin, Sources};
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

/// Reads the resource of the settings; `None` if there is none.
pub(super) fn find(sources: &Sources<'_>) -> Option<Result<Resource>> {
    let mut variables = input::CONNECTION_STRING_VARIABLES.into_iter();
    let emulated = sources.emulator.get(&Setting::ConnectionString);
    let given = match emulated {
        Some(text) => Some((text.as_str(), "the emulator")),
        None => variables.find_map(|name| Some((sources.variable(name)?, name))),
    };
    let Some((text, from)) = given else {
        return Some(with_endpoint(sources, &sources.find(Setting::Endpoint)?));
    };
    let read = ConnectionString::parse(text)
        .map_err(|error| error.caused_by(format!("the value comes from {from}")));
    Some(read.map(|read| Resource {
        endpoint: read.endpoint,
        key: KeySource::Given(read.access_key),
    }))
}

/// Reads the resource of the setting `endpoint`. The key has the same source.
fn with_endpoint(sources: &Sources<'_>, found: &Found) -> Result<Resource> {
    let endpoint = found.parse(Endpoint::parse)?;
    let is_from_profile = found.origin == Origin::Profile;
    let key = match sources.variable(ACCESS_KEY_VARIABLE) {
        Some(key) if !is_from_profile => KeySource::Given(check_access_key(key)?),
        _ if is_from_profile && sources.profile.value(Setting::ConnectionString).is_some() => {
            KeySource::Stored
        }
        _ => KeySource::None,
    };
    Ok(Resource { endpoint, key })
}
