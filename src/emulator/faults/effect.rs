//! The effects of faults, as data.

use serde_json::{Map, Value};

use super::route::Route;
use crate::emulator::aadsts::{self, EntraError};

/// A fault at one route, with any effect. For the faults of the catalogue, which have names, see
/// [`FaultSelection`](super::selection::FaultSelection).
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

/// The effect of a fault on one request.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    /// Entra refuses. The authorize page redirects, or shows a page if `is_page`.
    Entra {
        error: EntraError,
        is_page: bool,
    },
    /// Entra refuses with a JSON response that is changed.
    EditedEntra {
        error: EntraError,
        edit: fn(&mut Map<String, Value>),
    },
    /// The ACS resource refuses.
    Resource(ResourceRefusal),
    /// The service throttles.
    Throttled(RetryAfter),
    /// The service fails with this status, in its own form.
    Outage(u16),
    /// Exactly this response.
    Response {
        status: u16,
        retry_after: Option<String>,
        content_type: String,
        body: String,
    },
    OversizedBody(u64),
    /// Handles the request, and changes the JSON of its response.
    Json(JsonChange),
    /// Handles the request, and changes the bytes of its response.
    Body(BodyChange),
    /// Handles the request, and sends a `Date` that is wrong by this many seconds.
    Date(i64),
    /// Handles the request after this many milliseconds.
    Latency(u64),
    Drop,
    DropAfterHandling,
    Hang,
    /// Handles the request, and refuses its refresh token from then on.
    RetiresRefreshToken,
}

impl Effect {
    /// Returns whether the effect is a change of a success, so that a refusal does not have it.
    pub(crate) fn needs_success(&self) -> bool {
        match self {
            Effect::Json(change) => !matches!(change, JsonChange::Member(..)),
            effect => matches!(effect, Effect::RetiresRefreshToken),
        }
    }
}

/// A refusal of the ACS resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResourceRefusal {
    Denied,
    InvalidAccessToken,
    NoLicence,
    NoRole,
    Challenge,
    IdentityNotOwned,
    NotFound,
}

/// The `Retry-After` of a throttled service, in seconds from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    Absent,
    Seconds(u64),
    Date(u64),
}

/// A change of a JSON object.
#[derive(Debug, Clone)]
pub(crate) enum JsonChange {
    /// By a function.
    Edit(fn(&mut Map<String, Value>)),
    /// Removes or replaces this member.
    Member(String, Option<Value>),
    /// Removes this member, or else the one without which the response is useless.
    Required(Option<String>),
}

/// A change of the bytes of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyChange {
    Empty,
    /// The second half is missing, and `Content-Length` is that of the first.
    Half,
    /// The second half is missing, and `Content-Length` is that of both.
    Truncated,
    /// It takes this many milliseconds.
    Slow(u64),
    ByteOrderMark,
    Gzip,
}

impl From<FaultKind> for Effect {
    fn from(kind: FaultKind) -> Effect {
        match kind {
            FaultKind::Status {
                status,
                retry_after,
                content_type,
                body,
            } => Effect::Response {
                status,
                retry_after,
                content_type,
                body,
            },
            FaultKind::Refusal {
                error,
                code,
                suberror,
            } => Effect::Entra {
                error: EntraError {
                    error: error.into(),
                    number: code.unwrap_or(aadsts::FAULT.number),
                    suberror: suberror.map(Into::into),
                    ..aadsts::FAULT
                },
                is_page: false,
            },
            FaultKind::OversizedBody(bytes) => Effect::OversizedBody(bytes),
            FaultKind::MissingField(member) => Effect::Json(JsonChange::Member(member, None)),
            FaultKind::ReplacedField(member, value) => {
                Effect::Json(JsonChange::Member(member, Some(value)))
            }
            FaultKind::Drop => Effect::Drop,
            FaultKind::DropAfterHandling => Effect::DropAfterHandling,
            FaultKind::Hang => Effect::Hang,
        }
    }
}
