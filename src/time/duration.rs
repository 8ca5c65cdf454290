//! Durations as text.

use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::text::quoted;

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
