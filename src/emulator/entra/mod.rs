//! Entra ID: metadata, keys, the authorize page and the token endpoint of each tenant.
//!
//! Requests to `/{tenant}/…` get the response of login.microsoftonline.com, as far as it is known
//! from the documentation and recordings. There are no passwords and no device registration.

pub(crate) mod apps;
mod authorize;
mod device;
mod error;
mod metadata;
mod on_behalf_of;
pub(crate) mod params;
mod requirements;
pub(crate) mod routes;
mod token;
pub(crate) mod tokens;
mod v1;
