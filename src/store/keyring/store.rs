//! The store in the operating system's keyring.
//!
//! A thread runs the calls in order, with a deadline for each. A call may hang (a stopped daemon, an
//! unlock dialog that the user does not see). Its caller returns after the deadline, and the process
//! can exit meanwhile, since the thread is detached.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use super::failure::KeyringFailure;
#[cfg(target_os = "macos")]
use super::native::NativeKeyring as PlatformKeyring;
#[cfg(windows)]
use super::native::{self, NativeKeyring as PlatformKeyring};
#[cfg(not(any(target_os = "macos", windows)))]
use super::secret_service::SecretServiceKeyring as PlatformKeyring;
use crate::error::Result;
use crate::progress;
use crate::secret::SecretBytes;
#[cfg(windows)]
use crate::store::split::Split;
use crate::store::token_store::TokenStore;

/// The time limit of a call.
const DEADLINE: Duration = Duration::from_secs(5);

/// The user's keyring. It is opened by the first call.
#[cfg(not(windows))]
pub type KeyringStore = Keyring;

/// The user's keyring. It is opened by the first call. The Credential Manager limits the size of an
/// item.
#[cfg(windows)]
pub type KeyringStore = Split<Keyring>;

#[cfg(windows)]
impl Split<Keyring> {
    /// Creates a store over the user's keyring.
    pub fn new() -> Self {
        Split::over(Keyring::new(), native::LIMIT)
    }
}

/// The keyring's items, each within the platform's limits.
pub struct Keyring {
    deadline: Duration,
    /// The thread's queue. The thread starts with the first call.
    queue: Mutex<Option<Sender<Call>>>,
    /// A call that timed out, until the thread has completed or dropped it.
    timed_out_call: Mutex<Weak<AtomicBool>>,
}

type Call = Box<dyn FnOnce(&mut PlatformKeyring) + Send>;

impl Keyring {
    /// Creates a store over the user's keyring.
    pub fn new() -> Self {
        Keyring {
            deadline: DEADLINE,
            queue: Mutex::default(),
            timed_out_call: Mutex::default(),
        }
    }

    /// Makes a call on the thread. After a timeout, further calls fail at once until the thread
    /// continues. A call that timed out before it started is not made.
    ///
    /// A call that hangs cannot be cancelled: it may have its effect after the timeout.
    fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut PlatformKeyring) -> Result<T, KeyringFailure> + Send + 'static,
    ) -> Result<T, KeyringFailure> {
        if lock(&self.timed_out_call).strong_count() > 0 {
            return Err(KeyringFailure::TimedOut);
        }
        let (sender, outcome) = mpsc::sync_channel(1);
        // The thread has a reference as long as it has the call, also if the call panics.
        let is_cancelled = Arc::new(AtomicBool::new(false));
        self.enqueue({
            let is_cancelled = Arc::clone(&is_cancelled);
            Box::new(move |keyring| {
                if !is_cancelled.load(Ordering::SeqCst) {
                    // The receiver is gone after the deadline.
                    let _ = sender.send(call(keyring));
                }
            })
        })?;
        let first_wait = self.deadline.min(progress::SILENCE);
        let mut received = outcome.recv_timeout(first_wait);
        if matches!(received, Err(RecvTimeoutError::Timeout)) {
            let _report = progress::report("Waiting for the keyring\u{2026}");
            received = outcome.recv_timeout(self.deadline.saturating_sub(first_wait));
        }
        match received {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => {
                is_cancelled.store(true, Ordering::SeqCst);
                let call = Arc::downgrade(&is_cancelled);
                drop(is_cancelled);
                let mut timed_out_call = lock(&self.timed_out_call);
                // A stored call that is alive is earlier, and this one is then queued behind it and
                // will not be made; or it is later than this one, and ends after it.
                if timed_out_call.strong_count() == 0 {
                    *timed_out_call = call;
                }
                Err(KeyringFailure::TimedOut)
            }
            Err(RecvTimeoutError::Disconnected) => Err(KeyringFailure::ServiceDisconnected),
        }
    }

    fn enqueue(&self, call: Call) -> Result<(), KeyringFailure> {
        let mut queue = lock(&self.queue);
        let calls = match queue.take() {
            Some(calls) => calls,
            None => start_thread().map_err(|_| KeyringFailure::ServiceDisconnected)?,
        };
        // The thread has panicked; the next call starts another.
        calls
            .send(call)
            .map_err(|_| KeyringFailure::ServiceDisconnected)?;
        *queue = Some(calls);
        Ok(())
    }
}

fn start_thread() -> std::io::Result<Sender<Call>> {
    let (sender, calls) = mpsc::channel::<Call>();
    let run = move || {
        let mut keyring = PlatformKeyring::default();
        for call in calls {
            call(&mut keyring);
        }
    };
    thread::Builder::new()
        .name("keyring".to_owned())
        .spawn(run)?;
    Ok(sender)
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TokenStore for Keyring {
    fn name(&self) -> &'static str {
        "keyring"
    }

    fn load(&self, item: &str) -> Result<Option<SecretBytes>> {
        let name = item.to_owned();
        let loaded = self.call(move |keyring| Ok(keyring.load(&name)?.map(SecretBytes::new)));
        loaded.map_err(|failure| failure.into_error(item))
    }

    fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
        let (name, value) = (item.to_owned(), value.clone());
        self.call(move |keyring| keyring.save(&name, value.expose()))
            .map_err(|failure| failure.into_error(item))
    }

    fn delete(&self, item: &str) -> Result<bool> {
        let name = item.to_owned();
        self.call(move |keyring| keyring.delete(&name))
            .map_err(|failure| failure.into_error(item))
    }

    fn items(&self) -> Result<Vec<String>> {
        self.call(PlatformKeyring::items)
            .map_err(|failure| failure.into_error(""))
    }

    fn items_if_available(&self) -> Result<Option<Vec<String>>> {
        match self.call(PlatformKeyring::items) {
            Ok(items) => Ok(Some(items)),
            Err(failure) if failure.is_absence() => Ok(None),
            Err(failure) => Err(failure.into_error("")),
        }
    }

    fn is_persistent(&self) -> bool {
        true
    }

    fn removal_by_hand(&self, item: &str) -> String {
        PlatformKeyring::removal_by_hand(item)
    }
}

impl Default for Keyring {
    fn default() -> Self {
        Keyring::new()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(deadline: Duration) -> Keyring {
        Keyring {
            deadline,
            ..Keyring::new()
        }
    }

    #[test]
    fn results_are_returned() {
        let keyring = keyring(Duration::from_secs(60));
        assert_eq!(keyring.call(|_| Ok(6 * 7)), Ok(42));
        assert_eq!(keyring.call(|_| Ok("again")), Ok("again"));
    }

    #[test]
    fn hanging_call_times_out_and_later_calls_fail_at_once_until_it_returns() {
        let keyring = keyring(Duration::from_millis(20));
        let (release, hang) = mpsc::channel::<()>();
        let (tell, back) = mpsc::channel::<()>();
        let hung = keyring.call(move |_| {
            let _ = hang.recv();
            let _tell = tell;
            Ok(())
        });
        assert_eq!(hung, Err(KeyringFailure::TimedOut));

        let (never, nothing) = mpsc::channel::<()>();
        let late = keyring.call(move |_| {
            drop(never);
            Ok(())
        });
        assert_eq!(late, Err(KeyringFailure::TimedOut));
        assert_eq!(
            nothing.recv(),
            Err(mpsc::RecvError),
            "it was dropped, unqueued"
        );

        drop(release);
        assert_eq!(back.recv(), Err(mpsc::RecvError), "the hung work has ended");
        let start = std::time::Instant::now();
        while lock(&keyring.timed_out_call).strong_count() > 0 {
            assert!(start.elapsed().as_secs() < 60, "the late work is counted");
            thread::yield_now();
        }
        assert_eq!(keyring.call(|_| Ok(1)), Ok(1));
    }

    #[test]
    fn call_that_times_out_late_does_not_replace_a_later_one() {
        let keyring = Arc::new(keyring(Duration::from_millis(500)));
        let later = Arc::new(AtomicBool::new(true));
        let (stored, in_call) = (Arc::downgrade(&later), Arc::clone(&keyring));
        let (release, hang) = mpsc::channel::<()>();
        let hung = keyring.call(move |_| {
            *lock(&in_call.timed_out_call) = stored;
            let _ = hang.recv();
            Ok(())
        });
        assert_eq!(hung, Err(KeyringFailure::TimedOut));
        drop(release);
        let timed_out_call = lock(&keyring.timed_out_call);
        assert!(
            timed_out_call.ptr_eq(&Arc::downgrade(&later)),
            "still awaited"
        );
    }

    #[test]
    fn panicked_thread_is_an_error_and_the_next_call_starts_another() {
        let keyring = keyring(Duration::from_secs(60));
        let died: Result<(), KeyringFailure> = keyring.call(|_| panic!("on purpose"));
        assert_eq!(died, Err(KeyringFailure::ServiceDisconnected));
        // The thread may take one more piece into its end.
        while keyring.call(|_| Ok(())).is_err() {}
        assert_eq!(keyring.call(|_| Ok(1)), Ok(1));
    }
}
