//! The clock that everything is handed.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::Timestamp;

/// A future that the [`Clock`] hands out.
pub type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Where the time comes from, and what waits for it to pass.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Ends once `duration` has passed on this clock.
    fn sleep(&self, duration: Duration) -> Sleep<'_>;

    /// The time since a start that does not change while the process runs; it cannot be set. Cheap
    /// enough for every request. The time that the machine slept may be missing. `None` if there is
    /// no such clock.
    fn running(&self) -> Option<Duration> {
        None
    }

    /// How long the machine has been up: a clock that cannot be set. On most machines it includes
    /// the time asleep; in a suspended virtual machine it stops. `None` if it cannot be read.
    fn boot(&self) -> Option<Boot> {
        None
    }
}

/// A run of the machine, and how long it has lasted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// Identifies this run: every start of the machine gets another id. `None` if the platform has
    /// no such id, or it cannot be read.
    pub id: Option<String>,
    /// Seconds since that start.
    pub uptime_seconds: u64,
}

/// The machine's own clock. Sleeping needs a tokio runtime with its timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one door to the machine's clock"
    )]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(0).plus(since_epoch)
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn running(&self) -> Option<Duration> {
        Some(since_start())
    }

    #[cfg(target_os = "linux")]
    fn boot(&self) -> Option<Boot> {
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        let id = id.map(|id| id.trim().to_owned());
        Some(Boot {
            id: id.filter(|id| !id.is_empty()),
            uptime_seconds: uptime.split('.').next()?.trim().parse().ok()?,
        })
    }

    /// There is no id of the run that can be read without another program.
    #[cfg(target_os = "macos")]
    fn boot(&self) -> Option<Boot> {
        Some(Boot {
            id: None,
            uptime_seconds: since_start().as_secs(),
        })
    }
}

/// The time since the start of the machine, the time asleep included: `std::time::Instant` leaves
/// that out on these platforms. The clocks are those of `man 2 clock_gettime` (Linux) and
/// `man 3 clock_gettime` (macOS).
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn since_start() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    #[cfg(target_os = "linux")]
    let time = clock_gettime(ClockId::Boottime);
    #[cfg(target_os = "macos")]
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The time since the first call.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn since_start() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

/// A clock that stands still until it is told the time: for tests, and for whoever drives an
/// emulator through a day in a second. Clones share the time.
#[derive(Debug, Clone)]
pub struct SettableClock(watch::Sender<Hands>);

/// What the clock shows, and what has really passed since it was made.
#[derive(Debug, Clone, Copy)]
struct Hands {
    wall: Timestamp,
    passed: Duration,
}

impl SettableClock {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        SettableClock(watch::Sender::new(Hands {
            wall: start,
            passed: Duration::ZERO,
        }))
    }

    /// Lets time pass, and wakes whoever slept until then.
    pub fn advance(&self, duration: Duration) {
        self.0.send_modify(|hands| {
            hands.wall = hands.wall.plus(duration);
            hands.passed += duration;
        });
    }

    /// Sets what the clock shows, also backwards, without any time passing.
    pub fn set(&self, now: Timestamp) {
        self.0.send_modify(|hands| hands.wall = now);
    }
}

impl Clock for SettableClock {
    fn now(&self) -> Timestamp {
        self.0.borrow().wall
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        let mut hands = self.0.subscribe();
        Box::pin(async move {
            let until = hands.borrow().passed + duration;
            // The sender lives in `self`, so this cannot end early.
            let _ = hands.wait_for(|hands| hands.passed >= until).await;
        })
    }

    fn running(&self) -> Option<Duration> {
        Some(self.0.borrow().passed)
    }

    fn boot(&self) -> Option<Boot> {
        Some(Boot {
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
    fn this_machine_tells_how_long_it_is_up() {
        let first = SystemClock.boot().expect("a Linux with /proc");
        let again = SystemClock.boot().expect("a Linux with /proc");
        assert_eq!(first.id, again.id);
        assert!(first.uptime_seconds <= again.uptime_seconds);
    }
}
