//! The deadline of every waiting loop.

use std::time::{Duration, Instant};

/// A wait that takes longer has failed.
const HANGS: Duration = Duration::from_secs(60);

/// A deadline that begins now.
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn start() -> Deadline {
        Deadline(Instant::now())
    }

    /// Lets other threads run.
    ///
    /// # Panics
    /// After the deadline, with what was waited for.
    #[track_caller]
    pub(crate) fn pass(&self, awaited: &str) {
        assert!(self.0.elapsed() < HANGS, "timed out: {awaited}");
        std::thread::yield_now();
    }
}

/// Waits until the condition holds.
///
/// # Panics
/// After the deadline, with what was waited for.
#[track_caller]
pub(crate) fn wait_until(awaited: &str, holds: impl Fn() -> bool) {
    let deadline = Deadline::start();
    while !holds() {
        deadline.pass(awaited);
    }
}
