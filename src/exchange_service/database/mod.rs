//! PostgreSQL: the leases of the budget, and the identities of users.
//!
//! Replicas share nothing else. Numbered migrations create the schema under a lock.

mod identities;
mod leases;
mod migrations;
mod pool;
mod tls;

pub(super) use leases::{Lease, LeaseRequest};
pub(super) use pool::Database;
