//! A request, and its whole response.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode, Version};
use url::Url;

use crate::error::Error;
use crate::time::Timestamp;

/// A request. The body and headers may contain secrets, so there is no `Debug`.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: Url,
    /// All headers but `Host` and `Content-Length`.
    pub headers: HeaderMap,
    /// The body, empty for none.
    pub body: Vec<u8>,
}

impl Request {
    /// Creates a `GET` without headers.
    pub fn get(url: Url) -> Self {
        Request {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Vec::new(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

/// Returns the host of an address, with its port if that is not the default one, as in a `Host`
/// header.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("an address without a host");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// A response. The body may contain tokens, so there is no `Debug`.
pub struct Response {
    /// The version of the protocol.
    pub version: Version,
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decoded and without a byte order mark, at most 1 MiB.
    pub body: Vec<u8>,
    /// Whether the service may have processed an earlier try of the same request.
    pub repeated: bool,
    /// The number of tries until this response.
    pub(crate) tries: u32,
}

impl Response {
    /// Returns the service's time, from the `Date` header.
    pub fn date(&self) -> Option<Timestamp> {
        Timestamp::parse_http_date(self.headers.get(DATE)?.to_str().ok()?)
    }

    /// Returns whether a retry may succeed: the status is 429 or 5xx, but not 501, 505 or 511.
    pub fn is_transient_error(&self) -> bool {
        match self.status.as_u16() {
            501 | 505 | 511 => false,
            status => status == 429 || self.status.is_server_error(),
        }
    }

    /// Returns the wait that the service requests: `Retry-After` in seconds, or as a date relative to
    /// the response's `Date`.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        match text.parse::<u32>() {
            Ok(seconds) => Some(Duration::from_secs(seconds.into())),
            Err(_) => Some(Timestamp::parse_http_date(text)?.since(self.date()?)),
        }
    }

    /// Adds the wait that the service requests to the error for this response.
    pub(crate) fn add_retry_after(&self, error: Error) -> Error {
        match self.retry_after() {
            Some(pause) => error.with_retry_after(pause),
            None => error,
        }
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
}
