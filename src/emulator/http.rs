//! Requests as handlers receive them, and replies before the headers that every reply carries.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::Response;
use hyper::Request as HttpRequest;
use hyper::body::Incoming;
use serde_json::{Map, Value};

use crate::emulator::context::{Context, Listener, without_second_port};
use crate::emulator::journal::notes::Notes;
use crate::emulator::real_hosts::names::Site;
use crate::emulator::snapshot::MAX_SNAPSHOT_BYTES;
use crate::emulator::state::State;
use crate::emulator::state::resource::ResourceState;
use crate::emulator::verify::is_guid;
use crate::emulator::world::World;
use crate::emulator::world::resource::Resource;
use crate::time::Timestamp;

const ENTRA_BODY: usize = 64 * 1024;
const ACS_BODY: usize = 1024 * 1024;
/// The path with the largest bodies, because a snapshot has all identities.
const SNAPSHOT_PATH: &str = "/_emulator/v1/snapshot";
/// The beginning of the control API's paths.
pub(crate) const CONTROL_PREFIX: &str = "/_emulator/v1";
/// The deadline for a body. The listener's deadline for the exchange is longer.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The remark on a request with the port twice in `Host`.
const SECOND_PORT: &str = "the Host header names the port twice, as @azure/communication-common 2.0.0 \
                           to 2.4.0 sends and signs it; the real service has no port to repeat";

/// A request that was read completely and names this emulator as its host.
pub(crate) struct Request {
    pub(crate) context: Arc<Context>,
    /// The configured data at the start of the request.
    pub(crate) world: Arc<World>,
    /// The listener that received it.
    pub(crate) at: Listener,
    /// Method, target and headers as sent.
    pub(crate) head: Parts,
    /// The path as sent, with one slash at its start: some SDKs join endpoint and path to two.
    pub(crate) path: String,
    pub(crate) body: Bytes,
    /// The host in the `Host` header.
    pub(crate) host: String,
    /// Scheme and host, for the URLs of a reply.
    pub(crate) base: String,
    pub(crate) now: Timestamp,
    pub(crate) request_id: String,
    /// The client's id, or a new one.
    pub(crate) correlation_id: String,
    /// The journal's remark on a request that is accepted although it is malformed.
    pub(crate) remark: Option<&'static str>,
    notes: Mutex<Notes>,
    /// The fingerprint of the access key that signed the request, after its check.
    pub(crate) access_key: OnceLock<String>,
}

impl Request {
    /// Reads a request to the listener `at`.
    ///
    /// # Errors
    /// Returns the reply to a request without a valid host, for another host, or with a body that is too large or too slow.
    pub(crate) async fn read(
        context: &Arc<Context>,
        at: Listener,
        request: HttpRequest<Incoming>,
        now: Timestamp,
    ) -> Result<Request, Reply> {
        let (head, body) = request.into_parts();
        let path = format!("/{}", head.uri.path().trim_start_matches('/'));
        let is_acs = is_acs_path(&path);
        if !has_valid_host(&head) {
            return Err(Reply::text(400, "The request has no valid Host header.\n"));
        }
        // Protects against DNS rebinding: a page at another name that resolves to loopback.
        let named = single(&head.headers, header::HOST.as_str()).and_then(|sent| {
            // ACS clients may repeat the port; no Entra client does.
            let host = without_second_port(sent, context.port(at, sent)?).filter(|_| is_acs);
            let host = host.unwrap_or(sent);
            let is_own = context.is_own_host(at, host);
            is_own.then(|| (host.to_owned(), (host != sent).then_some(SECOND_PORT)))
        });
        let Some((host, remark)) = named else {
            let text =
                "This is the acspass emulator. The host of the request is not one of its names.\n";
            return Err(Reply::text(421, text));
        };
        let limit = match is_acs {
            _ if path == SNAPSHOT_PATH => MAX_SNAPSHOT_BYTES,
            _ if is_control_path(&path) => ACS_BODY,
            true => ACS_BODY,
            false => ENTRA_BODY,
        };
        let body = tokio::time::timeout(BODY_TIMEOUT, to_bytes(Body::new(body), limit))
            .await
            .map_err(|_| Reply::text(408, "The request body did not arrive in time.\n"))?
            .map_err(|_| Reply::text(413, "The request body is too large or incomplete.\n"))?;
        let mut request = Request {
            context: Arc::clone(context),
            world: context.world(),
            at,
            head,
            path,
            body,
            base: format!("{}://{host}", at.scheme),
            host,
            now,
            request_id: random_id(),
            correlation_id: String::new(),
            remark,
            notes: Mutex::default(),
            access_key: OnceLock::new(),
        };
        let client_id = request.head.headers.get("client-request-id");
        let client_id = client_id.and_then(|id| id.to_str().ok().map(str::to_owned));
        request.correlation_id = client_id
            .or_else(|| request.query_value("client-request-id"))
            .filter(|id| is_guid(id))
            .unwrap_or_else(random_id);
        request.at.resource = request.named_resource().unwrap_or(at.resource);
        Ok(request)
    }

    /// Returns the service of the host, if the emulator answers as the hosts of the services.
    pub(crate) fn site(&self) -> Option<Site<'_>> {
        let name = self
            .host
            .rsplit_once(':')
            .map_or(&*self.host, |(name, _)| name);
        let site = || Site::of(name);
        self.context.options.real_hosts.then(site).flatten()
    }

    /// Returns the name of the cloud in metadata: the request's host, or that of Entra's own hosts.
    pub(crate) fn cloud_name(&self) -> &str {
        match self.site() {
            Some(Site::Entra(cloud)) => cloud.name,
            _ => &self.host,
        }
    }

    /// Returns the host of Microsoft Graph in metadata.
    pub(crate) fn graph_host(&self) -> &str {
        match self.site() {
            Some(Site::Entra(cloud)) => cloud.graph,
            _ => &self.host,
        }
    }

    /// Returns the resource that the host names. A host can have any other name: the first resource
    /// answers there.
    fn named_resource(&self) -> Option<usize> {
        let Some(Site::Resource(name)) = self.site() else {
            return None;
        };
        let mut resources = self.world.resources.iter();
        resources.position(|resource| resource.name.eq_ignore_ascii_case(name))
    }

    /// Locks the emulator's state.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.context.state()
    }

    /// Locks the request's notes for the journal.
    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the resource of the listener.
    pub(crate) fn resource(&self) -> &Resource {
        &self.world.resources[self.at.resource]
    }

    /// Calls `with` with the state of the listener's resource.
    pub(crate) fn with_resource<T>(&self, with: impl FnOnce(&mut ResourceState) -> T) -> T {
        with(&mut self.state().resources[self.at.resource])
    }

    /// Returns the value of a header that was sent exactly once, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        single(&self.head.headers, name)
    }

    pub(crate) fn query(&self) -> &str {
        self.head.uri.query().unwrap_or_default()
    }

    /// Returns the first query parameter of this name.
    pub(crate) fn query_value(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query().as_bytes());
        let (_, value) = pairs.find(|(key, _)| key == name)?;
        Some(value.into_owned())
    }

    /// Returns whether the method is GET, or HEAD, whose response is the same without its body (RFC 9110,
    /// section 9.3.2).
    pub(crate) fn is_get(&self) -> bool {
        matches!(self.head.method, Method::GET | Method::HEAD)
    }

    pub(crate) fn is_post(&self) -> bool {
        self.head.method == Method::POST
    }

    /// Returns whether the body has this media type, with any parameters.
    pub(crate) fn is_of_type(&self, media_type: &str) -> bool {
        let value = self.header("content-type").unwrap_or_default();
        let name = value.split(';').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case(media_type)
    }

    /// Returns the body if its media type is that of a form, else nothing.
    pub(crate) fn form(&self) -> &[u8] {
        let is_form = self.is_of_type("application/x-www-form-urlencoded");
        if is_form { &self.body } else { &[] }
    }
}

/// Returns whether a path belongs to the ACS resource and not to Entra.
pub(crate) fn is_acs_path(path: &str) -> bool {
    let starts = ["/teamsUser/", "/identities", "/access/"];
    starts.iter().any(|start| path.starts_with(start))
}

/// Returns whether a path belongs to the control API.
pub(crate) fn is_control_path(path: &str) -> bool {
    let rest = path.strip_prefix(CONTROL_PREFIX);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns whether a request has one `Host` header with the characters of a host and a port. HTTP/1.0
/// does not require one (RFC 9112, section 3.2).
fn has_valid_host(head: &Parts) -> bool {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let Some(host) = hosts.next() else {
        return head.version < Version::HTTP_11;
    };
    let is_of_host = |b: &u8| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(b);
    hosts.next().is_none() && host.as_bytes().iter().all(is_of_host)
}

fn single<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

pub(crate) fn random_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A reply and its entry in the journal.
#[derive(Default)]
pub(crate) struct Reply {
    pub(crate) response: Response,
    /// The operation in the journal.
    pub(crate) operation: String,
    /// The reason of a refusal, for the journal.
    pub(crate) reason: Option<String>,
}

impl Reply {
    /// Makes a reply; an invalid status becomes 500.
    pub(crate) fn new(status: u16, body: impl Into<Body>) -> Reply {
        let mut reply = Reply::default();
        *reply.response.body_mut() = body.into();
        *reply.response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        reply
    }

    pub(crate) fn json(status: u16, body: &Value) -> Reply {
        let reply = Reply::new(status, body.to_string());
        reply.with("content-type", "application/json; charset=utf-8")
    }

    /// Makes a reply of one sentence, which is also the reason of a refusal.
    pub(crate) fn text(status: u16, text: &'static str) -> Reply {
        let mut reply = Reply::new(status, text).with("content-type", "text/plain; charset=utf-8");
        reply.reason = (status >= 400).then(|| text.trim_end().to_owned());
        reply
    }

    /// Adds a header. Ignores a value that no header can hold.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Reply {
        if let Ok(value) = HeaderValue::from_str(value) {
            let headers = self.response.headers_mut();
            headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Adds a header if there is a value.
    pub(crate) fn with_some(self, name: &'static str, value: Option<&str>) -> Reply {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Forbids caches to store the reply.
    pub(crate) fn not_stored(self) -> Reply {
        let reply = self.with("cache-control", "no-store, no-cache");
        reply.with("pragma", "no-cache")
    }

    /// Sets the operation in the journal.
    pub(crate) fn named(mut self, operation: &str) -> Reply {
        operation.clone_into(&mut self.operation);
        self
    }

    /// Adds a reason to the journal.
    pub(crate) fn because(mut self, reason: impl Into<String>) -> Reply {
        self.reason = Some(reason.into());
        self
    }

    /// Changes the reply's JSON object, if it has one.
    pub(crate) async fn edited(mut self, change: impl FnOnce(&mut Map<String, Value>)) -> Reply {
        let body = std::mem::take(self.response.body_mut());
        let mut bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
        if let Ok(Value::Object(mut object)) = serde_json::from_slice(&bytes) {
            change(&mut object);
            bytes = Value::Object(object).to_string().into();
        }
        *self.response.body_mut() = bytes.into();
        self.response.headers_mut().remove(header::CONTENT_LENGTH);
        self.reason = None;
        self
    }
}

/// Removes the members of an object that are null.
pub(crate) fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.retain(|_, member| !member.is_null());
    }
    value
}
