//! The limits of one listener: counts, sizes and deadlines.

use std::time::Duration;

/// The limits of one listener. A caller counts as unknown until the service calls
/// [`Caller::trust`](super::serve::Caller::trust) for one of its requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Most connections; further ones wait in the system's queue. At the limit, connections without a
    /// request are closed after one to two ticks.
    pub(crate) connections: usize,
    /// Most connections with buffers. A connection has buffers from a request's first byte on.
    pub(crate) buffers: usize,
    /// Most connections of unknown callers with buffers. The other buffers are for known callers.
    pub(crate) unauthenticated: usize,
    /// With more connections with buffers than this, or at the limit of connections, each connection
    /// releases its buffers after its response. A connection then ends if its caller sends or reads
    /// nothing for one to two ticks of an exchange, or pipelines requests. Pipelining ends an unknown
    /// caller's connection at any time.
    pub(crate) kept_buffers: usize,
    /// Bytes of a request's head without its cookies; 8 KiB at least.
    pub(crate) head: usize,
    /// How long an unknown caller's connection may stay open without a request.
    pub(crate) idle: Duration,
    /// How long a known caller's connection may stay open without a request.
    pub(crate) authenticated_idle: Duration,
    /// The time limit of an unknown caller's exchange, from the request's first byte until the system
    /// has taken the last byte of the response. It also limits every request's head and every TLS
    /// handshake, including those of known callers.
    pub(crate) unauthenticated_exchange: Duration,
    /// The time limit of a known caller's exchange. A response without a known length is exempt while
    /// the caller reads it.
    pub(crate) exchange: Duration,
    /// How long a response may wait for the caller to read its next part.
    pub(crate) stall: Duration,
    /// How long a caller may take to read its last response. Its further bytes are discarded.
    pub(crate) linger: Duration,
    /// The interval between two checks of the deadlines. Each deadline is exact to two intervals.
    pub(crate) tick: Duration,
    /// The time limit of responses in progress once the server stops.
    pub(crate) grace: Duration,
    /// Whether responses have a `Date` header with the machine's time. The emulator has another clock.
    pub(crate) dates: bool,
}
