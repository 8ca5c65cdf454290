//! The configured data of the emulated services: tenants, applications, users, groups, APIs and
//! resources.
//!
//! A seed defines it. A `World` never changes: a change makes another one from a changed seed.

pub(crate) mod api;
pub(crate) mod application;
mod build;
mod model;
pub(crate) mod requirement;
pub(crate) mod resource;
pub(crate) mod tenant;
pub(crate) mod user;

pub(crate) use build::build;
pub(crate) use model::{
    CONSUMERS, IDENTITY_HEADER, OTHER_IDENTITY, OTHER_RESOURCE_ID, World, is_consumers,
};

#[cfg(test)]
impl World {
    /// Returns the data without a seed.
    pub(crate) fn published() -> World {
        build(crate::emulator::seed::read::published().clone())
            .expect("the published data is valid")
    }
}
