//! The HTTP client: one request, its tries, and the whole response.
//!
//! A request is sent up to four times in case of outages and broken connections. A failure records
//! the progress of its request, because a processed request must not always be sent again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue};
use reqwest::{Client, Method, StatusCode};
use tokio::time::Instant;
use tracing::{debug, trace, warn};
use url::Url;

use super::early::{self, EarlyConnections};
use super::failure::{Retry, SendError, oversized, timed_out, undecodable, unreachable};
use super::message::{Request, Response, host_of};
use super::proxies::{Proxies, ProxyRoute, Route};
use super::trust::{CaFile, Issuers};
use crate::error::{Delivery, Error, Result};
use crate::progress;

/// The default of [`Options::attempts`].
const MAX_ATTEMPTS: u32 = 4;
/// The shortest time limit of the last try.
const MIN_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest `Retry-After` that is honoured.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);
/// The longest body that is read, in bytes after decoding. The services' bodies have a few thousand.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The mark of UTF-8, which a parser may ignore (RFC 8259, section 8.1).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The options of the HTTP client. Files are read at the first use.
#[derive(Debug, Clone)]
pub struct Options {
    /// Files of certificate authorities (PEM), trusted beside the system's.
    pub ca_files: Vec<CaFile>,
    /// Whether the system's own bundle is added as well: if `SSL_CERT_FILE` or
    /// `SSL_CERT_DIR` make the platform's loader leave it out.
    pub needs_system_bundle: bool,
    /// The proxies.
    pub proxies: Proxies,
    /// The number of tries, including the first one.
    pub attempts: u32,
    /// The wait before the first retry; it doubles from there.
    pub first_wait: Duration,
    /// The time limit of one try, from connecting to the last byte.
    pub attempt_timeout: Duration,
    /// The time limit of all tries, unless the service requests a longer wait.
    pub total_timeout: Duration,
    /// Adds headers to each request, such as the current trace.
    pub more_headers: Option<fn(&mut HeaderMap)>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            ca_files: Vec::new(),
            needs_system_bundle: false,
            proxies: Proxies::default(),
            attempts: MAX_ATTEMPTS,
            first_wait: Duration::from_millis(800),
            attempt_timeout: Duration::from_secs(12),
            total_timeout: Duration::from_secs(30),
            more_headers: None,
        }
    }
}

/// The kinds of connections. All proxied addresses share one proxy, which the settings name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ConnectionKind {
    Plain,
    Tls,
    Proxied,
}

/// The clients for one kind of connection.
#[derive(Clone)]
pub(super) struct Clients {
    /// Sends the requests.
    pub(super) sender: Client,
    /// Opens connections for the sender, with those that wait. It has none of its own, so it never
    /// sends. `None` if the sender is the caller's client.
    pub(super) opener: Option<(Client, EarlyConnections)>,
}

/// The HTTP client. It reads no file and opens no connection before the first request.
pub struct Http {
    pub(super) options: Options,
    pub(super) issuers: Issuers,
    /// The clients of `reqwest`. Most processes build those of one kind.
    pub(super) clients: Mutex<BTreeMap<ConnectionKind, Clients>>,
    /// The time of the last response of each host.
    pub(super) last_responses: Mutex<BTreeMap<String, Instant>>,
}

impl Http {
    /// Creates a client with these options.
    pub fn new(options: Options) -> Self {
        Http {
            options,
            issuers: Issuers::default(),
            clients: Mutex::default(),
            last_responses: Mutex::default(),
        }
    }

    /// Creates a client that uses the caller's client. That one decides on proxies, certificates and
    /// redirects. Redirects should be off, since a token could follow one.
    pub fn with_client(client: Client) -> Self {
        let proxies = Proxies::None {
            why: "the caller's own client decides".to_owned(),
        };
        let kinds = [
            ConnectionKind::Plain,
            ConnectionKind::Tls,
            ConnectionKind::Proxied,
        ];
        let clients = Clients {
            sender: client,
            opener: None,
        };
        Http {
            clients: Mutex::new(kinds.map(|kind| (kind, clients.clone())).into()),
            ..Http::new(Options {
                proxies,
                ..Options::default()
            })
        }
    }

    /// Returns the route of a request to this address.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the setting does not name a proxy that can be used.
    pub fn route(&self, address: &Url) -> Result<Route> {
        self.options.proxies.route(address)
    }

    /// Returns the issuer of the certificate that `url`'s host presented to the last request, if
    /// one was seen.
    pub(crate) fn issuer(&self, url: &Url) -> Option<String> {
        let seen = self.issuers.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(url.host_str()?.trim_matches(['[', ']'])).cloned()
    }

    /// Sends the request that `make` makes, anew for every try, and returns the last response.
    ///
    /// Outages ([`Response::is_transient_error`]) and broken connections are tried again, with [`Options::attempts`] tries in all.
    /// An outage that lasts is returned as a response.
    ///
    /// # Errors
    /// [`Kind::Unreachable`](crate::Kind::Unreachable) if no whole response came;
    /// [`Kind::Usage`](crate::Kind::Usage) if a required authority file cannot be read or a setting
    /// names no proxy; the errors of `make`.
    pub async fn send(&self, make: impl Fn() -> Result<Request>) -> Result<Response> {
        self.send_with_retries(false, make).await
    }

    /// Sends a request that contains a single-use credential, such as an authorization code (RFC
    /// 6749, section 4.1.2). It is tried again only if no byte of it has left this machine.
    ///
    /// # Errors
    /// As [`Http::send`]. [`Error::may_have_arrived`] tells whether the credential may be used up.
    pub async fn send_single_use(&self, request: &Request) -> Result<Response> {
        self.send_with_retries(true, || Ok(request.clone())).await
    }

    /// Sends the request once: for callers that ask again anyway, at a pace of their own.
    ///
    /// # Errors
    /// As [`Http::send`].
    pub async fn send_once(&self, request: Request) -> Result<Response> {
        let start = Instant::now();
        let deadline = start + self.options.attempt_timeout;
        let contacting = contacting(&request.url);
        let attempt = self.attempt(request, start, deadline);
        let outcome = progress::reported(|| contacting, attempt).await;
        outcome.map_err(|failure| failure.error)
    }

    async fn send_with_retries(
        &self,
        is_single_use: bool,
        make: impl Fn() -> Result<Request>,
    ) -> Result<Response> {
        let first = make()?;
        let contacting = contacting(&first.url);
        let tries = self.try_until_final(first, is_single_use, make);
        progress::reported(|| contacting, tries).await
    }

    /// Tries `first`, and a new request from `make` for each further try.
    async fn try_until_final(
        &self,
        first: Request,
        is_single_use: bool,
        make: impl Fn() -> Result<Request>,
    ) -> Result<Response> {
        let mut first = Some(first);
        let start = Instant::now();
        let deadline = start + self.options.total_timeout;
        let mut wait = self.options.first_wait;
        let mut repeated = false;
        for tries in 1..=self.options.attempts {
            let request = first.take().map_or_else(&make, Ok)?;
            let host = host_of(&request.url);
            let outcome = match self.attempt(request, start, deadline).await {
                Ok(response) => Ok(Response {
                    repeated,
                    tries,
                    ..response
                }),
                Err(failure) if repeated => Err(failure.with_delivery(Delivery::MaybeSent)),
                Err(failure) => Err(failure),
            };
            // The requested pause, the shortest time for the next try, and whether the service may have
            // processed this try.
            let (requested, needed, arrived) = match &outcome {
                Ok(response) if response.is_transient_error() => {
                    let status = response.status;
                    debug!("{host} is busy: HTTP status {}.", status.as_u16());
                    let arrived = status != StatusCode::TOO_MANY_REQUESTS;
                    (response.retry_after(), Duration::ZERO, arrived)
                }
                Err(failure) if failure.retry != Retry::Never => {
                    let needed = match failure.retry {
                        // A try that is cancelled while it connects would not show that nothing was sent.
                        Retry::IfItCanConnect => self.connect_timeout(),
                        _ => Duration::ZERO,
                    };
                    (None, needed, failure.error.may_have_arrived())
                }
                _ => return outcome.map_err(|failure| failure.error),
            };
            let pause = requested.unwrap_or_else(|| wait.mul_f64(0.8 + 0.4 * fastrand::f64()));
            let in_time = requested.is_some() || Instant::now() + pause + needed < deadline;
            let may_try =
                tries < self.options.attempts && !(is_single_use && (arrived || outcome.is_ok()));
            if !may_try || !in_time || pause > MAX_RETRY_AFTER {
                return outcome.map_err(|failure| failure.error);
            }
            repeated |= arrived;
            if pause > Duration::from_secs(5) {
                warn!(
                    "{host} requests a wait of {} s before the next attempt",
                    pause.as_secs()
                );
            }
            debug!(
                "The next attempt at {host} starts in {} ms.",
                pause.as_millis()
            );
            tokio::time::sleep(pause).await;
            wait *= 2;
        }
        Err(Error::internal("no try was left at the start"))
    }

    /// One request and its whole response, in time. A timeout names the time since `start`, the start of
    /// the first try.
    async fn attempt(
        &self,
        request: Request,
        start: Instant,
        deadline: Instant,
    ) -> Result<Response, SendError> {
        let host = host_of(&request.url);
        let line = format!("{} {host}{}", request.method, request.url.path());
        let route = match self.route(&request.url)? {
            Route::Direct { .. } => None,
            Route::Through(route) => Some(route),
        };
        let time_left = deadline.saturating_duration_since(Instant::now());
        let limit = self
            .options
            .attempt_timeout
            .min(time_left.max(MIN_ATTEMPT_TIMEOUT));
        let response = self.send_and_read(&host, &line, route.as_ref(), request);
        match tokio::time::timeout(limit, response).await {
            Ok(outcome) => outcome,
            Err(_) => {
                trace!("{line} timed out after {} ms.", limit.as_millis());
                let error = timed_out(&host, route.as_ref(), start.elapsed());
                Err(SendError {
                    error: error.with_delivery(Delivery::MaybeSent),
                    retry: Retry::Always,
                })
            }
        }
    }

    /// Sends one request, and reads the response.
    async fn send_and_read(
        &self,
        host: &str,
        line: &str,
        route: Option<&ProxyRoute>,
        mut request: Request,
    ) -> Result<Response, SendError> {
        let client = self.clients_for(&request.url, route)?.sender;
        let start = Instant::now();
        // hyper omits it for an empty body, and servers reply 411 to a request without a length (RFC
        // 9110, section 8.6).
        let has_body = [Method::POST, Method::PUT, Method::PATCH].contains(&request.method);
        if request.body.is_empty() && has_body {
            let zero = HeaderValue::from_static("0");
            request.headers.insert(CONTENT_LENGTH, zero);
        }
        // A gzip-coded body is decoded too, since some servers ignore this header.
        let coding = request.headers.entry(ACCEPT_ENCODING);
        coding.or_insert(HeaderValue::from_static("identity"));
        if let Some(add) = self.options.more_headers {
            add(&mut request.headers);
        }
        trace!("Sending {line}.");
        let sent = client
            .request(request.method, request.url.clone())
            .headers(request.headers)
            .body(request.body)
            .send();
        let mut response = early::for_request(&request.url, sent)
            .await
            .map_err(|error| unreachable(host, route, error))
            .inspect_err(|failure| trace!("{line} failed: {}.", failure.error))?;
        let (version, status) = (response.version(), response.status());
        let coding = response.headers().get(CONTENT_ENCODING);
        if let Some(coding) = coding.filter(|coding| *coding != "identity") {
            return Err(undecodable(host, coding).into());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| {
            let broken = unreachable(host, route, error);
            broken.with_delivery(Delivery::ResponseStarted(status.as_u16()))
        })? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                // A retry would have the same result.
                return Err(oversized(host).into());
            }
            body.extend_from_slice(&chunk);
        }
        self.record_response(host);
        if body.starts_with(BYTE_ORDER_MARK) {
            body.drain(..BYTE_ORDER_MARK.len());
        }
        trace!(
            "{line} returned HTTP status {} ({} bytes) in {} ms.",
            status.as_u16(),
            body.len(),
            start.elapsed().as_millis()
        );
        Ok(Response {
            version,
            status,
            headers: response.headers().clone(),
            body,
            repeated: false,
            tries: 1,
        })
    }
}

/// The sentence about a request that takes long.
fn contacting(url: &Url) -> String {
    format!("Contacting {}\u{2026}", host_of(url))
}
