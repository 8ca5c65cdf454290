//! A clock on which every sleep is over at once, for whoever shares it: hours of waiting in no
//! time, each second of which a test can act on.

use super::deadline::Deadline;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use acspass::emulator::{Emulator, Options};
use acspass::time::{Clock, SettableClock, Sleep, Timestamp, Uptime};

use super::Home;

type Act = Box<dyn FnMut(u64) + Send>;

/// See the module.
#[derive(Clone)]
pub(crate) struct BriskClock {
    clock: SettableClock,
    slept: Arc<AtomicU64>,
    act: Arc<Mutex<Option<Act>>>,
    may_pass: Arc<AtomicBool>,
}

impl BriskClock {
    pub(crate) fn new() -> BriskClock {
        BriskClock {
            clock: SettableClock::new(Timestamp::from_unix_seconds(1_800_000_000)),
            slept: Arc::default(),
            act: Arc::default(),
            may_pass: Arc::new(AtomicBool::new(true)),
        }
    }

    /// Holds the time until the flag is set.
    pub(crate) fn stands_still(&self) -> Arc<AtomicBool> {
        self.may_pass.store(false, Ordering::Release);
        self.may_pass.clone()
    }

    /// Does this after every sleep; it is told how many seconds were slept in all.
    pub(crate) fn meanwhile(&self, act: impl FnMut(u64) + Send + 'static) {
        *self.act.lock().unwrap() = Some(Box::new(act));
    }

    /// How many seconds were slept in all.
    pub(crate) fn slept(&self) -> u64 {
        self.slept.load(Ordering::Relaxed)
    }

    /// A home with an emulator by this clock.
    pub(crate) fn home(&self, options: Options) -> (Home, Arc<Emulator>) {
        let emulator = Emulator::start(Options {
            clock: Arc::new(self.clone()),
            ..options
        });
        let emulator = Arc::new(emulator.expect("an emulator"));
        let mut home = Home::new();
        home.point_at(&emulator);
        home.set("ACSPASS_STORE", "memory");
        (home, emulator)
    }
}

impl Clock for BriskClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(async move {
            // So that sockets are looked at between two sleeps.
            tokio::task::yield_now().await;
            let deadline = Deadline::start();
            while !self.may_pass.load(Ordering::Acquire) {
                deadline.pass("the clock may go on");
                tokio::task::yield_now().await;
            }
            self.clock.advance(duration);
            let slept = self.slept.fetch_add(duration.as_secs(), Ordering::Relaxed);
            if let Some(act) = &mut *self.act.lock().unwrap() {
                act(slept + duration.as_secs());
            }
        })
    }

    fn uptime(&self) -> Option<Uptime> {
        self.clock.uptime()
    }
}
