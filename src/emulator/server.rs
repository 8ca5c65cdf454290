//! Where every request comes in and every answer goes out.
//!
//! In comes a request on one of the listeners; it is checked for its host, read within limits and
//! handed to Entra's or ACS's side as plain bytes. Their reply goes out with the emulator's time
//! and name on it and into the journal. No protocol is spoken here.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use hyper::Request as HttpRequest;
use hyper::body::Incoming;
use tokio::sync::watch;

use super::entra::Certificate;
use super::faults::{self, FaultKind, Route};
pub(super) use super::reply::Reply;
use super::sign::Signer;
use super::state::{LoggedRequest, State};
use super::{acs, entra, names, pages, verify};
use crate::loopback::{self, serve::Caller};
use crate::time::{Clock, Timestamp};

const ENTRA_BODY: usize = 64 * 1024;
const ACS_BODY: usize = 1024 * 1024;
/// How long a body may take. The listener's deadline for the whole exchange is longer.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What all requests share.
pub(super) struct Context {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) signer: Signer,
    pub(super) state: State,
    pub(super) missing_identity: MissingIdentity,
    pub(super) takes_sibling_tokens: bool,
    pub(super) host_names: Vec<String>,
    pub(super) certificate: Certificate,
    pub(super) http_port: u16,
    pub(super) https_port: Option<u16>,
    /// Turns true when the emulator is dropped.
    pub(super) stopping: watch::Receiver<bool>,
}

impl Context {
    fn is_own_host(&self, scheme: &str, host: &str, port: u16) -> bool {
        names::is_ours(scheme, host, port, &self.host_names)
    }

    /// Whether scheme and host are this emulator's own, as in the issuers of its tokens; or any
    /// emulator's of this machine, where those are taken too.
    pub(super) fn is_own_base(&self, base: &str) -> bool {
        let Some((scheme, host)) = base.split_once("://") else {
            return false;
        };
        if self.takes_sibling_tokens && matches!(scheme, "http" | "https") {
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            return loopback::is_loopback_host(name) || loopback::is_loopback_host(host);
        }
        let port = match scheme {
            "http" => Some(self.http_port),
            "https" => self.https_port,
            _ => None,
        };
        port.is_some_and(|port| self.is_own_host(scheme, host, port))
    }
}

/// What the resource says of an identity that it never had or has deleted. What the real service
/// says is not published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingIdentity {
    /// 401 `IdentityNotOwned`, as for another resource's identity.
    #[default]
    NotOwned,
    /// 404 `IdentityNotFound`.
    NotFound,
}

/// The listener that a request came in by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entrance {
    /// `http` or `https`.
    pub(super) scheme: &'static str,
    /// Its port.
    pub(super) port: u16,
}

/// A request, read whole.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    /// The path as sent, without repeated slashes at its start: some SDKs join endpoint and
    /// path without care.
    pub(super) path: String,
    /// Path and query exactly as on the wire.
    pub(super) target: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The host that the `Host` header means.
    pub(super) host: String,
    /// Scheme and host, as the URLs of an answer begin.
    pub(super) base: String,
    pub(super) now: Timestamp,
    /// The id of this request in answers.
    pub(super) request_id: String,
    /// The id that the client gave, or one of ours.
    pub(super) correlation_id: String,
    /// What the journal says about a request that is accepted although it is malformed.
    pub(super) remark: Option<&'static str>,
    extensions: Extensions,
}

impl Request {
    /// A header that was sent exactly once, as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }

    /// Whether the body is said to be of this media type; parameters do not matter.
    pub(super) fn is_of_type(&self, media_type: &str) -> bool {
        self.header("content-type").is_some_and(|value| {
            let name = value.split(';').next().unwrap_or_default();
            name.trim().eq_ignore_ascii_case(media_type)
        })
    }
}

/// The connection is to be broken without an answer.
#[derive(Debug)]
pub(super) struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is dropped on purpose")
    }
}

impl std::error::Error for Dropped {}

/// Answers one request.
pub(super) async fn answer(
    shared: Arc<Context>,
    entrance: Entrance,
    request: HttpRequest<Incoming>,
) -> Result<Response, Dropped> {
    let now = shared.clock.now();
    let method = request.method().to_string();
    let path = request.uri().path().to_owned();
    let mut entry = LoggedRequest {
        method,
        path: path.clone(),
        operation: String::new(),
        status: 0,
        reason: None,
        remark: None,
    };
    let request = match read(&shared, entrance, request, now).await {
        Ok(request) => request,
        Err(reply) => {
            entry.status = reply.response.status().as_u16();
            shared.state.lock().note(entry);
            return Ok(signed_off(reply.response, now));
        }
    };
    entry.remark = request.remark.map(str::to_owned);
    let entry = |operation: String, status: u16, reason: Option<String>| LoggedRequest {
        operation,
        status,
        reason,
        ..entry.clone()
    };

    let trouble =
        Route::of(&request.path).and_then(|route| shared.state.lock().faults.next_for(route));
    let reply = match trouble {
        None => dispatch(&shared, &request),
        Some(FaultKind::Drop) => {
            let noted = entry("fault".to_owned(), 0, None);
            shared.state.lock().note(noted);
            return Err(Dropped);
        }
        Some(FaultKind::DropAfterHandling) => {
            let reply = dispatch(&shared, &request);
            let noted = entry(reply.operation, 0, reply.reason);
            shared.state.lock().note(noted);
            return Err(Dropped);
        }
        Some(FaultKind::Hang) => {
            // How long it lasts is the caller's to decide.
            Caller::trust(&request.extensions);
            let noted = entry("fault".to_owned(), 0, None);
            shared.state.lock().note(noted);
            let _ = shared.stopping.clone().wait_for(|stopping| *stopping).await;
            return Err(Dropped);
        }
        Some(FaultKind::Status {
            status,
            retry_after,
            content_type,
            body,
        }) => {
            let body = Body::from(body);
            let response = faults::answer(status, retry_after.as_deref(), &content_type, body);
            Reply::new("fault", response)
        }
        Some(FaultKind::Refusal {
            error,
            code,
            suberror,
        }) => entra::refuse(&request, error, code, suberror),
        Some(FaultKind::OversizedBody(bytes)) => {
            Caller::trust(&request.extensions);
            let body = faults::flood(bytes);
            Reply::new("fault", faults::answer(200, None, "application/json", body))
        }
        Some(FaultKind::MissingField(member)) => {
            dispatch(&shared, &request).edited(&member, None).await
        }
        Some(FaultKind::ReplacedField(member, value)) => {
            dispatch(&shared, &request)
                .edited(&member, Some(value))
                .await
        }
    };
    let status = reply.response.status().as_u16();
    if let Some(remark) = request.remark {
        tracing::debug!(target: "acspass::emulator", "accepted {path}: {remark}");
    }
    match &reply.reason {
        Some(reason) => {
            tracing::debug!(target: "acspass::emulator", "refused {path} with {status}: {reason}");
        }
        None => tracing::debug!(target: "acspass::emulator", "answered {path} with {status}"),
    }
    let noted = entry(reply.operation, status, reply.reason);
    shared.state.lock().note(noted);
    Ok(signed_off(reply.response, now))
}

async fn read(
    shared: &Context,
    entrance: Entrance,
    request: HttpRequest<Incoming>,
    now: Timestamp,
) -> Result<Request, Reply> {
    let (head, body) = request.into_parts();
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let path = format!("/{}", head.uri.path().trim_start_matches('/'));
    // A page on a name that points here (DNS rebinding) must learn nothing.
    let (host, meant) = host
        .filter(|_| hosts.next().is_none())
        .and_then(|host| Some((host, meant_host(shared, entrance, host, &path)?)))
        .ok_or_else(|| {
            Reply::text(
                StatusCode::MISDIRECTED_REQUEST,
                "This is the acspass emulator; it answers to its own names only.\n",
            )
        })?;
    let base = format!("{}://{meant}", entrance.scheme);
    let remark = (host != meant).then_some(SECOND_PORT);
    let meant = meant.to_owned();
    let limit = match acs::is_at(&path) {
        true => ACS_BODY,
        false => ENTRA_BODY,
    };
    let body = tokio::time::timeout(BODY_TIMEOUT, to_bytes(Body::new(body), limit))
        .await
        .map_err(|_| Reply::text(StatusCode::REQUEST_TIMEOUT, "The body took too long.\n"))?
        .map_err(|_| {
            Reply::text(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The body is too large or broke off.\n",
            )
        })?;
    let query = head.uri.query().unwrap_or_default().to_owned();
    let request_id = uuid::Uuid::new_v4().to_string();
    let correlation_id = head
        .headers
        .get("client-request-id")
        .and_then(|id| id.to_str().ok())
        .map(str::to_owned)
        .or_else(|| {
            url::form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == "client-request-id")
                .map(|(_, id)| id.into_owned())
        })
        .filter(|id| verify::is_guid(id))
        .unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    Ok(Request {
        method: head.method,
        path,
        target: head
            .uri
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default(),
        query,
        headers: head.headers,
        body,
        host: meant,
        base,
        now,
        request_id,
        correlation_id,
        remark,
        extensions: head.extensions,
    })
}

/// The remark on a request whose `Host` names the port twice.
const SECOND_PORT: &str = "the Host header names the port twice, as @azure/communication-common 2.0.0 \
                           to 2.4.0 sends and signs it; the real service has no port to repeat";

/// The host that a `Host` header means, if it is one of ours. The resource's clients may repeat the
/// port; no client of Entra does.
fn meant_host<'h>(
    shared: &Context,
    entrance: Entrance,
    host: &'h str,
    path: &str,
) -> Option<&'h str> {
    let meant = names::without_second_port(host, entrance.port).filter(|_| acs::is_at(path));
    let meant = meant.unwrap_or(host);
    shared
        .is_own_host(entrance.scheme, meant, entrance.port)
        .then_some(meant)
}

fn dispatch(shared: &Context, request: &Request) -> Reply {
    if request.path == "/" {
        pages::front(request)
    } else if request.path == "/emulator/whoami" {
        acs::token::whoami(shared, request)
    } else if request.path == entra::managed::PATH {
        entra::managed::answer(shared, request)
    } else if acs::is_at(&request.path) {
        acs::answer(shared, request)
    } else {
        entra::answer(shared, request)
    }
}

/// Puts on what every answer carries: the emulator's time, and that it is one.
fn signed_off(mut response: Response, now: Timestamp) -> Response {
    let headers = response.headers_mut();
    if let Ok(date) = HeaderValue::from_str(&now.to_http_date()) {
        headers.insert(header::DATE, date);
    }
    headers.insert(
        HeaderName::from_static("x-emulator"),
        HeaderValue::from_static("acspass; not Microsoft; every token is worthless"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}
