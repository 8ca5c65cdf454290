//! The parts of `serve` that belong to the command: confinement, dashboard, desktop notification.

pub(super) mod confinement;
#[cfg(debug_assertions)]
mod confinement_probe;
pub(super) mod dashboard;
pub(super) mod notification;
