//! The server: reads each request, applies faults, dispatches to `entra`, `acs` or `pages`, and
//! records the reply in the journal.
//!
//! The dispatch is by hand and not by `axum::Router`, because clients see its details: repeated
//! slashes at the start of a path, no percent-decoding, and Entra's 404 for a wrong method.

use std::sync::Arc;

use axum::response::Response;
use hyper::Request as HttpRequest;
use hyper::body::Incoming;

use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::context::{Context, Listener};
use crate::emulator::faults::{self, FaultKind, Route};
use crate::emulator::front::Front;
use crate::emulator::http::{Reply, Request, is_acs_path, is_control_path};
use crate::emulator::journal::{Entry, Service};
use crate::emulator::pages::Page;
use crate::emulator::{acs, control, entra};
use crate::loopback::serve::Caller;

/// The target of the log's events about requests; each is one line.
pub(crate) const REQUESTS: &str = "acspass::emulator::requests";

/// Answers one request. Returns `None` if a fault ends the connection.
pub(crate) async fn respond(
    context: Arc<Context>,
    at: Listener,
    request: HttpRequest<Incoming>,
) -> Option<Response> {
    let now = context.now();
    let (method, path) = (request.method().as_str(), request.uri().path());
    let mut entry = Entry::begin(method, path, service(path), now);
    let request = match Request::read(&context, at, request, now).await {
        Ok(request) => request,
        Err(reply) if is_control_path(&entry.path) => {
            return Some(answer(entry, control::refused(reply)));
        }
        Err(reply) => return Some(finish(&context, entry, reply)),
    };
    if is_control_path(&request.path) {
        return Some(answer(entry, control::respond(&request)));
    }
    entry.remark = request.remark;
    let route = Route::of(&request.path);
    let fault = route.and_then(|route| faults::next_fault(&mut request.state().faults, route));
    entry.fault = fault.as_ref().map(FaultKind::name);
    let hangs = matches!(fault, Some(FaultKind::Hang));
    let drops = hangs || matches!(fault, Some(FaultKind::Drop | FaultKind::DropAfterHandling));
    let reply = handle(&request, fault).await;
    entry.notes = std::mem::take(&mut request.notes());
    if !drops {
        return Some(finish(&context, entry, reply));
    }
    entry.end(reply.operation, 0, reply.reason);
    record(&context, entry);
    if hangs {
        // The caller decides how long it waits.
        Caller::trust(&request.head.extensions);
        let mut stopping = context.stopping.clone();
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }
    None
}

/// Handles a request, or does what `fault` says.
async fn handle(request: &Request, fault: Option<FaultKind>) -> Reply {
    let reply = match fault {
        None | Some(FaultKind::DropAfterHandling) => return dispatch(request),
        Some(FaultKind::MissingField(member)) => {
            return dispatch(request).edited(&member, None).await;
        }
        Some(FaultKind::ReplacedField(member, value)) => {
            return dispatch(request).edited(&member, Some(value)).await;
        }
        Some(FaultKind::Refusal {
            error,
            code,
            suberror,
        }) => {
            let error = EntraError {
                error: error.into(),
                number: code.unwrap_or(aadsts::FAULT.number),
                suberror: suberror.map(Into::into),
                ..aadsts::FAULT
            };
            return entra::routes::refuse(request, error);
        }
        Some(FaultKind::Drop | FaultKind::Hang) => {
            Reply::default().because("a fault dropped the connection before the operation")
        }
        Some(FaultKind::Status {
            status,
            retry_after,
            content_type,
            body,
        }) => Reply::new(status, body)
            .with_some("retry-after", retry_after.as_deref())
            .with("content-type", &content_type),
        Some(FaultKind::OversizedBody(bytes)) => {
            Caller::trust(&request.head.extensions);
            let reply = Reply::new(200, faults::oversized_body(bytes));
            reply.with("content-type", "application/json")
        }
    };
    reply.named("fault")
}

fn dispatch(request: &Request) -> Reply {
    match request.path.as_str() {
        "/" => front(request),
        "/emulator/whoami" => acs::token::whoami(request),
        entra::apps::MANAGED_IDENTITY_PATH => entra::apps::managed_identity(request),
        path if is_acs_path(path) => acs::operations::respond(request),
        // Entra listens at the main port only.
        _ if request.at.resource > 0 => Reply::text(404, "The resource has no such operation.\n"),
        _ => entra::routes::respond(request),
    }
}

/// Returns the service of a path.
fn service(path: &str) -> Service {
    let rest = path.trim_start_matches('/');
    // With one of its slashes.
    let start = path.len().saturating_sub(rest.len() + 1);
    match rest {
        "" | "emulator/whoami" => Service::Emulator,
        _ if is_acs_path(&path[start..]) => Service::Acs,
        _ => Service::Entra,
    }
}

fn front(request: &Request) -> Reply {
    let front = &Front::new(request);
    let world = &request.world;
    Page::Front { front, world }.reply(200).named("page")
}

/// Logs a request in one line: method, path, status, and the reason of a refusal.
fn log(entry: &Entry) {
    let Entry { method, path, .. } = entry;
    let mut line = format!("{method} {path} ");
    line += &match entry.status {
        0 => "no response".to_owned(),
        status => status.to_string(),
    };
    let diagnosis = entry.notes.diagnosis.as_ref();
    let mistake = diagnosis.and_then(|diagnosis| diagnosis.mistake.as_deref());
    let notes = [entry.reason.as_deref(), mistake, entry.remark];
    for note in notes.into_iter().flatten() {
        line += &format!(": {note}");
    }
    tracing::debug!(target: REQUESTS, "{line}");
}

/// Records the reply and adds the headers that every response carries.
fn finish(context: &Context, entry: Entry, reply: Reply) -> Response {
    let (entry, reply) = with_headers(entry, reply);
    record(context, entry);
    reply.response
}

/// Logs the reply to a control request, which the journal does not count.
fn answer(entry: Entry, reply: Reply) -> Response {
    let (entry, reply) = with_headers(entry, reply);
    log(&entry);
    reply.response
}

fn with_headers(mut entry: Entry, reply: Reply) -> (Entry, Reply) {
    let note = "acspass; not Microsoft; every token is worthless";
    let mut reply = reply
        .with("date", &entry.time.to_http_date())
        .with("x-emulator", note)
        .with("x-content-type-options", "nosniff");
    let operation = std::mem::take(&mut reply.operation);
    let status = reply.response.status().as_u16();
    entry.end(operation, status, reply.reason.take());
    (entry, reply)
}

fn record(context: &Context, entry: Entry) {
    log(&entry);
    context.state().journal.add(entry);
}
