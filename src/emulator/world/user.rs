//! Users: each has an account in a home tenant, and perhaps guest accounts in others.

use std::sync::Arc;

use super::requirement::SignInRequirement;
use super::tenant::{Tenant, TenantPath};

/// A user.
#[derive(Debug)]
pub(crate) struct User {
    /// The name for the sign-in.
    pub(crate) username: String,
    /// The display name.
    pub(crate) name: String,
    /// The account in the home tenant.
    pub(crate) home: Member,
    /// The accounts in other tenants.
    pub(crate) guests: Vec<Member>,
    /// Whether a Teams service plan is assigned.
    pub(crate) has_teams_licence: bool,
    pub(crate) requirement: SignInRequirement,
    /// The names of the faults that this user's requests have.
    pub(crate) faults: Vec<String>,
    /// A description for pages; empty if there is none.
    pub(crate) note: String,
    /// Whether the user simulates a condition.
    pub(crate) is_persona: bool,
}

/// A user's account in one tenant.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) tenant: Arc<Tenant>,
    /// The object id in that tenant.
    pub(crate) oid: String,
}

impl User {
    /// Returns the account for a sign-in at `tenant`: at home for the multi-tenant names, else in
    /// that tenant, if there is one.
    pub(crate) fn seen_from(&self, tenant: &TenantPath) -> Option<&Member> {
        match tenant {
            TenantPath::Common | TenantPath::Organizations => Some(&self.home),
            TenantPath::One(tenant) => self.accounts().find(|m| m.tenant == *tenant),
        }
    }

    /// Returns whether the page of a sign-in at `tenant` offers the user.
    pub(crate) fn is_offered_at(&self, tenant: &TenantPath) -> bool {
        self.seen_from(tenant).is_some()
    }

    /// Returns whether one of the accounts has this object id in this tenant.
    pub(crate) fn is_in_tenant(&self, oid: &str, tenant_id: &str) -> bool {
        let is_it = |member: &Member| member.oid == oid && member.tenant.id == tenant_id;
        self.accounts().any(is_it)
    }

    /// Returns the account in a tenant, at home or as a guest.
    pub(crate) fn account_in(&self, tenant: &Tenant) -> Option<&Member> {
        self.accounts().find(|member| *member.tenant == *tenant)
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.home).chain(&self.guests)
    }
}
