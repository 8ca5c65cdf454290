//! The parameters of an OAuth request.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::verify::ensure;
use crate::emulator::world::World;
use crate::emulator::world::application::Application;
use crate::emulator::world::tenant::TenantPath;

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
        let missing = || aadsts::MISSING_PARAMETER.about(&[name]);
        self.get(name).ok_or_else(missing)
    }

    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        self.0.clone().into_iter().collect()
    }
}

pub(crate) fn unknown_client(world: &World, client: &str, segment: &str) -> EntraError {
    let main = &world.main_application().client_id;
    aadsts::UNKNOWN_CLIENT.about(&[client, segment, main])
}

/// Returns the application with this client id at the tenant of a URL, if it may sign users in there.
pub(crate) fn application_of_users(
    world: &World,
    client: &str,
    tenant: &TenantPath,
    segment: &str,
) -> Result<Arc<Application>, EntraError> {
    let application = application(world, client, tenant, segment)?;
    check_audience(&application, tenant).map(|()| application)
}

/// Checks that an application of one tenant is not used at the name of all tenants.
pub(crate) fn check_audience(
    application: &Application,
    tenant: &TenantPath,
) -> Result<(), EntraError> {
    let is_at_one = matches!(tenant, TenantPath::One(_));
    let single =
        aadsts::SINGLE_TENANT.about(&[&application.client_id, &application.name, tenant.segment()]);
    ensure(is_at_one || application.tenant.is_none(), single)
}

/// Returns the application with this client id at the tenant of a URL.
pub(crate) fn application(
    world: &World,
    client: &str,
    tenant: &TenantPath,
    segment: &str,
) -> Result<Arc<Application>, EntraError> {
    let found = world.application(client, tenant).map(Arc::clone);
    found.ok_or_else(|| unknown_client(world, client, segment))
}
