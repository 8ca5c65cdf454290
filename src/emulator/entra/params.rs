//! The parameters of an OAuth request, and the tenant in its path.

use std::collections::BTreeMap;

use super::aadsts;
use super::error::EntraError;
use crate::emulator::directory::{CLIENT_ID, NoTenant, Tenant};
use crate::emulator::ensure::ensure;

/// Parameters by name.
#[derive(Debug, Default)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// Parses a query or a form.
    ///
    /// # Errors
    /// Returns an error if a name occurs twice (RFC 6749, section 3.1).
    pub(crate) fn parse(encoded: &[u8]) -> Result<Params, EntraError> {
        let mut params = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(encoded) {
            if params.contains_key(&*name) {
                return Err(aadsts::DUPLICATE_PARAMETER.about(&[&name]));
            }
            params.insert(name.into_owned(), value.into_owned());
        }
        Ok(Params(params))
    }

    /// Returns a value. An empty value counts as absent (RFC 6749, section 3.1).
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// Returns a required value.
    pub(crate) fn need(&self, name: &str) -> Result<&str, EntraError> {
        self.get(name).ok_or_else(|| missing(name))
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    pub(crate) fn into_pairs(self) -> Vec<(String, String)> {
        self.0.into_iter().collect()
    }
}

pub(crate) fn missing(name: &str) -> EntraError {
    aadsts::MISSING_PARAMETER.about(&[name])
}

/// Returns the tenant of a path segment.
pub(crate) fn tenant_named(segment: &str) -> Result<Tenant, EntraError> {
    Tenant::parse(segment).map_err(|why| match why {
        NoTenant::Unknown => aadsts::UNKNOWN_TENANT.about(&[segment]),
        NoTenant::Consumers => aadsts::CONSUMERS_TENANT,
    })
}

pub(crate) fn unknown_client(client: &str, segment: &str) -> EntraError {
    aadsts::UNKNOWN_CLIENT.about(&[client, segment, CLIENT_ID])
}

/// Checks that a client is the app that signs users in.
pub(crate) fn check_client(client: &str, segment: &str) -> Result<(), EntraError> {
    ensure(client == CLIENT_ID, unknown_client(client, segment))
}
