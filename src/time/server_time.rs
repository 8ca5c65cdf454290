//! The service's time, derived from this machine's clocks.
//!
//! A [`ServerTimeSample`] records the clocks at a service's latest response. A [`LocalClocks`] reads
//! the clocks again and computes the service's time from the sample. No single clock is trusted: the
//! wall clock can be set, and the uptime stops while a virtual machine is suspended.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clock::{Clock, Uptime};
use super::timestamp::{MAX_CLOCK_SKEW_SECONDS, Timestamp, unix_seconds};

/// The clocks at the time of a service's latest response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerTimeSample {
    #[serde(rename = "wall_seconds", with = "unix_seconds")]
    wall: Timestamp,
    #[serde(rename = "service_seconds", with = "unix_seconds")]
    service: Timestamp,
    #[serde(rename = "boot")]
    pub(super) uptime: Option<Uptime>,
}

impl ServerTimeSample {
    /// Samples the clocks. `service` is the service's time, if it is known. A difference of up to a minute
    /// counts as none.
    pub fn new(clock: &dyn Clock, service: Option<Timestamp>) -> Self {
        let wall = clock.now();
        let service = service
            .filter(|service| service.seconds_since(wall).unsigned_abs() > MAX_CLOCK_SKEW_SECONDS)
            .unwrap_or(wall);
        ServerTimeSample {
            wall,
            service,
            uptime: clock.uptime(),
        }
    }

    /// Samples the clocks after a response without the service's time. The offset of the sample `before`
    /// is kept.
    pub fn with_previous_offset(clock: &dyn Clock, before: Option<&ServerTimeSample>) -> Self {
        let now = LocalClocks::read(clock);
        let service = before.map(|sample| now.estimate_server_time(Some(sample)));
        ServerTimeSample::new(clock, service.filter(|service| *service != Timestamp::END))
    }

    /// Returns the service's clock minus ours at the sample, in seconds; 0 if they agreed to a
    /// minute.
    pub fn offset_seconds(&self) -> i64 {
        self.service.seconds_since(self.wall)
    }
}

/// One reading of this machine's clocks, for any number of samples.
#[derive(Debug, Clone)]
pub struct LocalClocks {
    wall: Timestamp,
    pub(super) uptime: Option<Uptime>,
}

impl LocalClocks {
    /// Reads the clocks.
    pub fn read(clock: &dyn Clock) -> Self {
        LocalClocks {
            wall: clock.now(),
            uptime: clock.uptime(),
        }
    }

    /// Returns the service's time, computed from its latest response; our own time without one.
    ///
    /// It is the later of two times: the sample plus the uptime since then, and the wall clock
    /// plus its offset at the sample. So neither a clock that was set back nor an uptime that stood
    /// still makes an expired token look fresh. A wrong result is too late, never too early, and
    /// the renewal that follows takes a new sample: at most one renewal is in vain.
    ///
    /// Without an uptime, only the wall clock remains. A correction of the clock after the sample is
    /// then not detected, unless it shows an earlier time than the sample.
    pub fn estimate_server_time(&self, sample: Option<&ServerTimeSample>) -> Timestamp {
        let Some(sample) = sample else {
            return self.wall;
        };
        let by_wall = self.wall.shifted(sample.offset_seconds());
        let (then, now) = match (&sample.uptime, &self.uptime) {
            (None, None) => return self.or_end_if_clock_set_back(sample, by_wall),
            (Some(then), Some(now)) if then.id == now.id => (then, now),
            // The machine was restarted, or the sample was made in another environment.
            _ => return self.estimate_after_reboot(sample),
        };
        let Some(passed) = now.uptime_seconds.checked_sub(then.uptime_seconds) else {
            return self.estimate_after_reboot(sample);
        };
        // More has passed if the uptime stood still for a while.
        let by_uptime = sample.service.plus(Duration::from_secs(passed));
        let differ = by_wall.seconds_since(by_uptime).unsigned_abs() > MAX_CLOCK_SKEW_SECONDS;
        // Without an id of the boot, it may be another one: the clock was set, or the machine slept,
        // or was restarted.
        match now.id.is_none() && differ {
            true => by_uptime.max(self.estimate_after_reboot(sample)),
            false => by_uptime.max(by_wall),
        }
    }

    /// The wall clock may have been corrected during the restart, or not: the later time is safe.
    fn estimate_after_reboot(&self, sample: &ServerTimeSample) -> Timestamp {
        let by_wall = self.wall.shifted(sample.offset_seconds());
        self.or_end_if_clock_set_back(sample, by_wall.max(self.wall))
    }

    /// Returns `time`; the end of time if the clock shows an earlier time than at the sample. Then
    /// the time that has passed is unknown, and nothing is fresh.
    fn or_end_if_clock_set_back(&self, sample: &ServerTimeSample, time: Timestamp) -> Timestamp {
        match sample.wall.seconds_since(self.wall) > MAX_CLOCK_SKEW_SECONDS as i64 {
            true => Timestamp::END,
            false => time,
        }
    }
}
