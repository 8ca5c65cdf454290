//! The state that the thread shares with its callers, and what they send to it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

/// How long a decision waits for its line. If an entry waits longer, the stream has stalled.
pub(super) const DEADLINE: Duration = Duration::from_secs(2);
/// How long the stream counts as stalled after an entry that was late. The next ones may be late too.
const RECOVERY: Duration = Duration::from_secs(1);
/// The most decisions that wait for the stream or are in progress.
pub(super) const MAX_DECISIONS: usize = 8 * 1024;
/// A decision can need a second line, which replaces the first one.
pub(super) const LINES_PER_DECISION: u32 = 2;

/// The right to write the lines of one decision.
pub(in crate::exchange_service) struct Slot(pub(super) OwnedSemaphorePermit);

/// The state that the thread shares with its callers. Times are milliseconds since the start.
pub(super) struct Shared {
    start: Instant,
    pub(super) slots: Arc<Semaphore>,
    /// The time at which the oldest entry that waits was queued; 0 if there is none.
    pub(super) waiting_since: AtomicU64,
    pub(super) stalled_until: AtomicU64,
    pub(super) has_failed: AtomicBool,
    pub(super) closed: Notify,
    pub(super) messages: AtomicUsize,
    pub(super) lost_messages: AtomicU64,
    /// The lines of decisions that were not written, and are not reported yet.
    pub(super) lost_lines: AtomicU64,
    /// All lines of decisions that were not written.
    pub(super) lost_in_all: AtomicU64,
}

pub(super) struct Entry {
    pub(super) queued: u64,
    pub(super) content: Content,
}

pub(super) enum Content {
    Line {
        bytes: Vec<u8>,
        done: Option<oneshot::Sender<bool>>,
        slot: Slot,
    },
    Message(Vec<u8>),
    Flush(mpsc::Sender<bool>),
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Shared {
    pub(super) fn new() -> Self {
        Shared {
            start: Instant::now(),
            slots: Arc::new(Semaphore::new(MAX_DECISIONS * LINES_PER_DECISION as usize)),
            waiting_since: AtomicU64::new(0),
            stalled_until: AtomicU64::new(0),
            has_failed: AtomicBool::new(false),
            closed: Notify::new(),
            messages: AtomicUsize::new(0),
            lost_messages: AtomicU64::new(0),
            lost_lines: AtomicU64::new(0),
            lost_in_all: AtomicU64::new(0),
        }
    }

    /// Returns the milliseconds since the start, and never 0.
    pub(super) fn now(&self) -> u64 {
        millis(self.start.elapsed()).max(1)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Counts the stream as stalled for some time.
    pub(super) fn was_late(&self) {
        let until = self.now() + millis(RECOVERY);
        self.stalled_until.fetch_max(until, Ordering::Relaxed);
    }

    pub(super) fn lost(&self, lines: u64) {
        self.lost_lines.fetch_add(lines, Ordering::Relaxed);
        self.lost_in_all.fetch_add(lines, Ordering::Relaxed);
    }
}
