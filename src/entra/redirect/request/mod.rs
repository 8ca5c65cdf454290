//! Reads one request per connection, within limits on its size and time.
//!
//! tiny_http has no limits and accepts ambiguous message lengths. This reader rejects a request
//! that HTTP implementations could read differently (RFC 9112, section 11.2).

mod head;
mod limits;
mod parse;
mod protocol;
mod read;

pub(super) use limits::TIME_LIMIT;
pub(super) use parse::Request;
pub(super) use read::{ReadError, read};
