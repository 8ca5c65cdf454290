//! The progress of a redirect listener.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The progress of a redirect listener, readable while the listener waits.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Events>);

#[derive(Debug, Default)]
struct Events {
    has_requests: AtomicBool,
    is_answered: AtomicBool,
}

impl Progress {
    /// Returns whether a request has arrived, from any sender.
    pub fn has_requests(&self) -> bool {
        self.0.has_requests.load(Ordering::Relaxed)
    }

    /// Returns whether the authorization response has arrived.
    pub fn is_answered(&self) -> bool {
        self.0.is_answered.load(Ordering::Relaxed)
    }

    pub(super) fn set_has_requests(&self) {
        self.0.has_requests.store(true, Ordering::Relaxed);
    }

    pub(super) fn set_answered(&self) {
        self.0.is_answered.store(true, Ordering::Relaxed);
    }
}
