mod assignments;
pub(crate) mod error;
mod exchange;
mod identities;
pub(crate) mod operations;
mod request;
pub(crate) mod token;
