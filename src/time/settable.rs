//! A clock for tests, which stands still until it is set.

use std::time::Duration;

use tokio::sync::watch;

use super::clock::{Boot, Clock, Sleep};
use super::timestamp::Timestamp;

/// A clock that stands still until it is set, for tests and for the emulator. Clones share the time.
#[derive(Debug, Clone)]
pub struct SettableClock(watch::Sender<Hands>);

/// The time that the clock shows, and the time that has passed on it.
#[derive(Debug, Clone, Copy)]
struct Hands {
    wall: Timestamp,
    passed: Duration,
}

impl SettableClock {
    /// Creates a clock that shows `start`.
    pub fn new(start: Timestamp) -> Self {
        SettableClock(watch::Sender::new(Hands {
            wall: start,
            passed: Duration::ZERO,
        }))
    }

    /// Lets time pass, and completes the sleeps until then.
    pub fn advance(&self, duration: Duration) {
        self.0.send_modify(|hands| {
            hands.wall = hands.wall.plus(duration);
            hands.passed += duration;
        });
    }

    /// Sets the shown time, also backwards. No time passes.
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
            // The sender is in `self`, so this does not fail.
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
