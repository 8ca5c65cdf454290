//! The Entra tenants.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The tenant id of all personal accounts.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// An Entra tenant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Directory {
    pub(crate) id: &'static str,
    /// The verified domain.
    pub(crate) domain: &'static str,
}

pub(crate) static CONTOSO: Directory = Directory {
    id: "ac5ba55e-7e4a-4000-8000-000000000001",
    domain: "contoso.example",
};
pub(crate) static FABRIKAM: Directory = Directory {
    id: "ac5ba55e-7e4a-4000-8000-000000000002",
    domain: "fabrikam.example",
};

/// The first path segment of an Entra URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tenant {
    /// Any work, school or personal account.
    Common,
    /// Any work or school account.
    Organizations,
    /// One tenant, by GUID or domain.
    One(&'static Directory),
}

/// The reason why a path segment names no usable tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoTenant {
    /// There is no such tenant.
    Unknown,
    /// Personal accounts, which this work-only app does not accept.
    Consumers,
}

impl Tenant {
    pub(crate) fn parse(segment: &str) -> Result<Tenant, NoTenant> {
        match segment.to_ascii_lowercase().as_str() {
            "common" => Ok(Tenant::Common),
            "organizations" => Ok(Tenant::Organizations),
            "consumers" | CONSUMERS => Err(NoTenant::Consumers),
            name => [&CONTOSO, &FABRIKAM]
                .into_iter()
                .find(|directory| directory.id == name || directory.domain == name)
                .map(Tenant::One)
                .ok_or(NoTenant::Unknown),
        }
    }

    /// Returns the segment as metadata spells it: a domain becomes its GUID.
    pub(crate) fn segment(self) -> &'static str {
        match self {
            Tenant::Common => "common",
            Tenant::Organizations => "organizations",
            Tenant::One(directory) => directory.id,
        }
    }
}

/// A user's account in one tenant.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Member {
    #[serde(deserialize_with = "directory")]
    pub(crate) directory: &'static Directory,
    /// The object id in that tenant.
    pub(crate) oid: &'static str,
}

/// Reads a tenant by its domain.
fn directory<'de, D: Deserializer<'de>>(domain: D) -> Result<&'static Directory, D::Error> {
    match Tenant::parse(<&str>::deserialize(domain)?) {
        Ok(Tenant::One(directory)) => Ok(directory),
        _ => Err(D::Error::custom("no such directory")),
    }
}
