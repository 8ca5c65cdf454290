//! Entra ID: metadata, keys, the authorize page and the token endpoint of each tenant.
//!
//! Requests to `/{tenant}/…` get the response of login.microsoftonline.com, as far as it is known
//! from the documentation and recordings. There are no passwords and no device registration.

mod aadsts;
mod authorize;
mod claims;
mod client_authentication;
mod client_credentials;
mod device;
mod error;
pub(crate) mod managed_identity;
mod metadata;
mod params;
mod requirements;
pub(crate) mod routes;
mod scope;
mod token;
mod tokens;
