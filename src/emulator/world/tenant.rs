//! Tenants, and the first path segment of an Entra URL.

use std::sync::Arc;

/// An Entra tenant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tenant {
    /// A GUID in lower case.
    pub(crate) id: String,
    /// The verified domain, in lower case.
    pub(crate) domain: String,
}

/// The first path segment of an Entra URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TenantPath {
    /// Any work, school or personal account.
    Common,
    /// Any work or school account.
    Organizations,
    /// One tenant, by GUID or domain.
    One(Arc<Tenant>),
}

impl TenantPath {
    /// Returns the name for pages.
    pub(crate) fn name(&self) -> &str {
        match self {
            TenantPath::Common => "any tenant (common)",
            TenantPath::Organizations => "any tenant (organizations)",
            TenantPath::One(tenant) => &tenant.domain,
        }
    }

    /// Returns the segment as metadata spells it: a domain becomes its GUID.
    pub(crate) fn segment(&self) -> &str {
        match self {
            TenantPath::Common => "common",
            TenantPath::Organizations => "organizations",
            TenantPath::One(tenant) => &tenant.id,
        }
    }
}
