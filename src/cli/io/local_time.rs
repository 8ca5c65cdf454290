//! Times for a person: local, with the time left. JSON has UTC instead.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::time::{Timestamp, in_words};

/// The user's time zone, and the current time.
#[derive(Debug, Clone)]
pub(crate) struct LocalTimes {
    zone: TimeZone,
    now: Timestamp,
}

impl LocalTimes {
    pub(crate) fn new(zone: TimeZone, now: Timestamp) -> Self {
        LocalTimes { zone, now }
    }

    /// Returns the time of day, with the date unless it is today: `18:24`, `28 Nov 18:24`,
    /// `1 Jan 2027 18:24`.
    pub(crate) fn clock_time(&self, at: Timestamp) -> String {
        let (at, now) = (self.local(at), self.local(self.now));
        let format = match (at.date() == now.date(), at.year() == now.year()) {
            (true, _) => "%H:%M",
            (false, true) => "%-d %b %H:%M",
            (false, false) => "%-d %b %Y %H:%M",
        };
        at.strftime(format).to_string()
    }

    /// Returns the current time of day with seconds, for a log: `18:24:07`.
    pub(crate) fn log_time(&self) -> String {
        self.local(self.now).strftime("%H:%M:%S").to_string()
    }

    /// Returns the expiry of a token as a clause: `expires 18:24, in 1 h 14 min`, or `expired 17:09`.
    /// `remaining` is the time left by the service's clock.
    pub(crate) fn expiry(&self, at: Timestamp, remaining: Duration) -> String {
        let time = self.clock_time(at);
        match remaining.is_zero() {
            true => format!("expired {time}"),
            false => format!("expires {time}, in {}", in_words(remaining)),
        }
    }

    /// Returns a time with its distance from now: `28 Nov 18:24, in 1 h 14 min` or `17:09, 5 min ago`.
    pub(crate) fn with_age(&self, at: Timestamp) -> String {
        let time = self.clock_time(at);
        match at > self.now {
            true => format!("{time}, in {}", in_words(at.since(self.now))),
            false => format!("{time}, {} ago", in_words(self.now.since(at))),
        }
    }

    fn local(&self, at: Timestamp) -> jiff::Zoned {
        let at = jiff::Timestamp::from_second(at.unix_seconds()).unwrap_or_default();
        at.to_zoned(self.zone.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn expiry_is_local_and_names_the_time_left() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let now = at("2026-11-26T15:10:00Z");
        let times = LocalTimes::new(zone, now);
        let expiry = |text: &str| times.expiry(at(text), at(text).since(now));
        assert_eq!(
            expiry("2026-11-26T16:24:18Z"),
            "expires 18:24, in 1 h 14 min"
        );
        assert_eq!(
            expiry("2026-11-26T22:30:00Z"),
            "expires 27 Nov 00:30, in 7 h 20 min"
        );
        assert_eq!(
            expiry("2027-01-01T10:00:00Z"),
            "expires 1 Jan 2027 12:00, in 35 d 18 h"
        );
        assert_eq!(expiry("2026-11-26T15:09:00Z"), "expired 17:09");
        assert_eq!(times.log_time(), "17:10:00");
    }
}
