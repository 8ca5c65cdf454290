//! The HTTP client.

use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};
use reqwest::{Client, Method};
use tracing::debug;
use url::Url;

use super::connections::Connections;
use super::failure::{SendError, oversized, undecodable, unreachable};
use super::options::Options;
use super::proxies::{Proxies, ProxyRoute, Route};
use super::request::Request;
use super::response::Response;
use crate::error::Result;

/// The longest body that is read, in bytes after decoding. The services' bodies have a few thousand.
const LONGEST_BODY: usize = 1024 * 1024;
/// The mark of UTF-8, which a parser may ignore (RFC 8259, section 8.1).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The HTTP client. It reads no file and opens no connection before the first request.
pub struct Http {
    pub(super) first_wait: Duration,
    pub(super) one_try: Duration,
    pub(super) all_tries: Duration,
    pub(super) proxies: Proxies,
    pub(super) connections: Connections,
}

impl Http {
    /// Creates a client with these options.
    pub fn new(options: Options) -> Self {
        Http {
            first_wait: options.first_wait,
            one_try: options.one_try,
            all_tries: options.all_tries,
            proxies: options.proxies.clone(),
            connections: Connections::new(options),
        }
    }

    /// Creates a client that uses the caller's client. That one decides on proxies, certificates and
    /// redirects. Redirects should be off, since a token could follow one.
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

    /// Returns the route of a request to this address.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the setting does not name a proxy that can be used.
    pub fn route(&self, address: &Url) -> Result<Route> {
        self.proxies.route(address)
    }

    /// Returns the issuer of the certificate that `url`'s host presented to the last request, if
    /// one was seen.
    pub(crate) fn issuer(&self, url: &Url) -> Option<String> {
        self.connections.issuer(url)
    }

    /// Sends one request, and reads the response.
    pub(super) async fn exchange(
        &self,
        host: &str,
        route: Option<&ProxyRoute>,
        mut request: Request,
    ) -> Result<Response, SendError> {
        let client = self.connections.client_for(&request.url, route)?;
        debug!("request: {} {host}{}", request.method, request.url.path());
        // hyper omits it for an empty body, and servers reply 411 to a POST without a length (RFC
        // 9110, section 8.6).
        if request.body.is_empty() && request.method == Method::POST {
            request
                .headers
                .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        // A gzip-coded body is decoded too, since some servers ignore this header.
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
                // A retry would have the same result.
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
