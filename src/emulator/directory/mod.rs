//! The fixed data of the emulated services: tenants, users, apps and the ACS resource.

mod apps;
mod tenants;
mod users;

pub(crate) use apps::*;
pub(crate) use tenants::{CONTOSO, Member, NoTenant, Tenant};
pub(crate) use users::{Refused, SignInRequirement, User, everyone, ordinary, personas};
