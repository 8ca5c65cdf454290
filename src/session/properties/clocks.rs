//! The freshness rule on machines whose clocks are set, suspended and restarted.

use super::*;
use crate::time::{Clock, LocalClocks, ServerTimeSample, Sleep, Uptime};

/// A machine: the true time, its own clock, and its uptime with the number of its boot.
#[derive(Debug, Clone, Copy)]
struct Machine {
    truth: i64,
    wall: i64,
    boot: u32,
    uptime: u64,
    has_boot_id: bool,
}

impl Clock for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.wall)
    }

    fn sleep(&self, _: Duration) -> Sleep<'_> {
        Box::pin(std::future::ready(()))
    }

    fn uptime(&self) -> Option<Uptime> {
        Some(Uptime {
            id: self.has_boot_id.then(|| self.boot.to_string()),
            uptime_seconds: self.uptime,
        })
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Pass(u32),
    /// Its own clock goes on, the uptime stands still.
    SuspendVirtualMachine(u32),
    SetClock(i64),
    Reboot(u32),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..7200_u32).prop_map(Event::Pass),
        (0..7200_u32).prop_map(Event::SuspendVirtualMachine),
        (-7200..7200_i64).prop_map(Event::SetClock),
        (0..7200_u32).prop_map(Event::Reboot),
    ]
}

impl Machine {
    fn meet(&mut self, event: Event) {
        match event {
            Event::Pass(seconds) => {
                self.pass(seconds);
                self.uptime += u64::from(seconds);
            }
            Event::SuspendVirtualMachine(seconds) => self.pass(seconds),
            Event::SetClock(shift) => self.wall += shift,
            Event::Reboot(seconds) => {
                self.pass(seconds);
                self.boot += 1;
                self.uptime = 0;
            }
        }
    }

    fn pass(&mut self, seconds: u32) {
        self.truth += i64::from(seconds);
        self.wall += i64::from(seconds);
    }
}

proptest! {
    #![proptest_config(many())]

    /// "A clock that is set back, and a machine that was suspended, make no expired token look fresh."
    /// Either of the two clocks may be wrong, but not both at once.
    #[test]
    fn one_wrong_clock_makes_no_expired_token_fresh(
        mut case in case(),
        skew in -100_000..100_000_i64,
        has_boot_id in any::<bool>(),
        events in vec(event(), 0..6),
        expires_after in 0..40_000_i64,
    ) {
        let mut machine = Machine { truth: NOW, wall: NOW + skew, boot: 0, uptime: 50_000, has_boot_id };
        let at_sample = machine;
        let sample = ServerTimeSample::new(&machine, Some(Timestamp::from_unix_seconds(NOW)));
        let mut lost_by_uptime = 0_i64;
        for event in events {
            machine.meet(event);
            if let Event::SuspendVirtualMachine(seconds) = event {
                lost_by_uptime += i64::from(seconds);
            }
        }
        let is_same_boot = machine.boot == at_sample.boot;
        let wall_keeps_up = machine.wall - machine.truth >= skew;
        let uptime_keeps_up = is_same_boot && lost_by_uptime == 0;
        let estimate = LocalClocks::read(&machine).estimate_server_time(Some(&sample));
        if wall_keeps_up || uptime_keeps_up {
            let early = machine.truth - estimate.unix_seconds();
            prop_assert!(early <= 60, "{early} s too early");
            // With a minimum validity of a minute and more, no token that has expired is used.
            case.min_validity = case.min_validity.max(60);
            case.note = None;
            case.wants_entra = false;
            let left = NOW + expires_after - estimate.unix_seconds();
            case.communication = vec![Cached {
                endpoint: case.endpoint,
                kind: case.kind,
                scopes: case.scopes,
                left,
            }];
            let record = case.record(estimate);
            let step = next_step(Some(&record), &case.request(), CompletedSteps::default(), estimate);
            if step == Step::UseCached {
                prop_assert!(NOW + expires_after > machine.truth, "expired");
            }
        }
        // "Judged by the service's clock": without a disturbance, to the minute.
        if wall_keeps_up && uptime_keeps_up && machine.wall - machine.truth == skew {
            let error = (estimate.unix_seconds() - machine.truth).abs();
            prop_assert!(error <= 60, "{error} s wrong");
        }
    }
}
