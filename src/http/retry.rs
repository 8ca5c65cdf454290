//! Retries requests.
//!
//! A request is sent up to four times in case of outages and broken connections. A failure records
//! the progress of its request, because a processed request must not always be sent again.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, warn};

use super::client::Http;
use super::failure::{SendError, too_late};
use super::proxies::Route;
use super::request::{Request, host_of};
use super::response::Response;
use crate::error::{Error, RequestProgress, Result};

/// The number of tries, including the first one.
const TRIES: u32 = 4;
/// The shortest time limit of the last try.
const LAST_TRY: Duration = Duration::from_secs(2);
/// The longest `Retry-After` that is honoured.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The failures that lead to another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retry {
    /// Every failure that may be temporary.
    IfTransient,
    /// Only failures before the first byte of the request was sent.
    IfUnsent,
}

impl Http {
    /// Sends the request that `make` makes, anew for every try, and returns the last answer.
    ///
    /// Outages ([`Response::is_outage`]) and broken connections are tried again, four times in all.
    /// An outage that lasts is returned as an answer.
    ///
    /// # Errors
    /// [`Kind::Unreachable`](crate::Kind::Unreachable) if no whole answer came;
    /// [`Kind::Usage`](crate::Kind::Usage) if a required authority file cannot be read or a setting
    /// names no proxy; the errors of `make`.
    pub async fn send(&self, make: impl Fn() -> Result<Request>) -> Result<Response> {
        self.send_again(Retry::IfTransient, make).await
    }

    /// Sends a request that contains a single-use credential, such as an authorization code (RFC
    /// 6749, section 4.1.2). It is tried again only if no byte of it has left this machine.
    ///
    /// # Errors
    /// As [`Http::send`]. [`Error::may_have_arrived`] tells whether the credential may be used up.
    pub async fn send_single_use(&self, request: &Request) -> Result<Response> {
        self.send_again(Retry::IfUnsent, || Ok(request.clone()))
            .await
    }

    /// Sends the request once: for callers that ask again anyway, at a pace of their own.
    ///
    /// # Errors
    /// As [`Http::send`].
    pub async fn send_once(&self, request: Request) -> Result<Response> {
        let deadline = Instant::now() + self.one_try;
        let outcome = self.try_once(request, deadline).await;
        outcome.map_err(SendError::into_error)
    }

    async fn send_again(
        &self,
        again: Retry,
        make: impl Fn() -> Result<Request>,
    ) -> Result<Response> {
        let deadline = Instant::now() + self.all_tries;
        let mut wait = self.first_wait;
        let mut repeated = false;
        for left in (0..TRIES).rev() {
            let request = make()?;
            let (host, path) = (host_of(&request.url), request.url.path().to_owned());
            let outcome = match self.try_once(request, deadline).await {
                Ok(response) => Ok(Response {
                    repeated,
                    ..response
                }),
                Err(error) => Err(error.after(repeated)),
            };
            // The requested pause, the shortest time for the next try, and whether the service may have
            // processed this try.
            let (requested, needed, arrived) = match &outcome {
                Ok(response) if response.is_outage() => {
                    debug!("{host}{path} is busy: status {}", response.status.as_u16());
                    (
                        response.retry_after(),
                        Duration::ZERO,
                        response.may_have_acted(),
                    )
                }
                Err(SendError::Transient(error)) => {
                    (None, Duration::ZERO, error.may_have_arrived())
                }
                // A try that is cancelled while it connects would not show that nothing was sent.
                Err(SendError::Unconnected(error)) => {
                    let connecting = self.connections.connecting();
                    (None, connecting, error.may_have_arrived())
                }
                _ => return outcome.map_err(SendError::into_error),
            };
            let pause = requested.unwrap_or_else(|| wait.mul_f64(0.8 + 0.4 * fastrand::f64()));
            let in_time = requested.is_some() || Instant::now() + pause + needed < deadline;
            let may_try =
                left > 0 && (again == Retry::IfTransient || !(arrived || outcome.is_ok()));
            if !may_try || !in_time || pause > LONGEST_WAIT {
                return outcome.map_err(SendError::into_error);
            }
            repeated |= arrived;
            if pause > Duration::from_secs(5) {
                warn!(
                    "{host} asked to wait {} s before trying again",
                    pause.as_secs()
                );
            }
            debug!("trying {host}{path} again in {} ms", pause.as_millis());
            tokio::time::sleep(pause).await;
            wait *= 2;
        }
        Err(Error::internal("no try was left at the start"))
    }

    /// One request and its whole answer, in time.
    async fn try_once(&self, request: Request, deadline: Instant) -> Result<Response, SendError> {
        let host = host_of(&request.url);
        let route = match self.route(&request.url).map_err(SendError::Final)? {
            Route::Direct { .. } => None,
            Route::Through(route) => Some(route),
        };
        let time_left = deadline
            .saturating_duration_since(Instant::now())
            .max(LAST_TRY);
        let exchange = self.exchange(&host, route.as_ref(), request);
        match tokio::time::timeout(self.one_try.min(time_left), exchange).await {
            Err(_) => {
                let late = too_late(&host, route.as_ref());
                Err(SendError::Transient(
                    late.with_reached(RequestProgress::Perhaps),
                ))
            }
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(error),
        }
    }
}
