//! The expected string-to-sign as the journal stores it.
//!
//! A client decides which headers it signs and which parameters it sends, so their values may be
//! secrets: a bearer token, a cookie, a signature, an `access_token` in the query. The text has the
//! values that the scheme defines, if they are well-formed, and a placeholder for each other one.

use super::body::hash;
use super::parts::Parts;
use crate::emulator::journal::text::clean;
use crate::emulator::verify::{DATES, HASH};
use crate::time::Timestamp;

/// In place of a value of a header that the scheme does not define.
const OTHER_HEADER: &str = "<another signed header>";
/// In place of a query parameter that is not the API version.
const OTHER_PARAMETER: &str = "<another parameter>";
const VERSION: &str = "api-version=";

/// Returns the expected text for a request with this body.
pub(super) fn text(parts: &Parts, body: &[u8]) -> String {
    let values = parts.values.iter();
    let values: Vec<String> = values
        .map(|(name, value)| match name.as_str() {
            HASH => hash(body),
            // It is one of the emulator's own names: the server refuses any other.
            "host" => value.clone(),
            date if DATES.contains(&date) && is_date(value) => value.clone(),
            date if DATES.contains(&date) => format!("<{date}>"),
            _ => OTHER_HEADER.to_owned(),
        })
        .collect();
    let lines = [&parts.method, &target(&parts.target), &values.join(";")];
    lines.map(|line| clean(line)).join("\n")
}

fn is_date(text: &str) -> bool {
    Timestamp::parse_http_date(text).is_some()
}

fn target(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else {
        return target.to_owned();
    };
    let pairs: Vec<&str> = query
        .split('&')
        .map(|pair| match pair.strip_prefix(VERSION) {
            Some(version) if is_version(version) => pair,
            Some(_) => "api-version=<not a version>",
            None => OTHER_PARAMETER,
        })
        .collect();
    format!("{path}?{}", pairs.join("&"))
}

/// Returns whether a text is a date, perhaps with the mark of a preview and its number.
fn is_version(text: &str) -> bool {
    let (date, rest) = text.split_at_checked(10).unwrap_or((text, ""));
    let is_date = date.len() == 10
        && date.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let number = match rest {
        "" => Some(""),
        rest => rest.strip_prefix("-preview"),
    };
    let is_number = |number: &str| number.len() <= 2 && number.bytes().all(|b| b.is_ascii_digit());
    is_date && number.is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(target: &str, values: &[(&str, &str)]) -> String {
        let values = values.iter();
        let parts = Parts {
            method: "GET".to_owned(),
            target: target.to_owned(),
            values: values
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        text(&parts, b"")
    }

    #[test]
    fn the_values_of_the_scheme_are_shown_and_no_other() {
        let date = "Mon, 02 Jun 2025 13:45:09 GMT";
        let hash = hash(b"");
        let shown = expected(
            "/identities/8%3Aacs%3Ax?api-version=2025-03-02-preview&access_token=s3cret&s3cret",
            &[
                ("x-ms-date", date),
                ("host", "localhost:1"),
                (HASH, "s3cret"),
                ("authorization", "Bearer s3cret"),
                ("cookie", "s3cret"),
                ("date", "s3cret"),
            ],
        );
        let other = OTHER_HEADER;
        assert_eq!(
            shown,
            format!(
                "GET\n/identities/8%3Aacs%3Ax?api-version=2025-03-02-preview&<another parameter>&\
                 <another parameter>\n{date};localhost:1;{hash};{other};{other};<date>"
            )
        );
    }

    #[test]
    fn only_a_date_is_a_version() {
        for version in ["2023-10-01", "2025-03-02-preview", "2021-02-22-preview1"] {
            assert!(is_version(version), "{version}");
        }
        for other in [
            "",
            "s3cret",
            "2023-10-01-s3cret",
            "2023-10-01-previews3cret",
            "ž023-10-01",
        ] {
            let shown = expected(&format!("/identities?api-version={other}"), &[]);
            assert_eq!(shown, "GET\n/identities?api-version=<not a version>\n");
        }
    }
}
