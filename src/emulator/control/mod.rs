//! The control API below `/_emulator/v1`: what a test or a developer can read and change in a running
//! emulator.
//!
//! One table (`table.rs`) has the routes. The dispatch (`dispatch.rs`), the check of each request
//! (`schema.rs`) and the OpenAPI document (`openapi.rs`) are made from it. Handlers call the same
//! functions as the methods of [`Emulator`](super::Emulator). A change requires a header that a web
//! page cannot send without a CORS preflight, and no response allows other origins. Control requests
//! are not in the journal.

mod clock;
mod dispatch;
mod faults;
mod info;
mod journal;
mod keys;
mod openapi;
mod reset;
mod resources;
mod route;
mod schema;
mod sessions;
mod snapshot;
mod table;
mod tokens;
mod users;

pub(crate) use dispatch::{refused, respond};
pub(crate) use table::document;

#[cfg(test)]
mod tests;
