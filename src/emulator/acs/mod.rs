//! The data plane of one ACS resource.
//!
//! A request is checked in the service's order: path, method, api-version, signature, body.

mod access;
mod assignments;
mod caller;
mod error;
mod exchange;
mod identities;
mod identity_id;
mod json_body;
pub(crate) mod operations;
pub(crate) mod token;
mod version;
