//! Faults of the services: the catalogue, the selection for each request, and the effects.
//!
//! [`chosen`](choice::chosen) decides which faults affect a request: those of its header, else the
//! first stored one that matches, else those of its user. `effects` produces the response.

pub(crate) mod bodies;
pub(crate) mod catalogue;
pub(crate) mod choice;
pub(crate) mod effect;
pub(crate) mod effects;
pub(crate) mod route;
pub(crate) mod selection;
pub(crate) mod subject;
pub(crate) mod table;

pub use catalogue::{NamedFault, Parameter};
pub use effect::{Fault, FaultKind};
pub use route::Route;
pub use selection::FaultSelection;
