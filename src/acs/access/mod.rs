//! The permission to exchange tokens without an access key: the assignments of a resource.
//!
//! Input: a client of the resource with its owner's credential, and object ids. Output: the
//! assignments and each change. The module looks up no names, and never sends the token of a user.

mod assignment;
mod client;

pub use assignment::{
    AccessFamily, Assignment, GrantChange, Granted, PrincipalType, RevokeChange, check_object_id,
};
pub use client::AccessClient;
