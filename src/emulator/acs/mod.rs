mod assignments;
pub(crate) mod error;
mod exchange;
mod identities;
pub(crate) mod operations;
pub(crate) mod request;
pub(crate) mod token;
pub(crate) mod versions;
