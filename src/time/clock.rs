//! The clock that everything is handed, and how the service's time is told from it.

use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

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

    /// How long this clock has run, which nobody can set: cheap enough for every request. Time that
    /// the machine slept may be missing. `None` where that cannot be told.
    fn running(&self) -> Option<Duration> {
        None
    }

    /// How long the machine has been up, time asleep included: what nobody can set. `None` where
    /// that cannot be told.
    fn boot(&self) -> Option<Boot> {
        None
    }
}

/// A run of the machine, and how long it has lasted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// Another one after every start of the machine.
    pub id: String,
    /// Seconds since that start.
    pub uptime_seconds: u64,
}

/// What the clocks showed when a service last answered: how the service's time is told from then
/// on, whatever happens to this machine's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockMark {
    wall_seconds: i64,
    service_seconds: i64,
    boot: Option<Boot>,
}

/// Clocks that differ by less are taken as equal.
const CLOCKS_AGREE_SECONDS: u64 = 60;

impl ClockMark {
    /// Marks this moment. `service` is the service's time, where it told it.
    pub fn new(clock: &dyn Clock, service: Option<Timestamp>) -> Self {
        let wall = clock.now();
        let service = service
            .filter(|service| service.seconds_since(wall).unsigned_abs() > CLOCKS_AGREE_SECONDS)
            .unwrap_or(wall);
        ClockMark {
            wall_seconds: wall.0,
            service_seconds: service.0,
            boot: clock.boot(),
        }
    }

    /// The service's clock minus ours at the mark; 0 where they agreed to a minute.
    pub fn offset_seconds(&self) -> i64 {
        self.service_seconds.saturating_sub(self.wall_seconds)
    }
}

/// What this machine's clocks showed at one moment: read once, for as many marks as there are.
#[derive(Debug, Clone)]
pub struct Moment {
    wall: Timestamp,
    boot: Option<Boot>,
}

impl Moment {
    /// Now.
    pub fn now(clock: &dyn Clock) -> Self {
        Moment {
            wall: clock.now(),
            boot: clock.boot(),
        }
    }

    /// The service's time at this moment, as far as its last answer told it; ours, where none did.
    ///
    /// Within one run of the machine it is the mark plus what has passed, so that a clock that was
    /// set meanwhile makes no token fresh that is not. After a restart it is the clock's, and where
    /// that cannot be right, the end of time: then nothing is fresh.
    pub fn by_service(&self, mark: Option<&ClockMark>) -> Timestamp {
        let Some(mark) = mark else {
            return self.wall;
        };
        if let (Some(then), Some(now)) = (&mark.boot, &self.boot)
            && then.id == now.id
            && let Some(passed) = now.uptime_seconds.checked_sub(then.uptime_seconds)
        {
            return Timestamp(mark.service_seconds).plus(Duration::from_secs(passed));
        }
        let before = Timestamp(mark.wall_seconds).seconds_since(self.wall);
        if before > CLOCKS_AGREE_SECONDS as i64 {
            return Timestamp::END;
        }
        // Whether the clock has been put right since nobody knows: the later time is the safe one.
        self.wall.max(self.wall.shifted(mark.offset_seconds()))
    }
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
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        Some(START.elapsed())
    }

    #[cfg(target_os = "linux")]
    fn boot(&self) -> Option<Boot> {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        Some(Boot {
            id: id.trim().to_owned(),
            uptime_seconds: uptime.split('.').next()?.parse().ok()?,
        })
    }
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
            id: "settable".to_owned(),
            uptime_seconds: self.0.borrow().passed.as_secs(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_000_000);
    const HOUR: Duration = Duration::from_secs(3600);

    /// A clock after a restart: nothing is known but what it shows.
    struct Restarted(Timestamp);

    impl Clock for Restarted {
        fn now(&self) -> Timestamp {
            self.0
        }

        fn sleep(&self, _: Duration) -> Sleep<'_> {
            Box::pin(std::future::ready(()))
        }
    }

    #[test]
    fn a_clock_that_was_set_meanwhile_does_not_move_the_services_time() {
        for (service, offset) in [
            (None, 0),
            (Some(START.shifted(30)), 0),
            (Some(START.shifted(7200)), 7200),
            (Some(START.shifted(-7200)), -7200),
        ] {
            let clock = SettableClock::new(START);
            let mark = ClockMark::new(&clock, service);
            assert_eq!(mark.offset_seconds(), offset);
            clock.advance(HOUR);
            for jump in [0, -90_000, 90_000, 7200, -7200] {
                clock.set(START.shifted(jump));
                let now = Moment::now(&clock).by_service(Some(&mark));
                assert_eq!(now, START.shifted(offset + 3600), "{offset} {jump}");
            }
        }
    }

    #[test]
    fn after_a_restart_the_later_time_is_taken_and_a_clock_that_went_back_is_not_believed() {
        let clock = SettableClock::new(START);
        let behind = ClockMark::new(&clock, Some(START.shifted(7200)));
        let ahead = ClockMark::new(&clock, Some(START.shifted(-7200)));
        let later = Moment::now(&Restarted(START.shifted(100)));
        assert_eq!(later.by_service(Some(&behind)), START.shifted(7300));
        assert_eq!(later.by_service(Some(&ahead)), START.shifted(100));
        let earlier = Moment::now(&Restarted(START.shifted(-61)));
        assert_eq!(earlier.by_service(Some(&behind)), Timestamp::END);
        assert_eq!(earlier.by_service(Some(&ahead)), Timestamp::END);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_tells_how_long_it_is_up() {
        let first = SystemClock.boot().expect("a Linux with /proc");
        let again = SystemClock.boot().expect("a Linux with /proc");
        assert_eq!(first.id, again.id);
        assert!(first.uptime_seconds <= again.uptime_seconds);
    }
}
