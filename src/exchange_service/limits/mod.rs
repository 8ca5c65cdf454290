//! The limits: of one user in this replica, and of the resource in all replicas.

mod budget;
mod users;

pub(super) use budget::{
    Permit, Reservation, ResourceBudget, Share, ShareSource, WINDOW, has_ended,
};
pub(super) use users::UserLimits;
