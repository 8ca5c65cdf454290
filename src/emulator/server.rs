//! The server: reads each request, applies faults, dispatches to `entra`, `acs` or `pages`, and
//! records the reply in the journal.
//!
//! The dispatch is by hand and not by `axum::Router`, because clients see its details: repeated
//! slashes at the start of a path, no percent-decoding, and Entra's 404 for a wrong method.

use std::sync::Arc;

use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::Request as HttpRequest;
use hyper::body::Incoming;

use crate::emulator::context::Context;
use crate::emulator::faults::{self, FaultKind, Route};
use crate::emulator::http::{Listener, Reply, Request};
use crate::emulator::pages::Page;
use crate::emulator::state::LoggedRequest;
use crate::emulator::{acs, entra, names};
use crate::loopback::serve::Caller;
use crate::time::Timestamp;

/// An error that makes the server drop the connection without a response.
#[derive(Debug)]
pub(crate) struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is dropped on purpose")
    }
}

impl std::error::Error for Dropped {}

/// Answers one request.
///
/// # Errors
/// Returns [`Dropped`] if a fault ends the connection.
pub(crate) async fn answer(
    context: Arc<Context>,
    listener: Listener,
    request: HttpRequest<Incoming>,
) -> Result<Response, Dropped> {
    let now = context.now();
    let mut entry = LoggedRequest {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        ..LoggedRequest::default()
    };
    let request = match Request::read(&context, listener, request, now).await {
        Ok(request) => request,
        Err(reply) => return Ok(finish(&context, entry, reply, now)),
    };
    entry.remark = request.remark.map(str::to_owned);
    let route = Route::of(&request.path);
    let fault = route.and_then(|route| request.state().faults.next_for(route));
    let hangs = matches!(fault, Some(FaultKind::Hang));
    match respond(&request, fault).await {
        Ok(reply) => {
            trace(&request, &entry.path, &reply);
            Ok(finish(&context, entry, reply, now))
        }
        Err(reply) => {
            entry.operation = reply.operation;
            entry.reason = reply.reason;
            context.state().journal.add(entry);
            if hangs {
                // The caller decides how long it waits.
                Caller::trust(&request.extensions);
                let mut stopping = context.stopping.clone();
                let _ = stopping.wait_for(|stopping| *stopping).await;
            }
            Err(Dropped)
        }
    }
}

/// Handles a request, or does what `fault` says. Returns `Err` if the connection is to be dropped.
async fn respond(request: &Request, fault: Option<FaultKind>) -> Result<Reply, Reply> {
    Ok(match fault {
        None => dispatch(request),
        Some(FaultKind::Drop | FaultKind::Hang) => return Err(Reply::default().named("fault")),
        Some(FaultKind::DropAfterHandling) => return Err(dispatch(request)),
        Some(FaultKind::Status {
            status,
            retry_after,
            content_type,
            body,
        }) => Reply::new(status, body)
            .with_some("retry-after", retry_after.as_deref())
            .with("content-type", &content_type)
            .named("fault"),
        Some(FaultKind::Refusal {
            error,
            code,
            suberror,
        }) => entra::routes::refuse(request, error, code, suberror),
        Some(FaultKind::OversizedBody(bytes)) => {
            Caller::trust(&request.extensions);
            let reply = Reply::new(200, faults::oversized_body(bytes));
            reply
                .with("content-type", "application/json")
                .named("fault")
        }
        Some(FaultKind::MissingField(member)) => dispatch(request).edited(&member, None).await,
        Some(FaultKind::ReplacedField(member, value)) => {
            dispatch(request).edited(&member, Some(value)).await
        }
    })
}

fn dispatch(request: &Request) -> Reply {
    match request.path.as_str() {
        "/" => Page::Front {
            base: &request.base,
        }
        .reply(200)
        .named("page"),
        "/emulator/whoami" => acs::token::whoami(request),
        names::MANAGED_IDENTITY_PATH => entra::managed_identity::answer(request),
        path if names::is_acs_path(path) => acs::operations::answer(request),
        _ => entra::routes::answer(request),
    }
}

fn trace(request: &Request, path: &str, reply: &Reply) {
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
}

/// Records the reply and adds the headers that every response carries.
fn finish(context: &Context, entry: LoggedRequest, reply: Reply, now: Timestamp) -> Response {
    let mut response = reply.response;
    context.state().journal.add(LoggedRequest {
        operation: reply.operation,
        status: response.status().as_u16(),
        reason: reply.reason,
        ..entry
    });
    let headers = response.headers_mut();
    if let Ok(date) = HeaderValue::from_str(&now.to_http_date()) {
        headers.insert(header::DATE, date);
    }
    let note = "acspass; not Microsoft; every token is worthless";
    headers.insert("x-emulator", HeaderValue::from_static(note));
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}
