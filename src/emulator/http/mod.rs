//! Requests as handlers receive them, and replies before the headers that every reply carries.

mod request;
mod response;

pub(crate) use request::{Listener, Request};
pub(crate) use response::Reply;
