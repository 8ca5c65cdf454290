//! The clock interface, the machine's clock, and a settable one.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::timestamp::Timestamp;

/// The future of [`Clock::sleep`].
pub type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A source of the time, which can also wait.
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> Timestamp;

    /// Completes after `duration` has passed on this clock.
    fn sleep(&self, duration: Duration) -> Sleep<'_>;

    /// Returns the time since a start that is constant for the process, by a clock that cannot be
    /// set. Cheap enough for every request. It may lack the time that the machine slept. `None` if
    /// there is no such clock.
    fn monotonic(&self) -> Option<Duration> {
        None
    }

    /// Returns the machine's uptime, which cannot be set. On most machines it includes the time
    /// asleep; in a suspended virtual machine it stops. `None` if it cannot be read.
    fn uptime(&self) -> Option<Uptime> {
        None
    }
}

/// The machine's uptime, and the boot that it counts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uptime {
    /// The id of this boot. `None` if the platform has none, or it cannot be read.
    pub id: Option<String>,
    /// The seconds since the boot.
    pub uptime_seconds: u64,
}

/// The machine's clock. `sleep` needs a tokio runtime with its timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the only read of the machine's clock"
    )]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_unix_seconds(0).plus(since_epoch)
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn monotonic(&self) -> Option<Duration> {
        Some(monotonic_time())
    }

    #[cfg(target_os = "linux")]
    fn uptime(&self) -> Option<Uptime> {
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        let id = id.map(|id| id.trim().to_owned());
        Some(Uptime {
            id: id.filter(|id| !id.is_empty()),
            uptime_seconds: uptime.split('.').next()?.trim().parse().ok()?,
        })
    }

    /// The id of the boot cannot be read without another program.
    #[cfg(target_os = "macos")]
    fn uptime(&self) -> Option<Uptime> {
        Some(Uptime {
            id: None,
            uptime_seconds: monotonic_time().as_secs(),
        })
    }
}

/// Returns the time since a start that is constant for the process: on these platforms the boot. It
/// includes the time asleep, which `std::time::Instant` leaves out here. The clocks are those of `man 2 clock_gettime` (Linux) and
/// `man 3 clock_gettime` (macOS).
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn monotonic_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    #[cfg(target_os = "linux")]
    let time = clock_gettime(ClockId::Boottime);
    #[cfg(target_os = "macos")]
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Returns the time since a start that is constant for the process: here the first call.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn monotonic_time() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

/// A clock that stands still until it is set, for tests and for the emulator. Clones share the time.
#[derive(Debug, Clone)]
pub struct SettableClock(watch::Sender<ClockState>);

/// The time that the clock shows, and the time that has passed on it.
#[derive(Debug, Clone, Copy)]
struct ClockState {
    wall: Timestamp,
    passed: Duration,
}

impl SettableClock {
    /// Creates a clock that shows `start`.
    pub fn new(start: Timestamp) -> Self {
        SettableClock(watch::Sender::new(ClockState {
            wall: start,
            passed: Duration::ZERO,
        }))
    }

    /// Lets time pass, and completes the sleeps until then.
    pub fn advance(&self, duration: Duration) {
        self.0.send_modify(|state| {
            state.wall = state.wall.plus(duration);
            state.passed += duration;
        });
    }

    /// Sets the shown time, also backwards. No time passes.
    pub fn set(&self, now: Timestamp) {
        self.0.send_modify(|state| state.wall = now);
    }
}

impl Clock for SettableClock {
    fn now(&self) -> Timestamp {
        self.0.borrow().wall
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        let mut state = self.0.subscribe();
        Box::pin(async move {
            let until = state.borrow().passed + duration;
            // The sender is in `self`, so this does not fail.
            let _ = state.wait_for(|state| state.passed >= until).await;
        })
    }

    fn monotonic(&self) -> Option<Duration> {
        Some(self.0.borrow().passed)
    }

    fn uptime(&self) -> Option<Uptime> {
        Some(Uptime {
            id: Some("settable".to_owned()),
            uptime_seconds: self.0.borrow().passed.as_secs(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn uptime_of_this_machine_increases() {
        let first = SystemClock.uptime().expect("a Linux with /proc");
        let again = SystemClock.uptime().expect("a Linux with /proc");
        assert_eq!(first.id, again.id);
        assert!(first.uptime_seconds <= again.uptime_seconds);
    }
}
