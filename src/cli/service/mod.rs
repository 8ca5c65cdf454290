//! The parts of `serve` that belong to the command: confinement, dashboard, desktop notification, and the
//! plan of an installed service.

pub(super) mod confinement;
#[cfg(debug_assertions)]
mod confinement_probe;
pub(super) mod dashboard;
pub(super) mod notification;
pub(super) mod plan;
