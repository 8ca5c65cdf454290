//! A thread that runs calls in order, with a deadline for each.
//!
//! A call may hang (a stopped daemon, an unlock dialog that the user does not see). Its caller
//! returns after the deadline, and the process can exit meanwhile, since the thread is detached.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The reason for a call without a result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The deadline passed, or the thread still hangs in an earlier call.
    TimedOut,
    /// The thread could not be started, or has panicked.
    DiedMidway,
}

pub(super) struct Worker {
    deadline: Duration,
    /// Locked only to enqueue a call, not while it runs.
    queue: Mutex<Queue>,
    /// The number of the last call that timed out.
    timed_out: AtomicU64,
    /// The number of the last completed call.
    done: Arc<AtomicU64>,
}

#[derive(Default)]
struct Queue {
    thread: Option<Sender<Box<dyn FnOnce() + Send>>>,
    last: u64,
}

impl Worker {
    /// Creates a worker. Its thread starts with the first call.
    pub(super) fn new(deadline: Duration) -> Self {
        Worker {
            deadline,
            queue: Mutex::default(),
            timed_out: AtomicU64::new(0),
            done: Arc::default(),
        }
    }

    /// Runs `work` on the thread. After a timeout, further calls fail at once until the thread
    /// continues. A call that timed out before it started does not run.
    ///
    /// A call that hangs cannot be cancelled: it may have its effect after the timeout.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        if self.timed_out.load(Ordering::SeqCst) > self.done.load(Ordering::SeqCst) {
            return Err(Failure::TimedOut);
        }
        let (answer, outcome) = mpsc::sync_channel(1);
        let abandoned = Arc::new(AtomicBool::new(false));
        let number = self.enqueue({
            let abandoned = Arc::clone(&abandoned);
            move || {
                if !abandoned.load(Ordering::SeqCst) {
                    // The receiver is gone after the deadline.
                    let _ = answer.send(work());
                }
            }
        })?;
        outcome
            .recv_timeout(self.deadline)
            .map_err(|error| match error {
                RecvTimeoutError::Timeout => {
                    abandoned.store(true, Ordering::SeqCst);
                    self.timed_out.fetch_max(number, Ordering::SeqCst);
                    Failure::TimedOut
                }
                RecvTimeoutError::Disconnected => Failure::DiedMidway,
            })
    }

    fn enqueue(&self, work: impl FnOnce() + Send + 'static) -> Result<u64, Failure> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.last += 1;
        let number = queue.last;
        let done = Done(Arc::clone(&self.done), number);
        let work = Box::new(move || {
            // Dropped last, also if the work panics.
            let _done = done;
            work();
        });
        let thread = match queue.thread.take() {
            Some(thread) => thread,
            None => start()?,
        };
        thread.send(work).map_err(|_| Failure::DiedMidway)?;
        queue.thread = Some(thread);
        Ok(number)
    }
}

struct Done(Arc<AtomicU64>, u64);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.fetch_max(self.1, Ordering::SeqCst);
    }
}

fn start() -> Result<Sender<Box<dyn FnOnce() + Send>>, Failure> {
    let (sender, work) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
    thread::Builder::new()
        .name("keyring".to_owned())
        .spawn(move || {
            for piece in work {
                piece();
            }
        })
        .map_err(|_| Failure::DiedMidway)?;
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_returned() {
        let worker = Worker::new(Duration::from_secs(60));
        assert_eq!(worker.run(|| 6 * 7), Ok(42));
        assert_eq!(worker.run(|| "again"), Ok("again"));
    }

    #[test]
    fn hanging_call_times_out_and_later_calls_fail_at_once_until_it_returns() {
        let worker = Worker::new(Duration::from_millis(20));
        let (release, hang) = mpsc::channel::<()>();
        let (tell, back) = mpsc::channel::<()>();
        let hung = worker.run(move || {
            let _ = hang.recv();
            let _tell = tell;
        });
        assert_eq!(hung, Err(Failure::TimedOut));

        let (never, nothing) = mpsc::channel::<()>();
        assert_eq!(worker.run(move || drop(never)), Err(Failure::TimedOut));
        assert_eq!(
            nothing.recv(),
            Err(mpsc::RecvError),
            "it was dropped, unqueued"
        );

        drop(release);
        assert_eq!(back.recv(), Err(mpsc::RecvError), "the hung work has ended");
        let start = std::time::Instant::now();
        while worker.timed_out.load(Ordering::SeqCst) > worker.done.load(Ordering::SeqCst) {
            assert!(start.elapsed().as_secs() < 60, "the late work is counted");
            thread::yield_now();
        }
        assert_eq!(worker.run(|| 1), Ok(1));
    }

    #[test]
    fn panicked_thread_is_an_error_and_the_next_call_starts_another() {
        let worker = Worker::new(Duration::from_secs(60));
        let died: Result<(), Failure> = worker.run(|| panic!("on purpose"));
        assert_eq!(died, Err(Failure::DiedMidway));
        // The thread may take one more piece into its end.
        while worker.run(|| ()).is_err() {}
        assert_eq!(worker.run(|| 1), Ok(1));
    }
}
