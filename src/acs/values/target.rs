//! The target of a request, as a user writes it: a path of the resource, with or without a query.
//!
//! No text leads to another host. The target is signed exactly as it is sent, so a text that a URL
//! parser would resolve to another path is refused and not corrected.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::{Position, Url, form_urlencoded};

use crate::error::{Error, Result};
use crate::text::after_noun;

/// The characters that the SDKs do not escape in an id (RFC 3986, section 2.3).
pub(in crate::acs) const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The origin for the parser, which percent-encodes the path. The target does not contain it.
const ANY_ORIGIN: &str = "https://resource.invalid";

/// Path and query of a request, percent-encoded. The path begins with a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestTarget(String);

impl RequestTarget {
    /// Reads a path such as `/identities` or `identities?api-version=2023-10-01`.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the text names a scheme, a host or a user, leaves its
    /// folder (`..`, also percent-encoded), or contains a fragment, a backslash or a control character.
    pub fn parse(text: &str) -> Result<RequestTarget> {
        let refused = |what: &str| {
            Error::usage(
                format!("invalid PATH {}: it {what}", after_noun(text)),
                "Use a path of the resource, such as `/identities`. The host is always the configured \
                 endpoint.",
            )
        };
        if let Some(what) = unwanted(text) {
            return Err(refused(what));
        }
        let slash = if text.starts_with('/') { "" } else { "/" };
        let url = Url::parse(&format!("{ANY_ORIGIN}{slash}{text}"));
        let url = url.map_err(|_| refused("is not the path of a URL"))?;
        if &url[..Position::BeforePath] != ANY_ORIGIN {
            return Err(refused("names a host"));
        }
        Ok(RequestTarget(url[Position::BeforePath..].to_owned()))
    }

    /// Returns the path, without the query.
    pub fn path(&self) -> &str {
        self.0.split('?').next().unwrap_or_default()
    }

    /// Returns the number of the query's parameters with this name, in any case.
    pub fn count_parameters(&self, name: &str) -> usize {
        let query = self.0.split_once('?').map_or("", |(_, query)| query);
        form_urlencoded::parse(query.as_bytes())
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .count()
    }

    /// Adds a parameter to the query.
    #[must_use]
    pub fn with_parameter(mut self, name: &str, value: &str) -> RequestTarget {
        let mark = match self.0.contains('?') {
            true if self.0.ends_with(['?', '&']) => "",
            true => "&",
            false => "?",
        };
        let [name, value] = [name, value].map(|text| utf8_percent_encode(text, ESCAPED));
        self.0.push_str(&format!("{mark}{name}={value}"));
        self
    }

    /// Returns path and query.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Describes the part of a text that no target may have.
fn unwanted(text: &str) -> Option<&'static str> {
    let path = text.split('?').next().unwrap_or_default();
    let first = path.split('/').next().unwrap_or_default();
    if text.is_empty() {
        return Some("is empty");
    }
    if text.contains(char::is_control) {
        return Some("contains a control character");
    }
    if text.contains('\\') {
        return Some("contains a backslash");
    }
    if text.contains('#') {
        return Some("contains a fragment (`#`)");
    }
    // Before the first slash only a name of a folder can be: a colon ends a scheme, and `@` a user.
    if text.starts_with("//") || first.contains([':', '@']) {
        return Some("names a scheme, a host or a user");
    }
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    if decoded.contains(char::is_control) {
        return Some("contains a control character");
    }
    // A server may decode a separator before it resolves the dots.
    let mut segments = decoded.split(['/', '\\']);
    if segments.any(|segment| matches!(segment, "." | "..")) {
        return Some("contains the segment `.` or `..`");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn no_text_leads_to_another_host_or_folder() {
        for text in [
            "",
            "https://evil.test/x",
            "HTTPS://evil.test",
            "http:evil.test",
            "https:/evil.test",
            "//evil.test/identities",
            "///evil.test",
            "\\\\evil.test\\x",
            "/\\evil.test",
            "\\/evil.test",
            "/identities\\..\\x",
            "user@evil.test",
            "@evil.test/",
            ":443@evil.test/",
            ":8443/x",
            "8:acs:x",
            "/../x",
            "..",
            "../x",
            "/identities/..",
            "/identities/../x?y",
            "/identities/./x",
            "/%2e%2e/x",
            "/%2E./x",
            "/.%2e",
            "/x%2f..%2fy",
            "/x%5c..%5cy",
            "/x%2f%2e%2e",
            "/x#y",
            "/x?y#z",
            "/x\r\nHost: evil.test",
            "/x\ty",
            "\t//evil.test",
            "/\t/evil.test",
            "/x\0",
            "/x%0d%0ay",
            "/x%00",
            "/x?\n",
            "/\u{85}/x",
        ] {
            let error = RequestTarget::parse(text).expect_err(text);
            assert_eq!(error.kind(), Kind::Usage, "{text}");
        }
    }

    #[test]
    fn a_target_is_encoded_once_and_keeps_what_is_encoded() {
        for (text, target) in [
            ("/identities", "/identities"),
            ("identities", "/identities"),
            ("?api-version=1", "/?api-version=1"),
            ("/a b/ž", "/a%20b/%C5%BE"),
            ("/a//b/", "/a//b/"),
            ("/8:acs:x/:issue", "/8:acs:x/:issue"),
            ("identities/8%3Aacs%3Ax", "/identities/8%3Aacs%3Ax"),
            ("/a...b/..c", "/a...b/..c"),
            ("/x?next=https://a/../b@c", "/x?next=https://a/../b@c"),
            ("/@x", "/@x"),
        ] {
            let parsed = RequestTarget::parse(text).expect(text);
            assert_eq!(parsed.as_str(), target);
        }
    }

    #[test]
    fn parameters_are_added_and_found_in_any_case() {
        let target = RequestTarget::parse("/x").expect("a target");
        assert_eq!(target.count_parameters("api-version"), 0);
        let target = target.with_parameter("a b[]", "c&d=é");
        assert_eq!(target.as_str(), "/x?a%20b%5B%5D=c%26d%3D%C3%A9");
        assert_eq!(target.path(), "/x");
        let target = target.with_parameter("api-version", "1");
        assert!(target.as_str().ends_with("&api-version=1"));
        assert_eq!(target.count_parameters("Api-Version"), 1);
        let empty = RequestTarget::parse("/x?").expect("a target");
        assert_eq!(empty.with_parameter("a", "b").as_str(), "/x?a=b");
    }
}
