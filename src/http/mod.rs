//! The one HTTP client: built on first use, never before.
//!
//! A request goes in as a value that can be made anew for each try, a whole answer of bounded
//! size comes out. Retries, proxies, certificate authorities and time-outs live here and nowhere
//! else; what an answer means is for the rooms that know the service. Redirects are not followed.

mod authorities;
mod connections;
mod failure;
mod look;

use std::time::Duration;

use reqwest::header::{
    CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use reqwest::{Client, Method, StatusCode};
use tokio::time::Instant;
use tracing::{debug, warn};
use url::Url;

use crate::error::{Error, Kind, Result};
use crate::time::Timestamp;

pub use authorities::AuthorityFile;
use connections::Connections;
pub(crate) use failure::is_distrust;
use failure::{oversized, unreachable};
pub(crate) use look::issuer;

/// Longest body that is read, in bytes: the services' answers are a few thousand.
const LONGEST_BODY: usize = 1024 * 1024;
/// Tries in all, the first one included.
const TRIES: u32 = 4;
/// All tries together, unless the service itself asks for longer.
const ALL_TRIES: Duration = Duration::from_secs(30);
/// One try, from connecting to the last byte.
const ONE_TRY: Duration = Duration::from_secs(12);
/// The longest `Retry-After` that is honoured.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What the client needs to know of the world. Plain values; nothing is read before first use.
#[derive(Debug, Clone)]
pub struct Options {
    /// Files of certificate authorities (PEM), trusted beside the system's.
    pub authorities: Vec<AuthorityFile>,
    /// Whether the system's own bundle is added as well: for an environment whose `SSL_CERT_FILE`
    /// or `SSL_CERT_DIR` makes the platform's loader leave it out.
    pub adds_system_bundle: bool,
    /// The wait before the first retry; it doubles from there.
    pub first_wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            authorities: Vec::new(),
            adds_system_bundle: false,
            first_wait: Duration::from_millis(800),
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
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most 1 MiB.
    pub body: Vec<u8>,
}

impl Answer {
    /// The service's clock, from the `Date` header.
    pub fn date(&self) -> Option<Timestamp> {
        Timestamp::parse_http_date(self.headers.get(DATE)?.to_str().ok()?)
    }

    /// Whether the service is out of order or overloaded: 429 or 5xx.
    pub fn is_outage(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS || self.status.is_server_error()
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

    /// Whether the answer says of itself that it is JSON.
    pub fn is_json(&self) -> bool {
        self.headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(|value| value.split(';').next().unwrap_or_default().trim())
            .is_some_and(|media| {
                media.eq_ignore_ascii_case("application/json") || media.ends_with("+json")
            })
    }
}

/// The client. It costs nothing until the first request.
pub struct Http {
    first_wait: Duration,
    connections: Connections,
}

impl Http {
    /// A client with these options.
    pub fn new(options: Options) -> Self {
        Http {
            first_wait: options.first_wait,
            connections: Connections::new(options.authorities, options.adds_system_bundle),
        }
    }

    /// Sends through the caller's own client, which then decides on proxies, certificates and
    /// redirects; redirects should be off, or a token may follow one.
    pub fn with_client(client: Client) -> Self {
        Http {
            first_wait: Options::default().first_wait,
            connections: Connections::over(client),
        }
    }

    /// Sends the request that `make` makes, anew for every try, and returns the last answer.
    ///
    /// 429, 5xx (but 501 and 505) and broken connections are tried again, four times in all. An
    /// answer of 429 or 5xx that stays is returned as it is: see [`Answer::is_outage`].
    ///
    /// # Errors
    /// [`Kind::Unreachable`] where no whole answer came; [`Kind::Usage`] where a required
    /// authority file cannot be read; what `make` returns.
    pub async fn send(&self, make: impl Fn() -> Result<Request>) -> Result<Answer> {
        let deadline = Instant::now() + ALL_TRIES;
        let mut wait = self.first_wait;
        for left in (0..TRIES).rev() {
            let request = make()?;
            let (host, path) = (host_of(&request.url), request.url.path().to_owned());
            let outcome = match self.try_once(request, deadline).await {
                Ok(Whole::Answer(answer)) => Ok(answer),
                Ok(Whole::TooLarge) => return Err(oversized(&host)),
                Err(error) => Err(error),
            };
            let asked = match &outcome {
                Ok(answer) if !is_worth_retrying(answer.status) => return outcome,
                Ok(answer) => {
                    debug!(status = answer.status.as_u16(), %host, %path, "the service is busy");
                    answer.retry_after()
                }
                Err(error) if error.kind() != Kind::Unreachable => return outcome,
                Err(Error { .. }) => None,
            };
            let pause = asked.unwrap_or_else(|| wait.mul_f64(0.8 + 0.4 * fastrand::f64()));
            let in_time = asked.is_some() || Instant::now() + pause < deadline;
            if left == 0 || !in_time || pause > LONGEST_WAIT {
                return outcome;
            }
            if pause > Duration::from_secs(5) {
                warn!(
                    "{host} asked to wait {} s before trying again",
                    pause.as_secs()
                );
            }
            debug!(%host, %path, "trying again in {} ms", pause.as_millis());
            tokio::time::sleep(pause).await;
            wait *= 2;
        }
        Err(Error::internal("no try was left at the start"))
    }

    /// Sends the request once: for whoever asks again anyway, at a pace of their own.
    ///
    /// # Errors
    /// As [`Http::send`].
    pub async fn send_once(&self, request: Request) -> Result<Answer> {
        let host = host_of(&request.url);
        match self.try_once(request, Instant::now() + ONE_TRY).await? {
            Whole::Answer(answer) => Ok(answer),
            Whole::TooLarge => Err(oversized(&host)),
        }
    }

    async fn try_once(&self, mut request: Request, deadline: Instant) -> Result<Whole> {
        let client = self.connections.client_for(&request.url)?;
        let host = host_of(&request.url);
        debug!(method = %request.method, %host, path = request.url.path(), "request");
        let time_left = deadline
            .saturating_duration_since(Instant::now())
            .max(Duration::from_secs(2));
        // hyper leaves it out for nothing, but servers answer 411 to a POST that does not say how
        // long it is (RFC 9110, section 8.6).
        if request.body.is_empty() && request.method == Method::POST {
            request
                .headers
                .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let exchange = async {
            let mut response = client
                .request(request.method, request.url)
                .headers(request.headers)
                .body(request.body)
                .send()
                .await
                .map_err(|error| unreachable(&host, error))?;
            let mut body = Vec::new();
            while let Some(chunk) = response
                .chunk()
                .await
                .map_err(|error| unreachable(&host, error))?
            {
                if body.len() + chunk.len() > LONGEST_BODY {
                    return Ok(Whole::TooLarge);
                }
                body.extend_from_slice(&chunk);
            }
            debug!(status = response.status().as_u16(), %host, bytes = body.len(), "answer");
            Ok(Whole::Answer(Answer {
                status: response.status(),
                headers: response.headers().clone(),
                body,
            }))
        };
        match tokio::time::timeout(ONE_TRY.min(time_left), exchange).await {
            Ok(done) => done,
            Err(_) => Err(Error::new(
                Kind::Unreachable,
                format!("{host} did not answer in time"),
                "check the network, then try again; `acspass -v` shows the requests",
            )),
        }
    }
}

/// What one try brought.
enum Whole {
    Answer(Answer),
    /// More than we read of any answer: asking again would bring the same.
    TooLarge,
}

/// 501 and 505 will not change by asking again.
fn is_worth_retrying(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS
        || (status.is_server_error()
            && status != StatusCode::NOT_IMPLEMENTED
            && status != StatusCode::HTTP_VERSION_NOT_SUPPORTED)
}

fn host_of(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "an address without a host".to_owned(),
    }
}
