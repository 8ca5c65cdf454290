//! The routes: requests are read, decided and recorded, and get a response.

mod decision;
mod form;
mod health;
mod identity;
mod response;
mod router;
mod service;
mod token;

pub(super) use health::is_ready;
pub(super) use router::{metrics_router, router};
pub(super) use service::{Health, Service};
