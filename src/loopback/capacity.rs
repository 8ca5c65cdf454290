//! The connections of one listener that hold buffers, and the places for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::limits::Limits;

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Capacity {
    buffers: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    is_full: AtomicBool,
    full: Notify,
}

/// A connection's place: it may hold buffers as long as it has this.
#[derive(Debug)]
pub(super) struct Slot {
    _buffer: OwnedSemaphorePermit,
    /// The place among unknown callers; none if the caller is known.
    pub(super) stranger: Option<OwnedSemaphorePermit>,
}

impl Capacity {
    pub(super) fn new(limits: &Limits) -> Self {
        Capacity {
            buffers: Arc::new(Semaphore::new(limits.buffers)),
            strangers: Arc::new(Semaphore::new(limits.unauthenticated)),
            is_full: AtomicBool::new(false),
            full: Notify::new(),
        }
    }

    /// Waits until a place is free, in the order of arrival.
    pub(super) async fn acquire(&self, is_known: bool) -> Option<Slot> {
        let stranger = match is_known {
            true => None,
            false => Some(self.strangers.clone().acquire_owned().await.ok()?),
        };
        let buffer = self.buffers.clone().acquire_owned().await.ok()?;
        Some(Slot {
            _buffer: buffer,
            stranger,
        })
    }

    /// Whether others need the place: few buffers are left, or no connection is.
    pub(super) fn is_crowded(&self, limits: &Limits) -> bool {
        let taken = limits.buffers - self.buffers.available_permits();
        taken > limits.kept_buffers || self.is_full.load(Ordering::Relaxed)
    }

    /// Sets whether every connection of the listener is taken.
    pub(super) fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
    }

    /// Asks the connections without a request under way to make room.
    pub(super) fn close_idle(&self) {
        self.full.notify_waiters();
    }

    /// Ends when `patience` is over, or every connection of the listener is taken although this
    /// call has waited for a tick.
    pub(super) async fn idle_expired(&self, patience: Duration, limits: &Limits) {
        let full = async {
            tokio::time::sleep(limits.tick).await;
            self.full.notified().await;
        };
        // A timer that is over and one that is not: what ends first counts.
        let _ = tokio::time::timeout(patience, full).await;
    }

    /// Ends when a caller has taken too long over something that comes before its request.
    pub(super) async fn head_expired(&self, limits: &Limits) {
        let dense = async {
            loop {
                tokio::time::sleep(limits.tick).await;
                if self.is_crowded(limits) {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(limits.unauthenticated_exchange, dense).await;
    }
}
