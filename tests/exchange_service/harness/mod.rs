//! The service, its emulator, tokens, HTTP and PostgreSQL of the tests.

mod desktop;
mod http;
mod postgres;
mod service;
mod tokens;

pub(crate) use desktop::Desktop;
pub(crate) use http::{Response, send};
pub(crate) use postgres::Postgres;
pub(crate) use service::{CLIENT, Service, until};
pub(crate) use tokens::{AUDIENCE, acs_token, own_token, own_token_of, with_claims};
