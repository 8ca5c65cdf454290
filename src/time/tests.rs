//! Parsing and formatting of times and durations.

use std::time::Duration;

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
fn http_dates_round_trip() {
    let text = "Mon, 02 Jun 2025 13:45:09 GMT";
    let read = Timestamp::parse_http_date(text);
    assert_eq!(read.map(Timestamp::to_http_date).as_deref(), Some(text));
    for obsolete in ["Monday, 02-Jun-25 13:45:09 GMT", "Mon Jun  2 13:45:09 2025"] {
        assert_eq!(Timestamp::parse_http_date(obsolete), None, "{obsolete}");
    }
}

#[test]
fn durations_are_parsed_in_common_forms() {
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
fn durations_are_formatted_in_two_units() {
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
