//! The connection server of this crate's HTTP services, over hyper.
//!
//! Input: bound listeners, an optional TLS configuration, a handler of requests, and limits. Output:
//! the handler's responses. It bounds memory, connections and time, and closes connections of other
//! users unread, unless the caller asks for every peer. The handler decides about requests and
//! responses.

mod accept;
mod capacity;
mod connection;
mod exchange;
mod head;
#[cfg(test)]
mod slow_callers_tests;
mod stream;

pub(crate) use accept::serve;
#[cfg(any(feature = "emulator", feature = "exchange-service"))]
pub(crate) use accept::serve_network;
#[cfg(unix)]
pub(crate) use accept::serve_unix;
pub(crate) use capacity::Limits;
pub(crate) use connection::{Handler, handler};
pub(crate) use exchange::Caller;
