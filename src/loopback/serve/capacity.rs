//! The limits of one listener, and the slots of its connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The limits of one listener. A caller is unauthenticated until the handler calls
/// [`Caller::trust`](super::exchange::Caller::trust) for one of its requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Most connections; further ones wait in the system's queue. At the limit, connections without a
    /// request are closed after one to two ticks.
    pub(crate) connections: usize,
    /// Most connections with buffers. A connection has buffers from a request's first byte on.
    pub(crate) buffers: usize,
    /// Most connections of unauthenticated callers with buffers. The others are for authenticated ones.
    pub(crate) unauthenticated: usize,
    /// With more connections with buffers than this, or at the limit of connections, each connection
    /// releases its buffers after its response. A connection then ends if its caller sends or reads
    /// nothing for one to two ticks of an exchange, or pipelines requests. Pipelining ends the
    /// connection of an unauthenticated caller at any time.
    pub(crate) kept_buffers: usize,
    /// Bytes of a request's head without its cookies; 8 KiB at least.
    pub(crate) head: usize,
    /// How long an unauthenticated caller's connection may stay open without a request.
    pub(crate) idle: Duration,
    /// How long an authenticated caller's connection may stay open without a request.
    pub(crate) authenticated_idle: Duration,
    /// The time limit of an unauthenticated caller's exchange, from the request's first byte until the
    /// system has taken the last byte of the response. It also limits every request's head and every
    /// TLS handshake, including those of authenticated callers.
    pub(crate) unauthenticated_exchange: Duration,
    /// The time limit of an authenticated caller's exchange. A response without a known length is
    /// exempt while the caller reads it.
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

/// The limits of one listener, and the slots that are free.
#[derive(Debug)]
pub(super) struct Capacity {
    pub(super) limits: Limits,
    buffers: Arc<Semaphore>,
    unauthenticated: Arc<Semaphore>,
    /// Whether the listener has all its connections.
    pub(super) is_full: AtomicBool,
    /// Makes the connections without a request close.
    pub(super) close_idle: Notify,
}

/// The right of a connection to have buffers.
#[derive(Debug)]
pub(super) struct Slot {
    _buffer: OwnedSemaphorePermit,
    /// The permit of an unauthenticated caller.
    pub(super) unauthenticated: Option<OwnedSemaphorePermit>,
}

impl Capacity {
    pub(super) fn new(limits: Limits) -> Self {
        Capacity {
            limits,
            buffers: Arc::new(Semaphore::new(limits.buffers)),
            unauthenticated: Arc::new(Semaphore::new(limits.unauthenticated)),
            is_full: AtomicBool::new(false),
            close_idle: Notify::new(),
        }
    }

    /// Waits for a slot, in the order of arrival.
    pub(super) async fn acquire(&self, is_authenticated: bool) -> Option<Slot> {
        let unauthenticated = match is_authenticated {
            true => None,
            false => Some(self.unauthenticated.clone().acquire_owned().await.ok()?),
        };
        Some(Slot {
            _buffer: self.buffers.clone().acquire_owned().await.ok()?,
            unauthenticated,
        })
    }

    /// Whether other connections need the slot: few buffers are left, or no connection is.
    pub(super) fn is_crowded(&self) -> bool {
        let taken = self.limits.buffers - self.buffers.available_permits();
        taken > self.limits.kept_buffers || self.is_full.load(Ordering::Relaxed)
    }

    /// Ends after `timeout`, or at a notice of `close_idle` if one tick has passed.
    pub(super) async fn idle_expired(&self, timeout: Duration) {
        let close = async {
            tokio::time::sleep(self.limits.tick).await;
            self.close_idle.notified().await;
        };
        let _ = tokio::time::timeout(timeout, close).await;
    }

    /// Ends when a TLS handshake has taken too long.
    pub(super) async fn handshake_expired(&self) {
        let crowded = async {
            loop {
                tokio::time::sleep(self.limits.tick).await;
                if self.is_crowded() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(self.limits.unauthenticated_exchange, crowded).await;
    }
}
