//! The one HTTP client: built on first use, never before.
//!
//! A request goes in as a value that can be made anew for each try, a whole answer of bounded
//! size comes out. Retries, proxies, certificate authorities and time-outs live here and nowhere
//! else; what an answer means is for the rooms that know the service. Redirects are not followed.

mod authorities;
mod certificate;
mod connections;
mod failure;
mod no_proxy;
mod proxies;
mod retry;
mod trust;

use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderName,
    HeaderValue, RETRY_AFTER,
};
use reqwest::{Client, Method, StatusCode};
use tracing::debug;
use url::Url;

use crate::error::Result;
use crate::time::Timestamp;

pub use authorities::AuthorityFile;
use connections::Connections;
use failure::{SendError, oversized, undecodable, unreachable};
pub(crate) use failure::{foreign, is_distrust, is_proxys};
pub use no_proxy::NoProxy;
pub use proxies::{Proxies, ProxyRoute, Route};

/// Longest body that is read, in bytes and after decoding: the services' answers are a few thousand.
const LONGEST_BODY: usize = 1024 * 1024;
/// UTF-8's, which RFC 8259 (section 8.1) lets a parser ignore.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// All tries together, unless the service itself asks for longer.
const ALL_TRIES: Duration = Duration::from_secs(30);
/// One try, from connecting to the last byte.
const ONE_TRY: Duration = Duration::from_secs(12);
/// What the client needs to know of the world. Plain values; nothing is read before first use.
#[derive(Debug, Clone)]
pub struct Options {
    /// Files of certificate authorities (PEM), trusted beside the system's.
    pub authorities: Vec<AuthorityFile>,
    /// Whether the system's own bundle is added as well: for an environment whose `SSL_CERT_FILE`
    /// or `SSL_CERT_DIR` makes the platform's loader leave it out.
    pub adds_system_bundle: bool,
    /// Which proxies are used.
    pub proxies: Proxies,
    /// The wait before the first retry; it doubles from there.
    pub first_wait: Duration,
    /// How long one try may take, from connecting to the last byte.
    pub one_try: Duration,
    /// How long all tries together may take, unless the service itself asks to wait longer.
    pub all_tries: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            authorities: Vec::new(),
            adds_system_bundle: false,
            proxies: Proxies::default(),
            first_wait: Duration::from_millis(800),
            one_try: ONE_TRY,
            all_tries: ALL_TRIES,
        }
    }
}

/// One request, complete. The body and headers may hold secrets, so there is no `Debug`.
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
    /// A `GET` without headers.
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

/// A whole answer. The body may hold tokens, so there is no `Debug`.
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decoded and without a byte order mark, at most 1 MiB.
    pub body: Vec<u8>,
    /// Whether an earlier try of the same request may have reached the service and may have been
    /// carried out.
    pub repeated: bool,
}

impl Response {
    /// The service's clock, from the `Date` header.
    pub fn date(&self) -> Option<Timestamp> {
        Timestamp::parse_http_date(self.headers.get(DATE)?.to_str().ok()?)
    }

    /// Whether the service is out of order or overloaded, so that it may answer later: 429 or 5xx,
    /// but not 501, 505 and 511, which stay as they are.
    pub fn is_outage(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS
            || (self.status.is_server_error()
                && self.status != StatusCode::NOT_IMPLEMENTED
                && self.status != StatusCode::HTTP_VERSION_NOT_SUPPORTED
                && self.status != StatusCode::NETWORK_AUTHENTICATION_REQUIRED)
    }

    /// How long the service asks to wait: `Retry-After` in seconds, or as a date measured against
    /// the answer's own `Date`.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse::<u32>() {
            return Some(Duration::from_secs(seconds.into()));
        }
        Some(Timestamp::parse_http_date(text)?.since(self.date()?))
    }

    /// Whether the answer is JSON: by its `Content-Type`, or because the body is a JSON object.
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

    /// Whether the body is a JSON object.
    pub fn is_object(&self) -> bool {
        self.body.trim_ascii_start().starts_with(b"{")
            && serde_json::from_slice::<serde::de::IgnoredAny>(&self.body).is_ok()
    }

    /// Whether the service may have carried out a request that it answered with this outage.
    fn may_have_acted(&self) -> bool {
        self.status != StatusCode::TOO_MANY_REQUESTS
    }
}

/// The client. It costs nothing until the first request.
pub struct Http {
    first_wait: Duration,
    one_try: Duration,
    all_tries: Duration,
    proxies: Proxies,
    connections: Connections,
}

impl Http {
    /// A client with these options.
    pub fn new(options: Options) -> Self {
        Http {
            first_wait: options.first_wait,
            one_try: options.one_try,
            all_tries: options.all_tries,
            proxies: options.proxies.clone(),
            connections: Connections::new(options),
        }
    }

    /// Sends through the caller's own client, which then decides on proxies, certificates and
    /// redirects; redirects should be off, or a token may follow one.
    pub fn with_client(client: Client) -> Self {
        let options = Options::default();
        Http {
            first_wait: options.first_wait,
            one_try: options.one_try,
            all_tries: options.all_tries,
            proxies: Proxies::None {
                why: "the caller's own client decides".to_owned(),
            },
            connections: Connections::over(client),
        }
    }

    /// The way that a request to this address takes.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) where the setting does not name a proxy that can be used.
    pub fn route(&self, address: &Url) -> Result<Route> {
        self.proxies.route(address)
    }

    /// Returns the issuer of the certificate that `url`'s host presented to the last request, if
    /// one was seen.
    pub(crate) fn issuer(&self, url: &Url) -> Option<String> {
        self.connections.issuer(url)
    }

    /// One request and its whole answer.
    async fn exchange(
        &self,
        host: &str,
        route: Option<&ProxyRoute>,
        mut request: Request,
    ) -> Result<Response, SendError> {
        let client = self.connections.client_for(&request.url, route)?;
        debug!("request: {} {host}{}", request.method, request.url.path());
        // hyper leaves it out for nothing, but servers answer 411 to a POST that does not say how
        // long it is (RFC 9110, section 8.6).
        if request.body.is_empty() && request.method == Method::POST {
            request
                .headers
                .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        // A gzip-coded body is decoded all the same: some servers do not ask.
        request
            .headers
            .entry(ACCEPT_ENCODING)
            .or_insert(HeaderValue::from_static("identity"));
        let mut response = client
            .request(request.method, request.url)
            .headers(request.headers)
            .body(request.body)
            .send()
            .await
            .map_err(|error| unreachable(host, route, error))?;
        let status = response.status();
        let coding = response.headers().get(CONTENT_ENCODING);
        if let Some(coding) = coding.filter(|coding| *coding != "identity") {
            return Err(undecodable(host, coding).into());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| unreachable(host, route, error).answered(status))?
        {
            if body.len() + chunk.len() > LONGEST_BODY {
                // More than we read of any answer: asking again would bring the same.
                return Err(oversized(host).into());
            }
            body.extend_from_slice(&chunk);
        }
        if body.starts_with(BYTE_ORDER_MARK) {
            body.drain(..BYTE_ORDER_MARK.len());
        }
        debug!(
            "answer from {host}: status {}, {} bytes",
            status.as_u16(),
            body.len()
        );
        Ok(Response {
            status,
            headers: response.headers().clone(),
            body,
            repeated: false,
        })
    }
}

fn host_of(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "an address without a host".to_owned(),
    }
}
