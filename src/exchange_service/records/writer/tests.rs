use std::io::{self, ErrorKind};
use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, MutexGuard};
use std::thread::sleep;
use std::time::Instant;

use super::state::MAX_DECISIONS;
use super::*;

/// Nothing takes so long.
const LONG: Duration = Duration::from_secs(60);

/// A stream whose writes wait for the lock, and fail if there is a failure.
#[derive(Clone, Default)]
struct Pipe {
    written: Arc<Mutex<Vec<u8>>>,
    failure: Arc<Mutex<Option<ErrorKind>>>,
    /// The bytes that are taken before the failure.
    room: Arc<AtomicUsize>,
    writes: Arc<AtomicUsize>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        let mut written = self.written();
        let failure = *self.failure.lock().expect("no panic");
        let count = match (failure, self.room.load(Ordering::Relaxed)) {
            (None, _) => bytes.len(),
            (Some(failure), 0) => return Err(failure.into()),
            (Some(_), room) => room.min(bytes.len()),
        };
        if failure.is_some() {
            self.room.fetch_sub(count, Ordering::Relaxed);
        }
        written.extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Pipe {
    fn written(&self) -> MutexGuard<'_, Vec<u8>> {
        self.written.lock().expect("no panic")
    }

    fn text(&self) -> String {
        String::from_utf8(self.written().clone()).expect("UTF-8")
    }

    fn fail(&self, failure: impl Into<Option<ErrorKind>>) {
        *self.failure.lock().expect("no panic") = failure.into();
    }

    /// Waits for the begin of this write.
    fn wait_for_write(&self, number: usize) {
        until(|| self.writes.load(Ordering::Relaxed) == number);
    }
}

#[track_caller]
fn until(is_true: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < LONG, "waited in vain");
        sleep(Duration::from_millis(5));
    }
}

fn started() -> (Pipe, Writer) {
    let pipe = Pipe::default();
    let writer = Writer::start(pipe.clone()).expect("a thread");
    (pipe, writer)
}

fn slot(writer: &Writer) -> Slot {
    writer.reserve().expect("a slot")
}

fn line(number: usize) -> Vec<u8> {
    format!("{number}\n").into_bytes()
}

#[expect(clippy::await_holding_lock, reason = "the reader has stopped")]
#[tokio::test]
async fn a_line_that_is_late_is_reported_and_written_later() {
    let (pipe, writer) = started();
    let held = pipe.written();
    let mut slot = slot(&writer);
    let start = Instant::now();
    let is_written = writer.write(&mut slot, line(1)).await;
    assert!(!is_written && start.elapsed() >= DEADLINE);
    assert!(writer.is_stalled());
    writer.write_later(slot, line(2));
    assert!(
        !writer.flush(Duration::from_millis(20)),
        "nothing is written yet"
    );
    drop(held);
    assert!(writer.flush(LONG));
    assert_eq!(pipe.text(), "1\n2\n", "in their order");
    until(|| !writer.is_stalled());
    let mut slot = writer.reserve().expect("a slot");
    assert!(writer.write(&mut slot, line(3)).await);
}

/// A stream that reports the begin of each write, which then waits for the test.
struct Gate {
    begun: mpsc::Sender<()>,
    open: mpsc::Receiver<()>,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let opened = self.begun.send(()).ok().and(self.open.recv().ok());
        opened.ok_or(ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_slow_reader_stalls_the_stream_although_no_write_takes_long() {
    let (begun, begins) = mpsc::channel();
    let (opening, open) = mpsc::channel();
    let writer = Writer::start(Gate { begun, open }).expect("a thread");
    writer.write_later(slot(&writer), line(1));
    begins.recv_timeout(LONG).expect("a write");
    let mut second = slot(&writer);
    let reader = async {
        tokio::time::sleep(DEADLINE * 3 / 4).await;
        opening.send(()).expect("a write");
    };
    let (is_written, ()) = tokio::join!(writer.write(&mut second, line(2)), reader);
    assert!(!is_written);
    assert!(writer.is_stalled(), "the second line is late");
    opening.send(()).expect("a write");
    until(|| !writer.is_stalled());
}

#[tokio::test]
async fn decisions_and_messages_that_wait_are_limited_and_counted() {
    let (pipe, writer) = started();
    let held = pipe.written();
    for number in 0..MAX_DECISIONS {
        writer.write_later(slot(&writer), line(number));
    }
    assert!(writer.reserve().is_none());
    writer.lost();
    for _ in 0..MAX_MESSAGES + 7 {
        writer.message(b"m\n".to_vec());
    }
    drop(held);
    assert!(writer.flush(LONG));
    writer.message(b"end\n".to_vec());
    assert!(writer.flush(LONG));
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
async fn a_stream_that_failed_is_tried_again_without_a_request() {
    let (pipe, writer) = started();
    pipe.fail(ErrorKind::StorageFull);
    let mut slot = slot(&writer);
    assert!(!writer.write(&mut slot, line(1)).await);
    assert!(writer.is_stalled() && !writer.flush(LONG));
    pipe.fail(None);
    until(|| !writer.is_stalled());
    let report = pipe.text();
    assert!(report.contains(r#""audit":"lost","lines":1"#), "{report}");
    assert!(writer.write(&mut slot, line(2)).await);
    assert_eq!(pipe.text(), format!("{report}2\n"));
    assert_eq!(writer.lost_lines(), 1);
}

#[tokio::test]
async fn a_failed_message_is_counted_and_its_flush_is_a_failure() {
    let (pipe, writer) = started();
    pipe.fail(ErrorKind::StorageFull);
    writer.message(b"m\n".to_vec());
    until(|| writer.is_stalled());
    assert!(!writer.flush(LONG), "the message is not written");
    assert!(writer.is_stalled(), "a flush writes nothing");
    pipe.fail(None);
    assert!(writer.flush(LONG));
    assert!(pipe.text().contains("\"1 messages were lost.\""));
}

#[tokio::test]
async fn a_partial_write_loses_only_the_lines_that_are_not_complete() {
    let (pipe, writer) = started();
    let held = pipe.written();
    writer.write_later(slot(&writer), line(0));
    pipe.wait_for_write(1);
    for number in [11, 22] {
        writer.write_later(slot(&writer), line(number));
    }
    // The lines 0 and 11, and a part of line 22.
    pipe.room.store(2 + 3 + 1, Ordering::Relaxed);
    pipe.fail(ErrorKind::StorageFull);
    drop(held);
    until(|| writer.is_stalled());
    assert_eq!(pipe.text(), "0\n11\n2");
    pipe.fail(None);
    writer.write_later(slot(&writer), line(33));
    assert!(writer.flush(LONG));
    let text = pipe.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..3], ["0", "11", "2"], "{text}");
    assert!(
        lines[3].starts_with('{') && lines[3].contains("\"lines\":1"),
        "{text}"
    );
    assert_eq!(lines[4..], ["33"], "{text}");
    assert_eq!(writer.lost_lines(), 1);
}

#[tokio::test]
async fn the_end_of_the_reader_is_reported_once() {
    let (pipe, writer) = started();
    let closed = |timeout| tokio::time::timeout(timeout, writer.closed());
    pipe.fail(ErrorKind::StorageFull);
    writer.message(b"m\n".to_vec());
    until(|| writer.is_stalled());
    assert!(closed(Duration::from_millis(20)).await.is_err());
    pipe.fail(ErrorKind::BrokenPipe);
    writer.message(b"m\n".to_vec());
    assert!(closed(LONG).await.is_ok());
    assert!(!writer.flush(LONG), "nothing is written");
    assert!(closed(Duration::from_millis(20)).await.is_err());
}
