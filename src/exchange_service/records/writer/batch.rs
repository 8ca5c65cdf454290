//! Lines that are written together.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::state::{Content, Entry, Shared, Slot};
use crate::time::{Clock as _, SystemClock};

/// Lines are written together up to this number of bytes, which a pipe takes at once.
const BATCH_BYTES: usize = 16 * 1024;

#[derive(Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    /// The time at which the oldest entry was queued.
    pub(super) since: Option<u64>,
    lines: Vec<Line>,
    flushes: Vec<mpsc::Sender<bool>>,
}

/// A line, and its end in the bytes of the batch.
struct Line {
    end: usize,
    kind: LineKind,
}

enum LineKind {
    Decision(Option<oneshot::Sender<bool>>, Slot),
    Message,
    LostLines(u64),
    LostMessages(u64),
}

impl Batch {
    /// Begins with the report of what was lost.
    pub(super) fn begin(shared: &Shared, is_within_line: bool) -> Batch {
        let mut batch = Batch::default();
        if is_within_line {
            batch.bytes.push(b'\n');
        }
        let time = || SystemClock.now().to_string();
        let lines = shared.lost_lines.swap(0, Ordering::Relaxed);
        if lines > 0 {
            let report = json!({"audit": "lost", "time": time(), "lines": lines});
            batch.report(&report, LineKind::LostLines(lines));
        }
        let messages = shared.lost_messages.swap(0, Ordering::Relaxed);
        if messages > 0 {
            let text = format!("{messages} messages were lost.");
            let report = json!({"time": time(), "level": "warn", "message": text});
            batch.report(&report, LineKind::LostMessages(messages));
        }
        batch
    }

    fn report(&mut self, report: &Value, kind: LineKind) {
        self.line(format!("{report}\n").as_bytes(), kind);
    }

    fn line(&mut self, bytes: &[u8], kind: LineKind) {
        self.bytes.extend(bytes);
        let end = self.bytes.len();
        self.lines.push(Line { end, kind });
    }

    /// Collects the entries that wait.
    pub(super) fn collect(&mut self, first: Entry, receiver: &Receiver<Entry>) {
        self.add(first);
        while !self.is_full()
            && let Ok(next) = receiver.try_recv()
        {
            self.add(next);
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= BATCH_BYTES
    }

    fn add(&mut self, entry: Entry) {
        let since = self.since.get_or_insert(entry.queued);
        *since = entry.queued.min(*since);
        match entry.content {
            Content::Line { bytes, done, slot } => {
                self.line(&bytes, LineKind::Decision(done, slot));
            }
            Content::Message(bytes) => self.line(&bytes, LineKind::Message),
            Content::Flush(done) => self.flushes.push(done),
        }
    }

    /// Counts the lines that are not within the bytes that were written, and tells the callers.
    pub(super) fn finish(self, written: usize, shared: &Shared) {
        for Line { end, kind } in self.lines {
            let is_written = end <= written;
            match kind {
                LineKind::Decision(done, slot) => {
                    drop(slot);
                    if !is_written {
                        shared.lost(1);
                    }
                    if let Some(done) = done {
                        // A decision does not wait for ever.
                        let _ = done.send(is_written);
                    }
                }
                LineKind::Message => {
                    shared.messages.fetch_sub(1, Ordering::Relaxed);
                    if !is_written {
                        shared.lost_messages.fetch_add(1, Ordering::Relaxed);
                    }
                }
                LineKind::LostLines(_) | LineKind::LostMessages(_) if is_written => {}
                LineKind::LostLines(lines) => {
                    shared.lost_lines.fetch_add(lines, Ordering::Relaxed);
                }
                LineKind::LostMessages(messages) => {
                    shared.lost_messages.fetch_add(messages, Ordering::Relaxed);
                }
            }
        }
        for flushed in self.flushes {
            let _ = flushed.send(!shared.has_failed());
        }
    }
}
