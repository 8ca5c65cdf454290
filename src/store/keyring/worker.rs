//! A thread that does one thing after another for callers who will not wait for ever.
//!
//! What it does may hang for good (a stopped daemon, an unlock dialog that nobody sees). Its
//! callers leave after a deadline, and the process ends without it: the thread is detached, and
//! no runtime waits for it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Why there is no outcome.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The deadline passed, or an earlier one did and the thread still hangs there.
    Overdue,
    /// The thread could not be started, or died.
    Lost,
}

pub(super) struct Worker {
    deadline: Duration,
    /// Callers take turns here only to hand work over, never while it is done.
    queue: Mutex<Queue>,
    /// The number of the last piece of work that a caller gave up on.
    given_up: AtomicU64,
    /// The number of the last piece of work done; the thread counts.
    done: Arc<AtomicU64>,
}

#[derive(Default)]
struct Queue {
    thread: Option<Sender<Box<dyn FnOnce() + Send>>>,
    last: u64,
}

impl Worker {
    /// A worker whose thread starts with the first piece of work.
    pub(super) fn new(deadline: Duration) -> Self {
        Worker {
            deadline,
            queue: Mutex::default(),
            given_up: AtomicU64::new(0),
            done: Arc::default(),
        }
    }

    /// Has `work` done on the thread. After a deadline has passed, further work fails at once
    /// until the thread has come back; work that its caller gave up on before it began is not
    /// done any more.
    ///
    /// The one piece of work that hangs cannot be called back: what it changes, it may still
    /// change after its caller has left.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        if self.given_up.load(Ordering::SeqCst) > self.done.load(Ordering::SeqCst) {
            return Err(Failure::Overdue);
        }
        let (answer, outcome) = mpsc::sync_channel(1);
        let abandoned = Arc::new(AtomicBool::new(false));
        let number = self.hand_over({
            let abandoned = Arc::clone(&abandoned);
            move || {
                if !abandoned.load(Ordering::SeqCst) {
                    // Nobody listens once the deadline has passed.
                    let _ = answer.send(work());
                }
            }
        })?;
        outcome
            .recv_timeout(self.deadline)
            .map_err(|error| match error {
                RecvTimeoutError::Timeout => {
                    abandoned.store(true, Ordering::SeqCst);
                    self.given_up.fetch_max(number, Ordering::SeqCst);
                    Failure::Overdue
                }
                RecvTimeoutError::Disconnected => Failure::Lost,
            })
    }

    fn hand_over(&self, work: impl FnOnce() + Send + 'static) -> Result<u64, Failure> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.last += 1;
        let number = queue.last;
        let done = Done(Arc::clone(&self.done), number);
        let work = Box::new(move || {
            // Dropped last, and also where the work panics: then it does not hang any more.
            let _done = done;
            work();
        });
        let thread = match queue.thread.take() {
            Some(thread) => thread,
            None => start()?,
        };
        thread.send(work).map_err(|_| Failure::Lost)?;
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
        .map_err(|_| Failure::Lost)?;
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_and_answered() {
        let worker = Worker::new(Duration::from_secs(60));
        assert_eq!(worker.run(|| 6 * 7), Ok(42));
        assert_eq!(worker.run(|| "again"), Ok("again"));
    }

    #[test]
    fn who_hangs_is_left_and_further_work_fails_at_once_until_it_comes_back() {
        let worker = Worker::new(Duration::from_millis(20));
        let (release, hang) = mpsc::channel::<()>();
        let (tell, back) = mpsc::channel::<()>();
        let hung = worker.run(move || {
            let _ = hang.recv();
            let _tell = tell;
        });
        assert_eq!(hung, Err(Failure::Overdue));

        let (never, nothing) = mpsc::channel::<()>();
        assert_eq!(worker.run(move || drop(never)), Err(Failure::Overdue));
        assert_eq!(
            nothing.recv(),
            Err(mpsc::RecvError),
            "it was dropped, unqueued"
        );

        drop(release);
        assert_eq!(back.recv(), Err(mpsc::RecvError), "the hung work has ended");
        while worker.given_up.load(Ordering::SeqCst) > worker.done.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        assert_eq!(worker.run(|| 1), Ok(1));
    }

    #[test]
    fn a_thread_that_died_is_an_error_and_the_next_call_starts_another() {
        let worker = Worker::new(Duration::from_secs(60));
        let died: Result<(), Failure> = worker.run(|| panic!("on purpose"));
        assert_eq!(died, Err(Failure::Lost));
        // The thread may take one more piece into its end.
        while worker.run(|| ()).is_err() {}
        assert_eq!(worker.run(|| 1), Ok(1));
    }
}
