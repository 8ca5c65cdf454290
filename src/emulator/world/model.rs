//! The data and its lookups.

use std::sync::Arc;

use super::api::{Api, MICROSOFT_APIS};
use super::application::Application;
use super::resource::Resource;
use super::tenant::{Tenant, TenantPath};
use super::user::User;
use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::seed::model::SeedFile;

/// The tenant id of all personal accounts.
pub(crate) const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
/// The id of a resource that does not exist here: its identities are another's.
pub(crate) const OTHER_RESOURCE_ID: &str = "ac5ba55e-0ac5-4000-8000-0000000000e2";
/// The name of an identity of [`OTHER_RESOURCE_ID`].
pub(crate) const OTHER_IDENTITY: &str = "00000007-0464-274b-b274-5a3a0d000101";
/// The `X-IDENTITY-HEADER` that proves to the managed identity's endpoint that a caller runs on the
/// same machine.
pub(crate) const IDENTITY_HEADER: &str = "worthless-emulator-identity-header";

/// All configured data.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) tenants: Vec<Arc<Tenant>>,
    /// The first one is the application of the emulator's settings.
    pub(crate) applications: Vec<Arc<Application>>,
    /// The first one signs in if none is chosen.
    pub(crate) users: Vec<Arc<User>>,
    pub(crate) groups: Vec<Group>,
    pub(crate) apis: Vec<Arc<Api>>,
    /// The first one listens at the emulator's main ports.
    pub(crate) resources: Vec<Arc<Resource>>,
    /// The seed of this data, with all ids.
    pub(crate) seed: SeedFile,
}

/// A security group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) object_id: String,
    /// The object ids of the members in the group's tenant.
    pub(crate) members: Vec<String>,
}

/// Returns whether the first path segment of an Entra URL names the personal accounts.
pub(crate) fn is_consumers(segment: &str) -> bool {
    segment.eq_ignore_ascii_case("consumers") || segment.eq_ignore_ascii_case(CONSUMERS)
}

impl World {
    /// Returns the tenant that the first path segment of an Entra URL names.
    pub(crate) fn tenant_path(&self, segment: &str) -> Result<TenantPath, EntraError> {
        if is_consumers(segment) {
            return Err(aadsts::CONSUMERS_TENANT);
        }
        match segment.to_ascii_lowercase().as_str() {
            "common" => Ok(TenantPath::Common),
            "organizations" => Ok(TenantPath::Organizations),
            name => self
                .tenant(name)
                .map(|tenant| TenantPath::One(Arc::clone(tenant)))
                .ok_or_else(|| aadsts::UNKNOWN_TENANT.about(&[segment])),
        }
    }

    /// Returns the tenant with this id or domain, in lower case.
    pub(crate) fn tenant(&self, name: &str) -> Option<&Arc<Tenant>> {
        let mut tenants = self.tenants.iter();
        tenants.find(|tenant| tenant.id == name || tenant.domain == name)
    }

    /// Returns the application with this client id, in any case, if this tenant knows it.
    pub(crate) fn application(&self, client: &str, at: &TenantPath) -> Option<&Arc<Application>> {
        let mut applications = self.applications.iter();
        let is_named = |app: &&Arc<Application>| app.client_id.eq_ignore_ascii_case(client);
        applications.find(|app| is_named(app) && app.is_known_at(at))
    }

    /// Returns the first application, which the emulator's settings name.
    pub(crate) fn main_application(&self) -> &Application {
        &self.applications[0]
    }

    /// Returns the applications that authenticate themselves and sign no users in.
    pub(crate) fn services(&self) -> impl Iterator<Item = &Arc<Application>> {
        let applications = self.applications.iter();
        applications.filter(|app| app.has_credentials() && !app.signs_users_in())
    }

    /// Returns the user of this name, in any case.
    pub(crate) fn user_named(&self, username: &str) -> Option<&Arc<User>> {
        let username = username.trim();
        let mut users = self.users.iter();
        users.find(|user| user.username.eq_ignore_ascii_case(username))
    }

    /// Returns the user with this object id in the home tenant.
    pub(crate) fn user_with_home_oid(&self, oid: &str) -> Option<&Arc<User>> {
        self.users.iter().find(|user| user.home.oid == oid)
    }

    /// Returns the user with this object id in this tenant, at home or as a guest.
    pub(crate) fn user_in_tenant(&self, oid: &str, tenant_id: &str) -> Option<&Arc<User>> {
        let mut users = self.users.iter();
        users.find(|user| user.is_in_tenant(oid, tenant_id))
    }

    /// Returns the users without a simulated condition.
    pub(crate) fn ordinary_users(&self) -> impl Iterator<Item = &Arc<User>> {
        self.users.iter().filter(|user| !user.is_persona)
    }

    /// Returns the users with a simulated condition.
    pub(crate) fn personas(&self) -> impl Iterator<Item = &Arc<User>> {
        self.users.iter().filter(|user| user.is_persona)
    }

    /// Returns the object ids of the groups of a tenant with this member.
    pub(crate) fn groups_of(&self, oid: &str, tenant_id: &str) -> impl Iterator<Item = &str> {
        let groups = self.groups.iter().filter(move |group| {
            group.tenant.id == tenant_id && group.members.iter().any(|member| member == oid)
        });
        groups.map(|group| group.object_id.as_str())
    }

    /// Returns the API with this identifier, in any case.
    pub(crate) fn api_named(&self, name: &str) -> Option<&Api> {
        let mut apis = self.apis.iter().map(|api| &**api);
        apis.find(|api| api.identifier().eq_ignore_ascii_case(name))
    }

    /// Returns Microsoft Graph, the resource of scopes that name none.
    pub(crate) fn graph(&self) -> &'static Arc<Api> {
        &MICROSOFT_APIS[0]
    }
}
