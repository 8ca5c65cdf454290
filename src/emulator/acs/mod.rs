//! ACS Identity's side: the data plane of one resource.
//!
//! In comes a request to the resource, out comes what the service would answer, checked in its
//! order: path, verb, api-version, signature, body. Each operation's own rules are in its file.

mod exchange;
mod refusal;

use axum::http::Method;

use super::door::{Asked, Reply, Shared};
use super::verify::SignedRequest;
use super::world;
use refusal::Refusal;

/// Whether a path belongs to the resource and not to Entra.
pub(super) fn is_at(path: &str) -> bool {
    ["/teamsUser/", "/identities", "/access/"]
        .iter()
        .any(|start| path.starts_with(start))
}

/// One operation: how it is asked for, and what answers.
struct Operation {
    name: &'static str,
    method: Method,
    versions: &'static [&'static str],
    run: fn(&Shared, &Asked) -> Result<Reply, Refusal>,
}

/// The operation at a path. The action's colon is literal, never `%3A`.
fn operation_at(path: &str) -> Option<Operation> {
    match path {
        "/teamsUser/:exchangeAccessToken" => Some(Operation {
            name: exchange::NAME,
            method: Method::POST,
            versions: &exchange::VERSIONS,
            run: exchange::run,
        }),
        _ => None,
    }
}

/// Answers a request to the resource.
pub(super) fn answer(shared: &Shared, asked: &Asked) -> Reply {
    let operation = operation_at(&asked.path);
    let (name, versions) = match &operation {
        Some(operation) => (operation.name, operation.versions),
        None => ("", &[][..]),
    };
    let outcome = operation
        .ok_or_else(Refusal::not_found)
        .and_then(|operation| perform(shared, asked, &operation));
    let reply = match outcome {
        Ok(reply) => reply.with("api-supported-versions", &versions.join(", ")),
        Err(refusal) => refusal.into_reply(name, versions),
    };
    // Strict-Transport-Security is left out on purpose: a browser that saw it here would refuse
    // every other plain-http server on localhost.
    let reply = reply
        .with("ms-cv", &format!("{}.0", asked.request_id))
        .with("request-context", "appId=")
        .with("x-azure-ref", &asked.request_id)
        .with("x-cache", "CONFIG_NOCACHE")
        .with("x-processing-time", "1ms");
    match asked.header("x-ms-client-request-id") {
        Some(id) => reply.with("x-ms-client-request-id", id),
        None => reply,
    }
}

fn perform(shared: &Shared, asked: &Asked, operation: &Operation) -> Result<Reply, Refusal> {
    if asked.method != operation.method {
        return Err(Refusal::method_not_allowed(&operation.method));
    }
    check_version(asked, operation.versions)?;
    authenticate(shared, asked)?;
    (operation.run)(shared, asked)
}

fn check_version(asked: &Asked, versions: &[&str]) -> Result<(), Refusal> {
    let mut given = url::form_urlencoded::parse(asked.query.as_bytes())
        .filter(|(name, _)| name == "api-version")
        .map(|(_, value)| value);
    match (given.next(), given.next()) {
        (None, _) => Err(Refusal::version_unspecified()),
        (Some(version), None) if versions.contains(&&*version) => Ok(()),
        (Some(version), None) => Err(Refusal::version_unsupported(&version)),
        (Some(_), Some(_)) => Err(Refusal::version_unsupported("more than one")),
    }
}

/// Who asks: the resource's owner, by a signature with the access key. The answer to any fault
/// is the same; only the journal learns which it was.
fn authenticate(shared: &Shared, asked: &Asked) -> Result<(), Refusal> {
    let header = |name: &'static str| {
        asked
            .header(name)
            .ok_or_else(|| Refusal::denied(format!("{name} is missing or sent twice")))
    };
    let authorization = header("authorization")?;
    let secret = authorization
        .split_once("Signature=")
        .or_else(|| authorization.split_once(' '));
    if let Some((_, secret)) = secret {
        shared.state.lock().keep_secret(secret);
    }
    let signed = SignedRequest {
        method: asked.method.as_str(),
        target: &asked.target,
        host: &asked.host,
        date: header("x-ms-date")?,
        content_hash: header("x-ms-content-sha256")?,
        authorization,
        body: &asked.body,
    };
    signed
        .check(world::ACCESS_KEY_BYTES, asked.now)
        .map_err(Refusal::denied)
}
