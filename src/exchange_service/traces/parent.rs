//! The caller's trace context (W3C Trace Context, section 3.2). The parser is strict: the span of a
//! request and its line in the audit have the same trace, or both have none of the caller's.

use axum::http::HeaderMap;

/// The length of `traceparent` in version 00.
const LENGTH: usize = 55;

/// The caller's span, by the header `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::exchange_service) struct Parent {
    pub(super) trace: u128,
    pub(super) span: u64,
    pub(super) is_sampled: bool,
}

impl Parent {
    /// Returns the caller's span, if the header is valid and occurs once.
    pub(in crate::exchange_service) fn of(headers: &HeaderMap) -> Option<Parent> {
        let mut values = headers.get_all("traceparent").iter();
        match (values.next(), values.next()) {
            (Some(value), None) => Parent::parse(value.as_bytes()),
            _ => None,
        }
    }

    fn parse(text: &[u8]) -> Option<Parent> {
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let has_dashes = [2, 35, 52].iter().all(|&at| known[at] == b'-');
        let version = number(&known[..2])?;
        // A later version may have more fields, after another dash.
        let is_end = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.first().is_none_or(|&next| next == b'-'),
        };
        let (trace, span) = (number(&known[3..35])?, number(&known[36..52])?);
        let flags = number(&known[53..])?;
        (has_dashes && is_end && trace != 0 && span != 0).then_some(Parent {
            trace,
            span: u64::try_from(span).ok()?,
            is_sampled: flags & 1 == 1,
        })
    }
}

/// Returns the value of digits, which are lower-case.
fn number(digits: &[u8]) -> Option<u128> {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let text = std::str::from_utf8(digits).ok()?;
    let is_number = digits.iter().all(is_digit);
    is_number
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn valid_headers_have_their_ids_and_flag() {
        for (header, is_sampled) in [
            (format!("00-{TRACE}-{SPAN}-01"), true),
            (format!("00-{TRACE}-{SPAN}-00"), false),
            (format!("00-{TRACE}-{SPAN}-ff"), true),
            (format!("00-{TRACE}-{SPAN}-02"), false),
            (format!("01-{TRACE}-{SPAN}-01"), true),
            (format!("fe-{TRACE}-{SPAN}-01-more"), true),
        ] {
            let parent = Parent {
                trace: 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c,
                span: 0xb7ad_6b71_6920_3331,
                is_sampled,
            };
            assert_eq!(Parent::parse(header.as_bytes()), Some(parent), "{header}");
        }
    }

    #[test]
    fn other_headers_are_ignored() {
        let zeros = "0".repeat(32);
        for header in [
            "",
            "00",
            "00-1-1-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            &format!("ff-{TRACE}-{SPAN}-01"),
            &format!("0A-{TRACE}-{SPAN}-01"),
            &format!("00-{zeros}-{SPAN}-01"),
            &format!("00-{TRACE}-{}-01", &zeros[..16]),
            &format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            &format!("00-{TRACE}-{}-01", SPAN.to_uppercase()),
            &format!("00-{TRACE}-{SPAN}-0"),
            &format!("00-{TRACE}-{SPAN}-+1"),
            &format!("00-{TRACE}-{SPAN}-01-"),
            &format!("00-{TRACE}-{SPAN}-01-more"),
            &format!("01-{TRACE}-{SPAN}-01more"),
            &format!("00_{TRACE}-{SPAN}-01"),
            &format!("00-{TRACE}_{SPAN}-01"),
            &format!("00-{TRACE}-{SPAN}_01"),
            &format!(" 00-{TRACE}-{SPAN}-01"),
            &format!("00-{TRACE}-{}\u{e9}-01", &SPAN[..14]),
        ] {
            assert_eq!(Parent::parse(header.as_bytes()), None, "{header}");
        }
    }

    #[test]
    fn two_headers_are_none() {
        let value = format!("00-{TRACE}-{SPAN}-01");
        let mut headers = HeaderMap::new();
        headers.append("traceparent", value.parse().expect("a value"));
        assert!(Parent::of(&headers).is_some());
        headers.append("traceparent", value.parse().expect("a value"));
        assert_eq!(Parent::of(&headers), None);
    }
}
