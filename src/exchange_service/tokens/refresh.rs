//! The refreshes of one tenant's keys: at most one at a time, whose outcome all callers get.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::time::Moment;

/// The cause of a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The keys are missing or old.
    Age,
    /// A token has an unknown key id, or there are no keys for it.
    UnknownKey,
}

/// The refreshes of a tenant.
#[derive(Default)]
pub(super) struct Refreshes {
    last: Option<Refresh>,
    /// The end of the last refresh, if it failed.
    pub(super) failed_at: Option<Moment>,
    /// The end of the last refresh that succeeded and was for an unknown key id.
    pub(super) succeeded_for_key_at: Option<Moment>,
}

/// A refresh. Its task has the sender, which is gone at its end, also after a panic.
#[derive(Clone)]
pub(super) struct Refresh {
    start: Instant,
    has_failed: watch::Receiver<Option<bool>>,
}

impl Refreshes {
    /// Returns the refresh in progress.
    pub(super) fn running(&self) -> Option<Refresh> {
        let last = self.last.as_ref();
        last.filter(|last| last.has_failed.has_changed().is_ok())
            .cloned()
    }

    /// Starts a refresh. The sender gets whether it failed.
    pub(super) fn start(&mut self) -> (watch::Sender<Option<bool>>, Refresh) {
        let (sender, has_failed) = watch::channel(None);
        let start = Instant::now();
        let refresh = Refresh { start, has_failed };
        self.last = Some(refresh.clone());
        (sender, refresh)
    }

    /// Records the end of a refresh.
    pub(super) fn end(&mut self, cause: Cause, now: Moment, has_failed: bool) {
        self.failed_at = has_failed.then_some(now);
        if cause == Cause::UnknownKey && !has_failed {
            self.succeeded_for_key_at = Some(now);
        }
    }
}

impl Refresh {
    /// Waits for the end, and returns whether the refresh failed.
    pub(super) async fn has_failed(mut self) -> bool {
        let ended = self.has_failed.wait_for(Option::is_some).await;
        // Without a value, the task has panicked.
        ended.map_or(true, |has_failed| has_failed.unwrap_or(true))
    }

    /// As [`Refresh::has_failed`]; a refresh that takes longer than this has failed. A caller that joins
    /// late does not wait longer than the first one.
    pub(super) async fn has_failed_within(self, limit: Duration) -> bool {
        let deadline = self.start + limit;
        let ended = timeout_at(deadline, self.has_failed()).await;
        ended.unwrap_or(true)
    }
}
