//! Points in time, and the clock that everything else is handed.
//!
//! Times are whole seconds UTC; what a service sends with fractions is cut down, so that a token is
//! never thought to live longer than it does. Time zones and calendars beyond UTC are left out.

mod clock;
mod mark;

use std::fmt;
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::text::quoted;

pub use clock::{Boot, Clock, SettableClock, Sleep, SystemClock};
pub use mark::{ClockMark, Moment};

/// A point in time: whole seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

// RFC 3339 and HTTP dates carry years 1 to 9999; jiff ends a day before the last, to leave room
// for time zones.
const EARLIEST: i64 = -62_135_596_800;
const LATEST: i64 = 253_402_207_200;

impl Timestamp {
    /// The end of time: later than anything expires.
    pub const END: Timestamp = Timestamp(LATEST);
}

impl Timestamp {
    /// From seconds since the epoch, brought into the years 1 to 9999.
    pub fn from_unix_seconds(seconds: i64) -> Self {
        Timestamp(seconds.clamp(EARLIEST, LATEST))
    }

    /// Seconds since the epoch.
    pub fn unix_seconds(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339, with any number of fractional digits up to nine (ACS sends seven).
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let parsed: jiff::Timestamp = text.trim().parse().ok()?;
        Some(Timestamp::from_unix_seconds(
            parsed.as_nanosecond().div_euclid(1_000_000_000) as i64,
        ))
    }

    /// Reads an HTTP date (RFC 9110, section 5.6.7), such as a `Date` header carries.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let parsed = jiff::fmt::rfc2822::DateTimeParser::new()
            .parse_timestamp(text.trim())
            .ok()?;
        Some(Timestamp::from_unix_seconds(parsed.as_second()))
    }

    /// As an HTTP date, for instance `Mon, 02 Jun 2025 13:45:09 GMT`.
    pub fn to_http_date(self) -> String {
        jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&self.to_jiff())
            // `to_jiff` stays within the years that the format can carry.
            .unwrap_or_default()
    }

    /// This time plus `duration`.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_unix_seconds(self.0.saturating_add(seconds))
    }

    /// This time minus `duration`.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_unix_seconds(self.0.saturating_sub(seconds))
    }

    /// This time moved by a signed number of seconds.
    #[must_use]
    pub fn shifted(self, seconds: i64) -> Self {
        Timestamp::from_unix_seconds(self.0.saturating_add(seconds))
    }

    /// How long it is from `earlier` until this time; zero where this time is not later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_secs(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Seconds from `earlier` until this time, negative where this time is earlier.
    pub fn seconds_since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, for instance `2026-01-01T00:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_jiff())
    }
}

/// Reads a duration: `90s`, `10m`, `1h 30m`, `24 hours`, `1.5h` or ISO 8601's `PT1H`. A bare number is
/// seconds, and a day has 24 hours.
///
/// # Errors
/// [`Kind::Usage`] if the text is none of these, or the duration is negative.
pub fn parse_duration(text: &str) -> Result<Duration> {
    let text = text.trim();
    let wrong = || {
        Error::new(
            Kind::Usage,
            format!("{} is not a duration", quoted(text)),
            "write it like 90s, 10m or 1h30m; a bare number is seconds",
        )
    };
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let span: jiff::Span = text.to_ascii_lowercase().parse().map_err(|_| wrong())?;
    let signed = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    Duration::try_from(signed).map_err(|_| wrong())
}

/// A duration as people read it, in its two largest units: `1 h 5 min`, `9 min 58 s`, `12 s`.
pub fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let Some(first) = units.iter().position(|(_, size)| seconds >= *size) else {
        return "0 s".to_owned();
    };
    let (name, size) = units[first];
    let (count, rest) = (seconds / size, seconds % size);
    match units.get(first + 1) {
        Some((next, next_size)) if rest / next_size > 0 => {
            format!("{count} {name} {} {next}", rest / next_size)
        }
        _ => format!("{count} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acs_times_with_seven_digits_are_read() {
        let read = Timestamp::parse_rfc3339("2025-06-02T13:45:09.1234567+00:00");
        assert_eq!(
            read.map(|t| t.to_string()).as_deref(),
            Some("2025-06-02T13:45:09Z")
        );
        assert_eq!(Timestamp::parse_rfc3339("tomorrow"), None);
    }

    #[test]
    fn http_dates_go_both_ways() {
        let text = "Mon, 02 Jun 2025 13:45:09 GMT";
        let read = Timestamp::parse_http_date(text);
        assert_eq!(read.map(Timestamp::to_http_date).as_deref(), Some(text));
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("90s", 90),
            ("10m", 600),
            ("1h30m", 5400),
            ("45", 45),
            ("1d", 86_400),
            ("0", 0),
            ("10 m", 600),
            ("24H", 86_400),
            ("1h 30m", 5400),
            ("1.5h", 5400),
            ("24 hours", 86_400),
            ("90 min", 5400),
            ("PT1H", 3600),
            (" 24h ", 86_400),
        ] {
            assert_eq!(
                parse_duration(text).ok(),
                Some(Duration::from_secs(seconds)),
                "{text}"
            );
        }
        for text in [
            "",
            "m",
            "10x",
            "1m1h",
            "-5",
            "-1h",
            "1h ago",
            "1 month",
            "5m3",
            "1m1m",
            "99999999999",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_said_in_two_units() {
        for (seconds, words) in [
            (0, "0 s"),
            (12, "12 s"),
            (598, "9 min 58 s"),
            (3900, "1 h 5 min"),
            (7200, "2 h"),
            (90_061, "1 d 1 h"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn times_beyond_the_calendar_stay_within_it() {
        let far = Timestamp::from_unix_seconds(i64::MAX);
        assert_eq!(far.to_string(), "9999-12-30T22:00:00Z");
        assert_eq!(far.plus(Duration::from_secs(u64::MAX)), far);
    }
}
