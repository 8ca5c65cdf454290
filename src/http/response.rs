//! A response.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};

use crate::time::Timestamp;

/// A response. The body may contain tokens, so there is no `Debug`.
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decoded and without a byte order mark, at most 1 MiB.
    pub body: Vec<u8>,
    /// Whether the service may have processed an earlier try of the same request.
    pub repeated: bool,
}

impl Response {
    /// Returns the service's time, from the `Date` header.
    pub fn date(&self) -> Option<Timestamp> {
        Timestamp::parse_http_date(self.headers.get(DATE)?.to_str().ok()?)
    }

    /// Returns whether a retry may succeed: the status is 429 or 5xx, but not 501, 505 or 511.
    pub fn is_outage(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS
            || (self.status.is_server_error()
                && self.status != StatusCode::NOT_IMPLEMENTED
                && self.status != StatusCode::HTTP_VERSION_NOT_SUPPORTED
                && self.status != StatusCode::NETWORK_AUTHENTICATION_REQUIRED)
    }

    /// Returns the wait that the service requests: `Retry-After` in seconds, or as a date relative to
    /// the response's `Date`.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse::<u32>() {
            return Some(Duration::from_secs(seconds.into()));
        }
        Some(Timestamp::parse_http_date(text)?.since(self.date()?))
    }

    /// Returns whether the response is JSON: by its `Content-Type`, or because the body is a JSON object.
    /// Proxies and test servers label JSON as text, or not at all.
    pub fn is_json(&self) -> bool {
        let media = self.headers.get(CONTENT_TYPE);
        let media = media.and_then(|value| value.to_str().ok()).unwrap_or("");
        let media = media.split(';').next().unwrap_or("").trim();
        let media = media.to_ascii_lowercase();
        matches!(media.as_str(), "application/json" | "text/json")
            || media.ends_with("+json")
            || self.is_object()
    }

    /// Returns whether the body is a JSON object.
    pub fn is_object(&self) -> bool {
        self.body.trim_ascii_start().starts_with(b"{")
            && serde_json::from_slice::<serde::de::IgnoredAny>(&self.body).is_ok()
    }

    /// Returns whether the service may have processed the request of this outage.
    pub(super) fn may_have_acted(&self) -> bool {
        self.status != StatusCode::TOO_MANY_REQUESTS
    }
}
