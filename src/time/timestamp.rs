//! Points in time, and durations as text.

use std::fmt;
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::text::after_noun;

/// The validity that a cached token must have left to be used during an outage.
pub(crate) const MIN_VALIDITY_DURING_OUTAGE: Duration = Duration::from_secs(60);

/// The largest difference in seconds between clocks that count as equal.
pub(crate) const MAX_CLOCK_SKEW_SECONDS: u64 = 60;

/// A point in time: whole seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

// RFC 3339 and HTTP dates have years 1 to 9999. jiff ends a day before the last, because of time
// zones.
const EARLIEST: i64 = -62_135_596_800;
const LATEST: i64 = 253_402_207_200;

impl Timestamp {
    /// The latest time, later than any expiry.
    pub const END: Timestamp = Timestamp(LATEST);

    /// Returns the time from seconds since the epoch, limited to the years 1 to 9999.
    pub fn from_unix_seconds(seconds: i64) -> Self {
        Timestamp(seconds.clamp(EARLIEST, LATEST))
    }

    /// Returns the seconds since the epoch.
    pub fn unix_seconds(self) -> i64 {
        self.0
    }

    /// Parses RFC 3339, with any number of fractional digits up to nine (ACS sends seven).
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let parsed: jiff::Timestamp = text.trim().parse().ok()?;
        Some(Timestamp::from_unix_seconds(
            parsed.as_nanosecond().div_euclid(1_000_000_000) as i64,
        ))
    }

    /// Parses an HTTP date (RFC 9110, section 5.6.7), as in a `Date` header. Accepts `IMF-fixdate`, the
    /// form that senders must use, and other dates of RFC 2822, but neither obsolete form.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let parsed = jiff::fmt::rfc2822::DateTimeParser::new()
            .parse_timestamp(text.trim())
            .ok()?;
        Some(Timestamp::from_unix_seconds(parsed.as_second()))
    }

    /// Formats the time as an HTTP date, for example `Mon, 02 Jun 2025 13:45:09 GMT`.
    pub fn to_http_date(self) -> String {
        jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&self.to_jiff())
            // `to_jiff` stays within the years of the format.
            .unwrap_or_default()
    }

    /// Returns this time plus `duration`.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_unix_seconds(self.0.saturating_add(seconds))
    }

    /// Returns this time minus `duration`.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_unix_seconds(self.0.saturating_sub(seconds))
    }

    /// Returns this time plus a signed number of seconds.
    #[must_use]
    pub fn shifted(self, seconds: i64) -> Self {
        Timestamp::from_unix_seconds(self.0.saturating_add(seconds))
    }

    /// Returns the duration from `earlier` until this time; zero if this time is not later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_secs(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Returns the seconds from `earlier` until this time, negative if this time is earlier.
    pub fn seconds_since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    /// Writes RFC 3339 in UTC, for example `2026-01-01T00:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_jiff())
    }
}

/// Parses a duration: `90s`, `10m`, `1h 30m`, `24 hours`, `1.5h` or ISO 8601's `PT1H`. A bare number is
/// seconds, and a day has 24 hours.
///
/// # Errors
/// [`Kind::Usage`] if the text is none of these, or the duration is negative.
pub fn parse_duration(text: &str) -> Result<Duration> {
    let text = text.trim();
    let wrong = || {
        Error::new(
            Kind::Usage,
            format!("invalid duration {}", after_noun(text)),
            "Use a duration like 90s, 10m or 1h30m. A bare number is seconds.",
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

/// Formats a duration for a message, in its two largest units: `1 h 5 min`, `9 min 58 s`, `12 s`.
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

/// The serde form of a time in a stored file: seconds since the epoch.
pub(crate) mod unix_seconds {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::time::timestamp::Timestamp;

    pub(crate) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(at.unix_seconds())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp::from_unix_seconds)
    }
}
