//! The stream of decisions and messages. A thread of its own writes it, so that a reader that is slow or
//! has stopped blocks no request and no probe.
//!
//! A decision takes a slot before it has an effect, and waits for its line with a deadline. Without a
//! slot there is no decision. What could not be written is counted, and the count is written later.

use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::error::{Error, Result};
use crate::time::{Clock as _, SystemClock};

/// How long a decision waits for its line. A write that takes longer counts as stalled.
const DEADLINE: Duration = Duration::from_secs(2);
/// The most decisions that wait for the stream or are in progress.
const MAX_DECISIONS: usize = 8 * 1024;
/// A decision can need a second line: it was refused because its first line was late.
const LINES_PER_DECISION: u32 = 2;
/// The most messages that wait for the stream.
const MAX_MESSAGES: usize = 1024;
/// Lines are written together up to this number of bytes, which a pipe takes at once.
const BATCH_BYTES: usize = 16 * 1024;
/// The pause after a write. Lines that arrive during it are written together. Waking the thread for each
/// line takes more CPU time than writing the line. After a pause without a line, the next one wakes it.
const COLLECT: Duration = Duration::from_micros(200);
/// The pause before a stream that takes nothing now is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// Hands lines to the thread. Clones write to the same stream.
#[derive(Clone)]
pub(in crate::exchange_service) struct Writer {
    shared: Arc<Shared>,
    sender: mpsc::Sender<Entry>,
}

/// The right to write the lines of one decision.
pub(in crate::exchange_service) struct Slot(OwnedSemaphorePermit);

struct Shared {
    start: Instant,
    slots: Arc<Semaphore>,
    /// The begin of the write in progress, in milliseconds since the start; 0 if there is none.
    writing_since: AtomicU64,
    has_failed: AtomicBool,
    messages: AtomicUsize,
    lost_messages: AtomicU64,
    /// The lines of decisions that were not written, and are not reported yet.
    lost_lines: AtomicU64,
    /// All lines of decisions that were not written.
    lost_in_all: AtomicU64,
}

enum Entry {
    Line {
        bytes: Vec<u8>,
        done: Option<oneshot::Sender<bool>>,
        slot: Slot,
    },
    Message(Vec<u8>),
    Flush(mpsc::Sender<()>),
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if there can be no thread.
    pub(in crate::exchange_service) fn start(stream: impl Write + Send + 'static) -> Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let shared = Arc::new(Shared {
            start: Instant::now(),
            slots: Arc::new(Semaphore::new(MAX_DECISIONS * LINES_PER_DECISION as usize)),
            writing_since: AtomicU64::new(0),
            has_failed: AtomicBool::new(false),
            messages: AtomicUsize::new(0),
            lost_messages: AtomicU64::new(0),
            lost_lines: AtomicU64::new(0),
            lost_in_all: AtomicU64::new(0),
        });
        let of_thread = shared.clone();
        let thread = thread::Builder::new().name("audit".to_owned());
        let started = thread.spawn(move || of_thread.write_all(stream, &receiver));
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
        self.send(Entry::Line {
            bytes: line,
            done: Some(done),
            slot: Slot(first),
        });
        let in_time = tokio::time::timeout(DEADLINE, written).await;
        matches!(in_time, Ok(Ok(true)))
    }

    /// Writes the line of a decision some time.
    pub(in crate::exchange_service) fn write_later(&self, slot: Slot, line: Vec<u8>) {
        self.send(Entry::Line {
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
            self.send(Entry::Message(text));
        } else {
            self.shared.messages.fetch_sub(1, Ordering::Relaxed);
            self.shared.lost_messages.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether the stream takes no lines now: the last write failed, or takes too long.
    pub(in crate::exchange_service) fn is_stalled(&self) -> bool {
        let since = self.shared.writing_since.load(Ordering::Relaxed);
        let is_late = since > 0 && self.shared.now().saturating_sub(since) > millis(DEADLINE);
        is_late || self.shared.has_failed.load(Ordering::Relaxed)
    }

    /// Returns the number of decisions' lines that were not written.
    pub(in crate::exchange_service) fn lost_lines(&self) -> u64 {
        self.shared.lost_in_all.load(Ordering::Relaxed)
    }

    /// Waits until all lines so far are written. Returns whether they are.
    pub(in crate::exchange_service) fn flush(&self, timeout: Duration) -> bool {
        let (done, flushed) = mpsc::channel();
        self.send(Entry::Flush(done));
        flushed.recv_timeout(timeout).is_ok() && !self.shared.has_failed.load(Ordering::Relaxed)
    }

    fn send(&self, entry: Entry) {
        // The thread ends after the last sender.
        let _ = self.sender.send(entry);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Shared {
    /// Returns the milliseconds since the start, and never 0.
    fn now(&self) -> u64 {
        millis(self.start.elapsed()).max(1)
    }

    fn lost(&self, lines: u64) {
        self.lost_lines.fetch_add(lines, Ordering::Relaxed);
        self.lost_in_all.fetch_add(lines, Ordering::Relaxed);
    }

    fn write_all(&self, mut stream: impl Write, receiver: &mpsc::Receiver<Entry>) {
        while let Ok(first) = receiver.recv() {
            let mut next = Some(first);
            while let Some(first) = next {
                let batch = Batch::collect(first, receiver);
                let is_full = batch.is_full();
                self.write(&mut stream, batch);
                if !is_full {
                    thread::sleep(COLLECT);
                }
                next = receiver.try_recv().ok();
            }
        }
    }

    fn write(&self, stream: &mut impl Write, mut batch: Batch) {
        let lost = Lost {
            lines: self.lost_lines.swap(0, Ordering::Relaxed),
            messages: self.lost_messages.swap(0, Ordering::Relaxed),
        };
        lost.report(&mut batch.bytes);
        self.writing_since.store(self.now(), Ordering::Relaxed);
        let is_written = put(stream, &batch.bytes).is_ok();
        self.writing_since.store(0, Ordering::Relaxed);
        self.has_failed.store(!is_written, Ordering::Relaxed);
        if !is_written {
            self.lost_lines.fetch_add(lost.lines, Ordering::Relaxed);
            self.lost_messages
                .fetch_add(lost.messages, Ordering::Relaxed);
            self.lost(batch.decisions.len() as u64);
        }
        self.messages.fetch_sub(batch.messages, Ordering::Relaxed);
        for (done, slot) in batch.decisions {
            drop(slot);
            if let Some(done) = done {
                // A decision does not wait for ever.
                let _ = done.send(is_written);
            }
        }
        for flushed in batch.flushes {
            let _ = flushed.send(());
        }
    }
}

/// What could not be written.
struct Lost {
    lines: u64,
    messages: u64,
}

impl Lost {
    /// Adds a line for each kind.
    fn report(&self, bytes: &mut Vec<u8>) {
        let time = SystemClock.now().to_string();
        if self.lines > 0 {
            let line = json!({"audit": "lost", "time": time, "lines": self.lines});
            bytes.extend(format!("{line}\n").as_bytes());
        }
        if self.messages > 0 {
            let text = format!("{} messages were lost.", self.messages);
            let line = json!({"time": time, "level": "warn", "message": text});
            bytes.extend(format!("{line}\n").as_bytes());
        }
    }
}

/// Lines that are written together.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    decisions: Vec<(Option<oneshot::Sender<bool>>, Slot)>,
    messages: usize,
    flushes: Vec<mpsc::Sender<()>>,
}

impl Batch {
    /// Collects the entries that wait.
    fn collect(first: Entry, receiver: &mpsc::Receiver<Entry>) -> Batch {
        let mut batch = Batch::default();
        batch.add(first);
        while !batch.is_full()
            && let Ok(next) = receiver.try_recv()
        {
            batch.add(next);
        }
        batch
    }

    fn is_full(&self) -> bool {
        self.bytes.len() >= BATCH_BYTES
    }

    fn add(&mut self, entry: Entry) {
        match entry {
            Entry::Line { bytes, done, slot } => {
                self.bytes.extend(bytes);
                self.decisions.push((done, slot));
            }
            Entry::Message(bytes) => {
                self.bytes.extend(bytes);
                self.messages += 1;
            }
            Entry::Flush(done) => self.flushes.push(done),
        }
    }
}

/// Writes all bytes, also to a stream that does not block.
fn put(stream: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
    stream.flush()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A stream whose writes wait for the lock, and fail after its end.
    #[derive(Clone, Default)]
    struct Pipe {
        written: Arc<Mutex<Vec<u8>>>,
        is_closed: Arc<AtomicBool>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut written = self.written.lock().expect("no panic");
            if self.is_closed.load(Ordering::Relaxed) {
                return Err(ErrorKind::BrokenPipe.into());
            }
            written.extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Pipe {
        fn text(&self) -> String {
            String::from_utf8(self.written.lock().expect("no panic").clone()).expect("UTF-8")
        }
    }

    fn line(number: usize) -> Vec<u8> {
        format!("{number}\n").into_bytes()
    }

    #[expect(clippy::await_holding_lock, reason = "the reader has stopped")]
    #[tokio::test]
    async fn a_line_that_is_late_is_reported_and_written_later() {
        let pipe = Pipe::default();
        let writer = Writer::start(pipe.clone()).expect("a thread");
        let held = pipe.written.clone();
        let held = held.lock().expect("no panic");
        let mut slot = writer.reserve().expect("a slot");
        let start = Instant::now();
        let is_written = writer.write(&mut slot, line(1)).await;
        assert!(!is_written && start.elapsed() >= DEADLINE);
        thread::sleep(PAUSE);
        assert!(writer.is_stalled());
        writer.write_later(slot, line(2));
        assert!(!writer.flush(PAUSE), "nothing is written yet");
        drop(held);
        assert!(writer.flush(DEADLINE));
        assert_eq!(pipe.text(), "1\n2\n", "in their order");
        assert!(!writer.is_stalled());
        let mut slot = writer.reserve().expect("a slot");
        assert!(writer.write(&mut slot, line(3)).await);
    }

    #[tokio::test]
    async fn decisions_and_messages_that_wait_are_limited_and_counted() {
        let pipe = Pipe::default();
        let writer = Writer::start(pipe.clone()).expect("a thread");
        let held = pipe.written.clone();
        let held = held.lock().expect("no panic");
        for number in 0..MAX_DECISIONS {
            writer.write_later(writer.reserve().expect("a slot"), line(number));
        }
        assert!(writer.reserve().is_none());
        writer.lost();
        for _ in 0..MAX_MESSAGES + 7 {
            writer.message(b"m\n".to_vec());
        }
        drop(held);
        assert!(writer.flush(DEADLINE * 5));
        writer.message(b"end\n".to_vec());
        assert!(writer.flush(DEADLINE));
        let text = pipe.text();
        let lines = text.lines().filter(|line| line.parse::<usize>().is_ok());
        assert_eq!(lines.count(), MAX_DECISIONS, "no line is lost");
        assert_eq!(
            text.lines().filter(|line| *line == "m").count(),
            MAX_MESSAGES
        );
        assert!(text.contains(r#""audit":"lost","lines":1"#), "{text}");
        assert!(text.contains("7 messages were lost."));
        assert_eq!(writer.lost_lines(), 1);
        assert!(writer.reserve().is_some());
    }

    #[tokio::test]
    async fn a_closed_stream_is_a_failure_until_it_takes_lines_again() {
        let pipe = Pipe::default();
        let writer = Writer::start(pipe.clone()).expect("a thread");
        pipe.is_closed.store(true, Ordering::Relaxed);
        let mut slot = writer.reserve().expect("a slot");
        assert!(!writer.write(&mut slot, line(1)).await);
        assert!(writer.is_stalled() && !writer.flush(DEADLINE));
        pipe.is_closed.store(false, Ordering::Relaxed);
        assert!(writer.write(&mut slot, line(2)).await);
        assert!(!writer.is_stalled());
        assert!(pipe.text().ends_with("2\n") || pipe.text().contains("\"lost\""));
        assert_eq!(writer.lost_lines(), 1);
    }
}
