//! The `scope` parameter of Entra's endpoints.

use super::aadsts;
use super::error::EntraError;
use super::params::missing;
use crate::emulator::scopes::{BadScope, Scopes};

/// Reads a `scope` parameter with at least one scope.
pub(crate) fn read_scopes(text: &str) -> Result<Scopes, EntraError> {
    match Scopes::parse(text) {
        Ok(scopes) if scopes.is_empty() => Err(missing("scope")),
        Ok(scopes) => Ok(scopes),
        Err(BadScope::Scope(scope)) => Err(aadsts::INVALID_SCOPE.about(&[&scope])),
        Err(BadScope::Resource(scope)) => Err(aadsts::UNKNOWN_RESOURCE.about(&[&scope])),
    }
}
