//! Durations and times against arithmetic of their own.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A unit, its seconds, and the words that a user may write for it.
const UNITS: [(u64, &[&str]); 4] = [
    (86_400, &["d", "day", "days"]),
    (3600, &["h", "hour", "hours", "hrs"]),
    (60, &["m", "min", "mins", "minute", "minutes"]),
    (1, &["s", "sec", "secs", "second", "seconds"]),
];

/// A duration in words, and its seconds.
fn written() -> impl Strategy<Value = (String, u64)> {
    let part = (
        proptest::option::of(0..5000_u64),
        any::<proptest::sample::Index>(),
    );
    let style = (any::<bool>(), any::<bool>(), any::<bool>());
    (proptest::array::uniform4(part), style).prop_filter_map(
        "a duration has a unit",
        |(parts, (spaced, apart, upper))| {
            let (mut text, mut seconds) = (String::new(), 0);
            for ((count, word), (size, words)) in parts.into_iter().zip(UNITS) {
                let Some(count) = count else { continue };
                if apart && !text.is_empty() {
                    text.push(' ');
                }
                let between = if spaced { " " } else { "" };
                text += &format!("{count}{between}{}", word.get(words));
                seconds += count * size;
            }
            let text = if upper { text.to_uppercase() } else { text };
            (!text.is_empty()).then_some((text, seconds))
        },
    )
}

/// The date of a day number, counted year by year and month by month from 1970-01-01.
fn date(mut days: i64) -> (i64, usize, i64) {
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut year = 1970;
    while days >= 365 + i64::from(is_leap(year)) {
        days -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + i64::from(is_leap(year));
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year, month, days + 1)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn duration_is_the_sum_of_its_units((text, seconds) in written()) {
        prop_assert_eq!(parse_duration(&text).ok(), Some(Duration::from_secs(seconds)), "{}", text);
        let padded = format!(" {text}\t");
        prop_assert_eq!(parse_duration(&padded).ok(), Some(Duration::from_secs(seconds)));
    }

    #[test]
    fn bare_number_is_seconds_and_a_sign_is_no_duration(seconds in any::<u32>()) {
        let parsed = parse_duration(&seconds.to_string()).ok();
        prop_assert_eq!(parsed, Some(Duration::from_secs(seconds.into())));
        let negative = format!("-{}s", u64::from(seconds) + 1);
        prop_assert!(parse_duration(&negative).is_err());
    }

    /// Any text is a duration or a usage error, which repeats no more than the text.
    #[test]
    fn any_text_is_read_without_a_panic(text in any::<String>()) {
        if let Err(error) = parse_duration(&text) {
            prop_assert_eq!(error.kind(), crate::error::Kind::Usage);
        }
    }

    /// Words lose less than the smaller of their two units, and never add anything.
    #[test]
    fn words_of_a_duration_lose_less_than_their_smaller_unit(seconds in 0..40_000_000_u64) {
        let words = in_words(Duration::from_secs(seconds));
        let read = parse_duration(&words).map(|read| read.as_secs());
        let read = read.expect("a duration in words is a duration");
        let largest = UNITS.iter().position(|(size, _)| seconds >= *size).unwrap_or(3);
        let smaller = UNITS[(largest + 1).min(3)].0;
        prop_assert!(read <= seconds && seconds - read < smaller, "{words} of {seconds}");
        let units = words.split(' ').filter(|word| word.parse::<u64>().is_err()).count();
        prop_assert!((1..=2).contains(&units), "{words}");
    }

    #[test]
    fn arithmetic_of_times_is_that_of_integers_within_the_calendar(
        start in any::<i64>(),
        shift in any::<i64>(),
        length in any::<u64>(),
    ) {
        let limit = |seconds: i128| seconds.clamp(-62_135_596_800, 253_402_207_200);
        let time = Timestamp::from_unix_seconds(start);
        let seconds = i128::from(time.unix_seconds());
        prop_assert_eq!(seconds, limit(start.into()));
        let of = |time: Timestamp| i128::from(time.unix_seconds());
        let duration = Duration::from_secs(length);
        prop_assert_eq!(of(time.plus(duration)), limit(seconds + i128::from(length)));
        prop_assert_eq!(of(time.minus(duration)), limit(seconds - i128::from(length)));
        prop_assert_eq!(of(time.shifted(shift)), limit(seconds + i128::from(shift)));
        let other = Timestamp::from_unix_seconds(shift);
        let difference = seconds - of(other);
        prop_assert_eq!(i128::from(time.seconds_since(other)), difference);
        prop_assert_eq!(i128::from(time.since(other).as_secs()), difference.max(0));
    }

    /// RFC 9110 and RFC 3339, by a calendar that counts days.
    #[test]
    fn texts_of_a_time_name_its_date(seconds in 0..250_000_000_000_i64) {
        const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = date(days);
        let clock = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
        let weekday = WEEKDAYS[usize::try_from(days % 7).expect("a weekday")];
        let time = Timestamp::from_unix_seconds(seconds);
        let http = format!("{weekday}, {day:02} {} {year:04} {clock} GMT", MONTHS[month]);
        prop_assert_eq!(time.to_http_date(), http.clone());
        prop_assert_eq!(Timestamp::parse_http_date(&http), Some(time));
        let rfc3339 = format!("{year:04}-{:02}-{day:02}T{clock}Z", month + 1);
        prop_assert_eq!(time.to_string(), rfc3339.clone());
        prop_assert_eq!(Timestamp::parse_rfc3339(&rfc3339), Some(time));
    }
}
