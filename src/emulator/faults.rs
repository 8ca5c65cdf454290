//! Faults of the services, which tests switch on.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use futures_util::stream;
use serde_json::Value;

/// The endpoints that can have faults.
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
    /// Returns the route of a path, if it can have faults.
    pub(crate) fn of(path: &str) -> Option<Route> {
        match path {
            _ if path.ends_with("/.well-known/openid-configuration") => Some(Route::Metadata),
            _ if path.ends_with("/oauth2/v2.0/authorize") => Some(Route::Authorize),
            _ if path.ends_with("/oauth2/v2.0/token") => Some(Route::Token),
            _ if path.ends_with("/:exchangeAccessToken") => Some(Route::Exchange),
            _ if path.starts_with("/identities") => Some(Route::Identities),
            _ => None,
        }
    }
}

/// A fault at one route.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The route.
    pub route: Route,
    /// The number of requests that the fault affects; `None` is all of them.
    pub times: Option<u32>,
    /// The kind of fault.
    pub what: FaultKind,
}

/// The kinds of faults.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum FaultKind {
    /// Responds with this status in place of the right response.
    Status {
        /// The HTTP status, for instance 429 or 503.
        status: u16,
        /// The value of `Retry-After`, if it is sent.
        retry_after: Option<String>,
        /// The `Content-Type`.
        content_type: String,
        /// The body.
        body: String,
    },
    /// Refuses in Entra's form: JSON at the token endpoint, a redirect at the authorize page.
    Refusal {
        /// The error code of RFC 6749.
        error: String,
        /// The number after `AADSTS`; `None` uses a number that Entra does not have.
        code: Option<u32>,
        /// Entra's suberror.
        suberror: Option<String>,
    },
    /// Sends a JSON body of this many bytes without a `Content-Length`.
    OversizedBody(u64),
    /// Omits this member of the right response.
    MissingField(String),
    /// Replaces this member of the right response.
    ReplacedField(String, Value),
    /// Drops the connection without a response.
    Drop,
    /// Handles the request, then drops the connection without a response.
    DropAfterHandling,
    /// Keeps the connection open without a response until the emulator stops.
    Hang,
}

impl FaultKind {
    /// Returns the name in the journal.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            FaultKind::Status { .. } => "status",
            FaultKind::Refusal { .. } => "refusal",
            FaultKind::OversizedBody(_) => "oversized-body",
            FaultKind::MissingField(_) => "missing-field",
            FaultKind::ReplacedField(..) => "replaced-field",
            FaultKind::Drop => "drop",
            FaultKind::DropAfterHandling => "drop-after-handling",
            FaultKind::Hang => "hang",
        }
    }
}

/// Returns the fault of the next request at `route`, and counts it.
pub(crate) fn next_fault(faults: &mut Vec<Fault>, route: Route) -> Option<FaultKind> {
    let index = faults.iter().position(|fault| fault.route == route)?;
    let fault = &mut faults[index];
    let what = fault.what.clone();
    if let Some(times) = &mut fault.times {
        *times = times.saturating_sub(1);
        if *times == 0 {
            faults.remove(index);
        }
    }
    Some(what)
}

/// Makes a body of this many bytes that begins like a JSON string and never ends it.
pub(crate) fn oversized_body(bytes: u64) -> Body {
    const CHUNK_BYTES: usize = 64 * 1024;
    static FILLING: [u8; CHUNK_BYTES] = [b'x'; CHUNK_BYTES];
    const START: &[u8] = b"{\"filling\":\"";
    let chunks = stream::unfold((bytes, START), |(left, chunk)| async move {
        let size = usize::try_from(left).map_or(chunk.len(), |left| left.min(chunk.len()));
        let sent = Ok::<_, Infallible>(Bytes::from_static(&chunk[..size]));
        (left > 0).then(|| (sent, (left - size as u64, &FILLING[..])))
    });
    Body::from_stream(chunks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_ends_after_its_number_of_requests() {
        let mut faults = vec![Fault {
            route: Route::Token,
            times: Some(2),
            what: FaultKind::Drop,
        }];
        assert!(next_fault(&mut faults, Route::Exchange).is_none());
        assert!(next_fault(&mut faults, Route::Token).is_some());
        assert!(next_fault(&mut faults, Route::Token).is_some());
        assert!(next_fault(&mut faults, Route::Token).is_none());
    }
}
