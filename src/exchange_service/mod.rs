//! The exchange service of an organisation: it holds the credential for the resource, and desktops hold
//! none.
//!
//! Input are two tokens of one user: one for this service, one for ACS. Output is a Communication
//! token. The service has no state but a cache. Replicas share the budget of the resource and the
//! identities of users through PostgreSQL, if there is a database. It signs no user in, and has no part
//! of the command.

mod database;
mod exchange;
mod expiring;
mod limits;
mod records;
mod routes;
mod server;
mod settings;
mod tokens;
mod traces;

pub use server::{Streams, run};
pub use settings::Settings;
