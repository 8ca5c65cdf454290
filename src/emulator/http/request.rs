//! A request that was read completely and names this emulator as its host.

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Extensions, HeaderMap, Method, header};
use hyper::Request as HttpRequest;
use hyper::body::Incoming;

use super::response::Reply;
use crate::emulator::context::Context;
use crate::emulator::state::Inner;
use crate::emulator::{names, verify};
use crate::time::Timestamp;

const ENTRA_BODY: usize = 64 * 1024;
const ACS_BODY: usize = 1024 * 1024;
/// The deadline for a body. The listener's deadline for the exchange is longer.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The remark on a request with the port twice in `Host`.
const SECOND_PORT: &str = "the Host header names the port twice, as @azure/communication-common 2.0.0 \
                           to 2.4.0 sends and signs it; the real service has no port to repeat";

/// The listener of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listener {
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    pub(crate) port: u16,
}

/// A request.
pub(crate) struct Request {
    pub(crate) context: Arc<Context>,
    pub(crate) method: Method,
    /// The path as sent, with one slash at its start: some SDKs join endpoint and path to two.
    pub(crate) path: String,
    /// Path and query exactly as sent.
    pub(crate) target: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
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
    pub(crate) extensions: Extensions,
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// Returns the reply to a request for another host, or with a body that is too large or too slow.
    pub(crate) async fn read(
        context: &Arc<Context>,
        listener: Listener,
        request: HttpRequest<Incoming>,
        now: Timestamp,
    ) -> Result<Request, Reply> {
        let (head, body) = request.into_parts();
        let path = format!("/{}", head.uri.path().trim_start_matches('/'));
        let is_acs = names::is_acs_path(&path);
        // Protects against DNS rebinding: a page at another name that resolves to loopback.
        let named = single(&head.headers, header::HOST.as_str()).and_then(|sent| {
            // ACS clients may repeat the port; no Entra client does.
            let host = names::without_second_port(sent, listener.port).filter(|_| is_acs);
            let host = host.unwrap_or(sent);
            let is_own = context.is_own_host(listener.scheme, host, listener.port);
            is_own.then(|| (host.to_owned(), (host != sent).then_some(SECOND_PORT)))
        });
        let Some((host, remark)) = named else {
            let text = "This is the acspass emulator; it answers to its own names only.\n";
            return Err(Reply::text(421, text));
        };
        let limit = if is_acs { ACS_BODY } else { ENTRA_BODY };
        let body = tokio::time::timeout(BODY_TIMEOUT, to_bytes(Body::new(body), limit))
            .await
            .map_err(|_| Reply::text(408, "The body took too long.\n"))?
            .map_err(|_| Reply::text(413, "The body is too large or broke off.\n"))?;
        let query = head.uri.query().unwrap_or_default().to_owned();
        let header_id = head.headers.get("client-request-id");
        let correlation_id = header_id
            .and_then(|id| id.to_str().ok().map(str::to_owned))
            .or_else(|| query_value(&query, "client-request-id"))
            .filter(|id| verify::is_guid(id))
            .unwrap_or_else(random_id);
        let target = head.uri.path_and_query().map(ToString::to_string);
        Ok(Request {
            context: Arc::clone(context),
            method: head.method,
            path,
            target: target.unwrap_or_default(),
            query,
            headers: head.headers,
            body,
            base: format!("{}://{host}", listener.scheme),
            host,
            now,
            request_id: random_id(),
            correlation_id,
            remark,
            extensions: head.extensions,
        })
    }

    /// Locks the emulator's state.
    pub(crate) fn state(&self) -> MutexGuard<'_, Inner> {
        self.context.state()
    }

    /// Returns the value of a header that was sent exactly once, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        single(&self.headers, name)
    }

    /// Returns the first query parameter of this name.
    pub(crate) fn query_value(&self, name: &str) -> Option<String> {
        query_value(&self.query, name)
    }

    pub(crate) fn is_get(&self) -> bool {
        self.method == Method::GET
    }

    pub(crate) fn is_post(&self) -> bool {
        self.method == Method::POST
    }

    /// Returns whether the body has this media type, with any parameters.
    pub(crate) fn is_of_type(&self, media_type: &str) -> bool {
        self.header("content-type").is_some_and(|value| {
            let name = value.split(';').next().unwrap_or_default();
            name.trim().eq_ignore_ascii_case(media_type)
        })
    }

    /// Returns the body if its media type is that of a form, else nothing.
    pub(crate) fn form(&self) -> &[u8] {
        match self.is_of_type("application/x-www-form-urlencoded") {
            true => &self.body,
            false => &[],
        }
    }
}

fn single<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn query_value(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn random_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
