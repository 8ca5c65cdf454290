mod assignments;
mod error;
mod exchange;
mod identities;
pub(crate) mod operations;
mod request;
pub(crate) mod token;
