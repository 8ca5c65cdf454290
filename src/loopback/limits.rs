//! What one listener takes upon itself: counts, sizes and deadlines.

use std::time::Duration;

/// The limits of one listener. A caller counts as unknown until the service calls
/// [`Caller::trust`](super::serve::Caller::trust) for one of its requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Connections that it holds at a time; the next ones wait in the system's queue. While all are
    /// taken, the ones without a request under way are closed after one to two ticks.
    pub(crate) connections: usize,
    /// Connections that may hold buffers at a time, which is from a request's first byte on.
    pub(crate) buffers: usize,
    /// Connections of unknown callers that may hold buffers at a time. The rest of the buffers is
    /// for known callers.
    pub(crate) unauthenticated: usize,
    /// While more connections than this hold buffers, or every connection is taken, each gives its
    /// buffers back after its answer. A caller loses its connection then if it sends or takes nothing for one to two ticks in the
    /// middle of an exchange, or does not wait for an answer before its next request. The latter
    /// ends an unknown caller's connection at any time.
    pub(crate) kept_buffers: usize,
    /// Bytes of a request's head without its cookies; 8 KiB at least.
    pub(crate) head: usize,
    /// How long an unknown caller's connection may stay open without a request.
    pub(crate) idle: Duration,
    /// How long a known caller's connection may stay open without a request.
    pub(crate) authenticated_idle: Duration,
    /// How long an exchange may take until its caller is known, from the request's first byte until
    /// the system has taken the answer's last one. Every request's head and every TLS handshake
    /// has to be complete in this time, a known caller's too.
    pub(crate) unauthenticated_exchange: Duration,
    /// How long a known caller's exchange may take. An answer without a known length is exempt: it
    /// may go on for as long as it is read.
    pub(crate) exchange: Duration,
    /// How long an answer may wait for the caller to take the next part of it.
    pub(crate) stall: Duration,
    /// How long a caller that gets no further answer may take to read the last one, while what it
    /// still sends is thrown away.
    pub(crate) linger: Duration,
    /// How often the deadlines of exchanges are compared with the time. Each is met to within two
    /// of these.
    pub(crate) tick: Duration,
    /// How long the answers under way may take once the server stops.
    pub(crate) grace: Duration,
    /// Whether answers tell the machine's own time. An emulator's tell another.
    pub(crate) dates: bool,
}
