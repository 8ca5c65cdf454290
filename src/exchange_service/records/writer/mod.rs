//! The stream of decisions and messages. A thread of its own writes it, so that a reader that is slow or
//! has stopped blocks no request and no probe.
//!
//! A decision takes a slot before it has an effect, and waits for its line with a deadline. Without a
//! slot there is no decision. What could not be written is counted, and the count is written later.

mod batch;
mod state;
mod thread;

#[cfg(test)]
mod tests;

use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::{Error, Result};
pub(in crate::exchange_service) use state::Slot;
use state::{Content, DEADLINE, Entry, LINES_PER_DECISION, Shared, millis};

/// The most messages that wait for the stream.
const MAX_MESSAGES: usize = 1024;

/// Hands lines to the thread. Clones write to the same stream.
#[derive(Clone)]
pub(in crate::exchange_service) struct Writer {
    shared: Arc<Shared>,
    sender: mpsc::Sender<Entry>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if there can be no thread.
    pub(in crate::exchange_service) fn start(stream: impl Write + Send + 'static) -> Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let shared = Arc::new(Shared::new());
        let thread = std::thread::Builder::new().name("audit".to_owned());
        let of_thread = thread::Thread::new(shared.clone(), stream);
        let started = thread.spawn(move || of_thread.run(&receiver));
        started.map_err(|error| {
            Error::internal("there is no thread for the audit").caused_by(error)
        })?;
        Ok(Writer { shared, sender })
    }

    /// Takes a slot, unless too many lines wait.
    pub(in crate::exchange_service) fn reserve(&self) -> Option<Slot> {
        let slots = self.shared.slots.clone();
        let taken = slots.try_acquire_many_owned(LINES_PER_DECISION).ok();
        taken.map(Slot)
    }

    /// Writes the line of a decision. Returns whether it was written in time: without its line, a
    /// decision must have no effect. The slot then has room for another line.
    pub(in crate::exchange_service) async fn write(&self, slot: &mut Slot, line: Vec<u8>) -> bool {
        let Some(first) = slot.0.split(1) else {
            return false;
        };
        let (done, written) = oneshot::channel();
        self.send(Content::Line {
            bytes: line,
            done: Some(done),
            slot: Slot(first),
        });
        match tokio::time::timeout(DEADLINE, written).await {
            Ok(is_written) => is_written == Ok(true),
            Err(_) => {
                self.shared.was_late();
                false
            }
        }
    }

    /// Writes the line of a decision some time.
    pub(in crate::exchange_service) fn write_later(&self, slot: Slot, line: Vec<u8>) {
        self.send(Content::Line {
            bytes: line,
            done: None,
            slot,
        });
    }

    /// Counts a decision that has no slot.
    pub(in crate::exchange_service) fn lost(&self) {
        self.shared.lost(1);
    }

    /// Writes a message, unless too many wait.
    pub(in crate::exchange_service) fn message(&self, text: Vec<u8>) {
        if self.shared.messages.fetch_add(1, Ordering::Relaxed) < MAX_MESSAGES {
            self.send(Content::Message(text));
        } else {
            self.shared.messages.fetch_sub(1, Ordering::Relaxed);
            self.shared.lost_messages.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether the stream takes no lines now: the last write failed, or an entry is or was late.
    pub(in crate::exchange_service) fn is_stalled(&self) -> bool {
        let shared = &self.shared;
        let now = shared.now();
        let since = shared.waiting_since.load(Ordering::Relaxed);
        let is_late = since > 0 && now.saturating_sub(since) >= millis(DEADLINE);
        is_late || now < shared.stalled_until.load(Ordering::Relaxed) || shared.has_failed()
    }

    /// Completes once, when the stream has no reader any more.
    pub(in crate::exchange_service) async fn closed(&self) {
        self.shared.closed.notified().await;
    }

    /// Returns the number of decisions' lines that were not written.
    pub(in crate::exchange_service) fn lost_lines(&self) -> u64 {
        self.shared.lost_in_all.load(Ordering::Relaxed)
    }

    /// Waits until all lines so far are written. Returns whether they are.
    pub(in crate::exchange_service) fn flush(&self, timeout: Duration) -> bool {
        let (done, flushed) = mpsc::channel();
        self.send(Content::Flush(done));
        flushed.recv_timeout(timeout) == Ok(true)
    }

    fn send(&self, content: Content) {
        let queued = self.shared.now();
        let since = &self.shared.waiting_since;
        // It fails if an older entry waits.
        let _ = since.compare_exchange(0, queued, Ordering::Relaxed, Ordering::Relaxed);
        // The thread ends after the last sender.
        let _ = self.sender.send(Entry { queued, content });
    }
}
