//! The service's time as a table: how a platform tells time, what happened to its clocks since the
//! sample, and the time that results.

use std::future::ready;

use super::clock::{Clock, Sleep, Uptime};
use super::server_time::*;
use super::timestamp::Timestamp;

const START: i64 = 1_000_000;
const HOUR: i64 = 3600;
/// A difference that the clocks of one machine may have without a reason.
const ROUNDING: i64 = 1;

/// How a platform tells time.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Platform {
    /// Linux.
    BootIdAndUptime,
    /// macOS, and Linux if the boot id cannot be read.
    UptimeOnly,
    /// Windows, and Linux without `/proc`.
    WallOnly,
}

const ALL: [Platform; 3] = [
    Platform::BootIdAndUptime,
    Platform::UptimeOnly,
    Platform::WallOnly,
];

/// The clocks of a machine: true time, the wall clock's error, the uptime, the number of the boot.
#[derive(Debug, Clone, Copy)]
struct Machine {
    platform: Platform,
    true_seconds: i64,
    error: i64,
    uptime: u64,
    boot_number: u32,
}

impl Clock for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.true_seconds + self.error)
    }

    fn sleep(&self, _: std::time::Duration) -> Sleep<'_> {
        Box::pin(ready(()))
    }

    fn uptime(&self) -> Option<Uptime> {
        let id = match self.platform {
            Platform::BootIdAndUptime => Some(format!("boot {}", self.boot_number)),
            Platform::UptimeOnly => None,
            Platform::WallOnly => return None,
        };
        Some(Uptime {
            id,
            uptime_seconds: self.uptime,
        })
    }
}

/// What happens between the sample and the reading.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// Time passes.
    Pass(i64),
    /// Time passes; the uptime of a suspended virtual machine stands still.
    Suspend(i64),
    /// The wall clock gets this error.
    Set(i64),
    /// The machine is restarted, and is up for this long.
    Restart(u64),
}

use Event::{Pass, Restart, Set, Suspend};

impl Machine {
    fn new(platform: Platform, error: i64) -> Self {
        Machine {
            platform,
            true_seconds: START,
            error,
            uptime: 50_000,
            boot_number: 1,
        }
    }

    fn sample(&self) -> ServerTimeSample {
        let service = Timestamp::from_unix_seconds(self.true_seconds);
        ServerTimeSample::new(self, Some(service))
    }

    fn after(mut self, events: &[Event]) -> Self {
        for event in events {
            match *event {
                Pass(seconds) => {
                    self.true_seconds += seconds;
                    self.uptime += seconds.unsigned_abs();
                }
                Suspend(seconds) => self.true_seconds += seconds,
                Set(error) => self.error = error,
                Restart(up) => {
                    self.true_seconds += up as i64;
                    self.uptime = up;
                    self.boot_number += 1;
                }
            }
        }
        self
    }

    /// The computed service's time minus the true one.
    fn estimate_error(&self, sample: &ServerTimeSample) -> i64 {
        let now = LocalClocks::read(self).estimate_server_time(Some(sample));
        now.unix_seconds() - self.true_seconds
    }
}

#[test]
fn a_clock_that_is_wrong_and_stays_so_makes_no_token_stale_and_none_fresh() {
    for platform in ALL {
        for error in [0, 30, -30, 90, -90, 2 * HOUR, -2 * HOUR, 400 * 24 * HOUR] {
            let machine = Machine::new(platform, error);
            let sample = machine.sample();
            for passed in [0, 1, HOUR, 24 * HOUR] {
                let off = machine.after(&[Pass(passed)]).estimate_error(&sample);
                // A clock that agrees to a minute counts as right.
                let expected = if error.abs() <= 60 { error } else { 0 };
                assert_eq!(off, expected, "{platform:?} {error} {passed}");
            }
        }
    }
}

#[test]
fn expired_token_is_not_fresh_after_a_suspend_that_stopped_the_uptime() {
    // https://github.com/microsoft/WSL/issues/41291: uptime +5,400 s, wall +11,994 s.
    for platform in ALL {
        for error in [0, 2 * HOUR, -2 * HOUR] {
            let machine = Machine::new(platform, error);
            let sample = machine.sample();
            let woken = machine.after(&[Pass(5_400), Suspend(6_594)]);
            // Without an id it may as well be a restart, with which a clock may be put right.
            let expected = match platform {
                Platform::UptimeOnly => error.max(0),
                _ => 0,
            };
            let off = woken.estimate_error(&sample);
            assert_eq!(off, expected, "{platform:?} {error}");
        }
    }
}

#[test]
fn a_clock_that_was_set_meanwhile_never_makes_the_services_time_earlier_than_it_is() {
    for platform in [Platform::BootIdAndUptime, Platform::UptimeOnly] {
        for before in [0, 2 * HOUR, -2 * HOUR] {
            let machine = Machine::new(platform, before);
            let sample = machine.sample();
            for after in [0, 90, -90, 2 * HOUR, -2 * HOUR, 25 * HOUR, -25 * HOUR] {
                for passed in [0, 100, 90 * 60, 3 * HOUR] {
                    let machine = machine.after(&[Pass(passed), Set(after)]);
                    let off = machine.estimate_error(&sample);
                    assert!(off >= 0, "{platform:?} {before} {after} {passed}: {off}");
                }
            }
        }
    }
}

#[test]
fn a_clock_that_was_set_back_ages_no_token_if_boots_have_ids() {
    let machine = Machine::new(Platform::BootIdAndUptime, 0);
    let sample = machine.sample();
    for error in [-90, -2 * HOUR, -25 * HOUR] {
        let machine = machine.after(&[Pass(HOUR), Set(error)]);
        assert_eq!(machine.estimate_error(&sample), 0, "{error}");
    }
}

#[test]
fn without_uptime_a_clock_that_shows_less_than_at_the_sample_makes_nothing_fresh() {
    let machine = Machine::new(Platform::WallOnly, 2 * HOUR);
    let sample = machine.sample();
    let corrected = machine.after(&[Pass(HOUR), Set(0)]);
    let now = LocalClocks::read(&corrected).estimate_server_time(Some(&sample));
    assert_eq!(now, Timestamp::END);
    let jitter = machine.after(&[Set(2 * HOUR - 60)]);
    assert_ne!(
        LocalClocks::read(&jitter).estimate_server_time(Some(&sample)),
        Timestamp::END
    );
}

#[test]
fn after_a_restart_the_services_time_is_never_earlier_than_it_is() {
    for platform in [Platform::BootIdAndUptime, Platform::UptimeOnly] {
        for before in [0, 2 * HOUR, -2 * HOUR] {
            for after in [0, before] {
                for (up_before, up) in [(60, 30), (60, 200_000), (HOUR, 60)] {
                    let machine = Machine::new(platform, before);
                    let sample = machine.sample();
                    let machine = machine.after(&[Pass(up_before), Restart(up), Set(after)]);
                    let off = machine.estimate_error(&sample);
                    assert!(
                        off >= 0,
                        "{platform:?} {before} {after} {up_before} {up}: {off}"
                    );
                }
            }
        }
    }
}

#[test]
fn one_new_sample_is_enough_after_any_change() {
    let events: [&[Event]; 7] = [
        &[Pass(HOUR)],
        &[Suspend(2 * HOUR)],
        &[Set(2 * HOUR)],
        &[Set(-2 * HOUR)],
        &[Set(0)],
        &[Restart(100)],
        &[Restart(200_000), Set(-25 * HOUR)],
    ];
    for platform in ALL {
        for error in [0, 2 * HOUR, -2 * HOUR] {
            for first in events {
                // The renewal makes a sample; from then on nothing more happens.
                let machine = Machine::new(platform, error).after(first);
                let sample = machine.sample();
                for passed in [0, 10, HOUR] {
                    let off = machine.after(&[Pass(passed)]).estimate_error(&sample);
                    assert!(
                        off.abs() <= ROUNDING,
                        "{platform:?} {error} {first:?} {passed}: {off}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_mark_from_an_environment_that_tells_time_otherwise_counts_as_from_before_a_restart() {
    for (then, now) in [
        (Platform::BootIdAndUptime, Platform::WallOnly),
        (Platform::WallOnly, Platform::BootIdAndUptime),
        (Platform::BootIdAndUptime, Platform::UptimeOnly),
    ] {
        let machine = Machine::new(then, 2 * HOUR);
        let sample = machine.sample();
        let elsewhere = Machine {
            platform: now,
            ..machine
        };
        let corrected = elsewhere.after(&[Pass(3 * HOUR), Set(0)]);
        assert_eq!(corrected.estimate_error(&sample), 0, "{then:?} {now:?}");
    }
}

#[test]
fn response_without_a_time_keeps_the_clock_offset() {
    for platform in ALL {
        for error in [0, 2 * HOUR, -2 * HOUR] {
            let machine = Machine::new(platform, error);
            let first = machine.sample();
            let later = machine.after(&[Pass(HOUR)]);
            let second = ServerTimeSample::with_previous_offset(&later, Some(&first));
            assert_eq!(second.offset_seconds(), -error, "{platform:?} {error}");
            let off = later.after(&[Pass(HOUR)]).estimate_error(&second);
            assert_eq!(off, 0, "{platform:?} {error}");
        }
    }
    let unknown =
        ServerTimeSample::with_previous_offset(&Machine::new(Platform::WallOnly, HOUR), None);
    assert_eq!(unknown.offset_seconds(), 0);
}

#[test]
fn a_sample_that_an_earlier_version_wrote_is_read() {
    let text = r#"{"wall_seconds":5,"service_seconds":6,"boot":{"id":"a","uptime_seconds":7}}"#;
    let sample: ServerTimeSample = serde_json::from_str(text).expect("a sample");
    let boot = Uptime {
        id: Some("a".to_owned()),
        uptime_seconds: 7,
    };
    assert_eq!((sample.offset_seconds(), sample.uptime), (1, Some(boot)));
}
