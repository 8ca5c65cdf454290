//! The thread that writes.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::sleep;
use std::time::Duration;

use super::batch::Batch;
use super::state::{DEADLINE, Entry, Shared, millis};

/// The pause after a write. Lines that arrive during it are written together. Waking the thread for each
/// line takes more CPU time than writing the line. After a pause without a line, the next one wakes it.
const COLLECT: Duration = Duration::from_micros(200);
/// The pause before a stream that takes nothing now is tried again.
const PAUSE: Duration = Duration::from_millis(20);
/// The pause before the report of a failure is tried again. No decision may come meanwhile, because the
/// service is not ready.
const RETRY: Duration = Duration::from_secs(1);

/// The state of the thread.
pub(super) struct Thread<W> {
    shared: Arc<Shared>,
    stream: W,
    /// Whether the last write ended within a line. Then the next one begins with the line's end.
    is_within_line: bool,
    is_closed: bool,
}

impl<W: Write> Thread<W> {
    pub(super) fn new(shared: Arc<Shared>, stream: W) -> Self {
        Thread {
            shared,
            stream,
            is_within_line: false,
            is_closed: false,
        }
    }

    /// Writes entries until the last sender is gone.
    pub(super) fn run(mut self, receiver: &Receiver<Entry>) {
        loop {
            let received = match self.shared.has_failed() {
                true => receiver.recv_timeout(RETRY),
                false => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match received {
                Ok(first) => self.write_all(first, receiver),
                Err(RecvTimeoutError::Timeout) => {
                    let report = Batch::begin(&self.shared, self.is_within_line);
                    self.write(report);
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Writes the entries that wait.
    fn write_all(&mut self, first: Entry, receiver: &Receiver<Entry>) {
        let mut next = Some(first);
        while let Some(first) = next {
            let mut batch = Batch::begin(&self.shared, self.is_within_line);
            batch.collect(first, receiver);
            let is_full = batch.is_full();
            self.write(batch);
            if !is_full {
                sleep(COLLECT);
            }
            next = receiver.try_recv().ok();
        }
    }

    fn write(&mut self, batch: Batch) {
        let shared = self.shared.clone();
        let since = batch.since.unwrap_or_else(|| shared.now());
        shared.waiting_since.store(since, Ordering::Relaxed);
        // A write of nothing does not show that the stream works again.
        let written = match batch.bytes.is_empty() {
            true => 0,
            false => self.put(&batch.bytes),
        };
        if shared.now().saturating_sub(since) >= millis(DEADLINE) {
            shared.was_late();
        }
        shared.waiting_since.store(0, Ordering::Relaxed);
        batch.finish(written, &shared);
    }

    /// Writes the bytes, and keeps whether that failed. Returns how many are written.
    fn put(&mut self, bytes: &[u8]) -> usize {
        let (written, result) = put(&mut self.stream, bytes);
        if let Some(last) = bytes[..written].last() {
            self.is_within_line = *last != b'\n';
        }
        let error = result.err().map(|error| error.kind());
        self.shared
            .has_failed
            .store(error.is_some(), Ordering::Relaxed);
        if error == Some(ErrorKind::BrokenPipe) && !self.is_closed {
            self.is_closed = true;
            self.shared.closed.notify_one();
        }
        written
    }
}

/// Writes all bytes, also to a stream that does not block. Returns how many are written for certain.
fn put(stream: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(PAUSE),
            Err(error) => return (written, Err(error)),
        }
    }
    match stream.flush() {
        Ok(()) => (written, Ok(())),
        Err(error) => (0, Err(error)),
    }
}
