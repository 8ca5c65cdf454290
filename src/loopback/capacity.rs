//! The buffers of one listener's connections: a slot each, and their number.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::limits::Limits;

/// The limits of one listener, and the slots that are free.
#[derive(Debug)]
pub(super) struct Capacity {
    pub(super) limits: Limits,
    buffers: Arc<Semaphore>,
    unauthenticated: Arc<Semaphore>,
    is_full: AtomicBool,
    close_idle: Notify,
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

    /// Sets whether the listener has all its connections.
    pub(super) fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
    }

    /// Makes the connections without a request close.
    pub(super) fn close_idle(&self) {
        self.close_idle.notify_waiters();
    }

    /// Ends after `timeout`, or after [`Capacity::close_idle`] if one tick has passed.
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
