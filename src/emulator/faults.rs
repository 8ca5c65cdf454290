//! Ways in which a service goes wrong, switched on by whoever tests a client against them.
//!
//! In comes a [`Fault`] as a plain value, out comes the answer that a request meets instead of the
//! right one. Nothing here is on unless asked for.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use hyper::body::Frame;
use serde_json::Value;

/// Where a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Route {
    /// OpenID Connect metadata.
    Metadata,
    /// Entra's authorize page.
    Authorize,
    /// Entra's token endpoint.
    Token,
    /// The exchanges of a user's Entra token.
    Exchange,
    /// Identities and their tokens.
    Identities,
}

impl Route {
    /// The route that a path leads to, if faults can strike there.
    pub(super) fn of(path: &str) -> Option<Route> {
        if path.ends_with("/.well-known/openid-configuration") {
            Some(Route::Metadata)
        } else if path.ends_with("/oauth2/v2.0/authorize") {
            Some(Route::Authorize)
        } else if path.ends_with("/oauth2/v2.0/token") {
            Some(Route::Token)
        } else if path.ends_with("/:exchangeAccessToken") {
            Some(Route::Exchange)
        } else if path.starts_with("/identities") {
            Some(Route::Identities)
        } else {
            None
        }
    }
}

/// One thing that goes wrong at one route.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Where.
    pub route: Route,
    /// How many requests meet it; `None` is all of them.
    pub times: Option<u32>,
    /// What happens.
    pub what: FaultKind,
}

/// What goes wrong.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum FaultKind {
    /// This status instead of the answer.
    Status {
        /// The HTTP status, for instance 429 or 503.
        status: u16,
        /// The value of `Retry-After`, if one is sent.
        retry_after: Option<String>,
        /// The `Content-Type`.
        content_type: String,
        /// The body.
        body: String,
    },
    /// Entra's refusal in its own form: JSON at the token endpoint, and an answer to the redirect
    /// URI at the authorize page.
    Refusal {
        /// The word of RFC 6749.
        error: String,
        /// The number behind `AADSTS`; `None` for one that Entra does not have.
        code: Option<u32>,
        /// Entra's finer word.
        suberror: Option<String>,
    },
    /// A JSON answer of this many bytes that never says how long it will be.
    OversizedBody(u64),
    /// The right answer without this member.
    MissingField(String),
    /// The right answer with this member changed.
    ReplacedField(String, Value),
    /// The connection breaks without an answer.
    Drop,
    /// The request is carried out, and then the connection breaks without the answer.
    DropAfterHandling,
    /// The connection stays open without an answer until the emulator stops.
    Hang,
}

/// The faults that are on.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What the next request at `route` meets; that use is counted.
    pub(super) fn next_for(&mut self, route: Route) -> Option<FaultKind> {
        let place = self.0.iter().position(|fault| fault.route == route)?;
        let fault = &mut self.0[place];
        let what = fault.what.clone();
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.0.remove(place);
            }
        }
        Some(what)
    }
}

/// The answer that a [`FaultKind::Status`] or [`FaultKind::OversizedBody`] gives.
pub(super) fn answer(
    status: u16,
    retry_after: Option<&str>,
    content_type: &str,
    body: Body,
) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in [
        (header::RETRY_AFTER, retry_after),
        (header::CONTENT_TYPE, Some(content_type)),
    ] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// A JSON string that goes on for this many bytes.
pub(super) fn flood(bytes: u64) -> Body {
    Body::new(OversizedBody {
        left: bytes,
        started: false,
    })
}

struct OversizedBody {
    left: u64,
    started: bool,
}

const CHUNK: u64 = 64 * 1024;
static FILLING: [u8; CHUNK as usize] = [b'x'; CHUNK as usize];

impl hyper::body::Body for OversizedBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let chunk = if self.started {
            let size = self.left.min(CHUNK);
            Bytes::from_static(&FILLING[..size as usize])
        } else {
            Bytes::from_static(b"{\"filling\":\"")
        };
        self.started = true;
        self.left = self.left.saturating_sub(chunk.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_wears_off_after_its_times() {
        let mut faults = Faults::default();
        faults.add(Fault {
            route: Route::Token,
            times: Some(2),
            what: FaultKind::Drop,
        });
        assert!(faults.next_for(Route::Exchange).is_none());
        assert!(faults.next_for(Route::Token).is_some());
        assert!(faults.next_for(Route::Token).is_some());
        assert!(faults.next_for(Route::Token).is_none());
    }
}
