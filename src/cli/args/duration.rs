//! Durations on the command line.

use std::time::Duration;

use crate::time::parse_duration;

/// Reads a duration such as `90s` or `1h30m`; the error has the hint in it.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| format!("{error}: {}", error.hint()))
}
