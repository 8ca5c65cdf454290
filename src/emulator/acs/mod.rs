//! ACS Identity's side: the data plane of one resource.
//!
//! In comes a request to the resource, out comes what the service would answer, checked in its
//! order: path, verb, api-version, signature, body. Each operation's own rules are in its file.

pub(super) mod access;
mod caller;
mod exchange;
pub(super) mod identities;
pub(super) mod limits;
mod operations;
mod refusal;
pub(super) mod token;

use std::borrow::Cow;

use super::server::{Context, Reply, Request};
use operations::Operation;
use refusal::Refusal;

/// Whether a path belongs to the resource and not to Entra.
pub(super) fn is_at(path: &str) -> bool {
    ["/teamsUser/", "/identities", "/access/"]
        .iter()
        .any(|start| path.starts_with(start))
}

/// Answers a request to the resource.
pub(super) fn answer(shared: &Context, request: &Request) -> Reply {
    let operations = operations::at(&request.path);
    let operation = operations
        .iter()
        .copied()
        .find(|operation| operation.method == request.method);
    // A wrong verb is still noted under what stands there.
    let (name, versions) = match operation.or(operations.first().copied()) {
        Some(operation) => (operation.name, operation.versions),
        None => ("", &[][..]),
    };
    let outcome = match operation {
        Some(operation) => perform(shared, request, operation),
        None if operations.is_empty() => Err(Refusal::not_found()),
        None => Err(Refusal::method_not_allowed(
            operations.iter().map(|operation| &operation.method),
        )),
    };
    let reply = match outcome {
        Ok(reply) => Reply {
            operation: name.to_owned(),
            ..reply.with("api-supported-versions", &versions.join(", "))
        },
        Err(refusal) => refusal.into_reply(name, versions),
    };
    // Strict-Transport-Security is left out on purpose: a browser that saw it here would refuse
    // every other plain-http server on localhost.
    let reply = reply
        .with("ms-cv", &format!("{}.0", request.request_id))
        .with("request-context", "appId=")
        .with("x-azure-ref", &request.request_id)
        .with("x-cache", "CONFIG_NOCACHE")
        .with("x-processing-time", "1ms");
    match request.header("x-ms-client-request-id") {
        Some(id) => reply.with("x-ms-client-request-id", id),
        None => reply,
    }
}

fn perform(shared: &Context, request: &Request, operation: &Operation) -> Result<Reply, Refusal> {
    check_version(request, operation.versions)?;
    limits::admit(shared, request, operation.name)?;
    (operation.caller)(shared, request)?;
    (operation.run)(shared, request)
}

fn check_version(request: &Request, versions: &[&str]) -> Result<(), Refusal> {
    let mut given = versions_asked(request);
    match (given.next(), given.next()) {
        (None, _) => Err(Refusal::version_unspecified()),
        (Some(version), None) if versions.contains(&&*version) => Ok(()),
        (Some(version), None) => Err(Refusal::version_unsupported(&version)),
        (Some(_), Some(_)) => Err(Refusal::version_unsupported("more than one")),
    }
}

/// The version that [`check_version`] let pass.
fn version(request: &Request) -> Cow<'_, str> {
    versions_asked(request).next().unwrap_or_default()
}

fn versions_asked(request: &Request) -> impl Iterator<Item = Cow<'_, str>> {
    url::form_urlencoded::parse(request.query.as_bytes())
        .filter(|(name, _)| name == "api-version")
        .map(|(_, value)| value)
}
