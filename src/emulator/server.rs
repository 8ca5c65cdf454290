//! The server: reads each request, applies faults, dispatches to `entra`, `acs`, `graph` or `pages`, and
//! records the reply in the journal.
//!
//! The dispatch is by hand and not by `axum::Router`, because clients see its details: repeated
//! slashes at the start of a path, no percent-decoding, and Entra's 404 for a wrong method.

use std::sync::Arc;

use axum::response::Response;
use hyper::Request as HttpRequest;
use hyper::body::Incoming;

use crate::emulator::context::{Context, Listener};
use crate::emulator::faults;
use crate::emulator::faults::effects::{self, Outcome};
use crate::emulator::faults::route::Route;
use crate::emulator::faults::table::names;
use crate::emulator::front::Front;
use crate::emulator::http::{Reply, Request, is_acs_path, is_control_path};
use crate::emulator::journal::{Entry, Service};
use crate::emulator::pages::Page;
use crate::emulator::real_hosts::names::Site;
use crate::emulator::{acs, control, cors, entra, graph};
use crate::loopback::serve::Caller;

/// The target of the log's events about requests; each is one line.
pub(crate) const REQUESTS: &str = "acspass::emulator::requests";
/// The path of the certificate of the authority for https.
const CA_PATH: &str = "/_emulator/ca.pem";

/// The path of the page with the journal. Its requests are not in the journal.
const JOURNAL_PAGE: &str = "/_emulator";

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
    if request.is_get() && request.path.trim_end_matches('/') == JOURNAL_PAGE {
        return Some(answer(entry, Page::Journal.reply(200)));
    }
    entry.remark = request.remark.or_else(|| acs::versions::remark(&request));
    if let Some(reply) = cors::preflight(&request) {
        return Some(finish(&context, entry, reply));
    }
    let route = Route::of(&request.path);
    let outcome = match faults::choice::chosen(&request, route) {
        Err(wrong) => Outcome::Replied(faults::choice::refuse(wrong)),
        Ok(none) if none.is_empty() => Outcome::Replied(dispatch(&request)),
        Ok(chosen) => {
            entry.fault = Some(names(&chosen));
            effects::answer(&request, &chosen, dispatch).await
        }
    };
    entry.notes = std::mem::take(&mut request.notes());
    let (reply, hangs) = match outcome {
        Outcome::Replied(reply) => {
            let reply = cors::readable(&request, reply);
            return Some(finish(&context, entry, reply));
        }
        Outcome::Dropped(reply) => (reply, false),
        Outcome::Hung(reply) => (reply, true),
    };
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

fn dispatch(request: &Request) -> Reply {
    // The hosts of a service have no path of another one.
    let is_of_graph = request.path == graph::USERS_PATH;
    let is_of_other = match request.site() {
        Some(Site::Entra(_)) => is_of_graph || is_acs_path(&request.path),
        Some(Site::Graph) => !is_of_graph,
        Some(Site::Resource(_)) => !is_acs_path(&request.path),
        None => false,
    };
    if is_of_other {
        return Reply::text(404, "This host has no such page.\n");
    }
    match request.path.as_str() {
        "/" if request.is_get() => front(request),
        "/" => Reply::text(405, "The methods are GET and HEAD.\n").with("allow", "GET, HEAD"),
        "/emulator/whoami" => acs::token::whoami(request),
        CA_PATH => certificate(request),
        entra::apps::MANAGED_IDENTITY_PATH => entra::apps::managed_identity(request),
        path if is_acs_path(path) => acs::operations::respond(request),
        // Entra and Graph listen at the main port only.
        _ if request.at.resource > 0 => Reply::text(404, "The resource has no such operation.\n"),
        graph::USERS_PATH => graph::respond(request),
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
        _ if &path[start..] == CA_PATH => Service::Emulator,
        _ if is_acs_path(&path[start..]) => Service::Acs,
        _ if &path[start..] == graph::USERS_PATH => Service::Graph,
        _ => Service::Entra,
    }
}

fn front(request: &Request) -> Reply {
    let front = &Front::new(request);
    let world = &request.world;
    Page::Front { front, world }.reply(200).named("page")
}

/// Returns the certificate of the authority for https, so that clients in other containers can get it.
fn certificate(request: &Request) -> Reply {
    let reply = match (&request.context.ca_pem, request.is_get()) {
        (_, false) => {
            Reply::text(405, "The methods are GET and HEAD.\n").with("allow", "GET, HEAD")
        }
        (None, _) => Reply::text(
            404,
            "The emulator has no certificate authority of its own.\n",
        ),
        (Some(pem), _) => {
            let reply = Reply::new(200, pem.clone());
            reply.with("content-type", "application/pem-certificate-chain")
        }
    };
    reply.named("ca")
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
    let date = match reply.response.headers().get("date") {
        // A fault's.
        Some(_) => None,
        None => Some(entry.time.to_http_date()),
    };
    let mut reply = reply
        .with_some("date", date.as_deref())
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
