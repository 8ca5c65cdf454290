//! The operations of the resource: one table with path, method, api-versions and handler of each.

use axum::http::Method;

use super::error::AcsError;
use super::versions::{
    FIRST, PREVIEW, SINCE_EXTENSION, SINCE_FIRST, SINCE_STABLE, SINCE_TEAMS, check_version,
};
use super::{assignments, exchange, identities, request};
use crate::emulator::http::{Reply, Request};
use crate::emulator::rate_limits::CREATE_WITH_TOKEN;
use crate::emulator::world::resource::ExchangeKind;

/// An operation.
struct Operation {
    /// The name in the journal.
    name: &'static str,
    method: Method,
    /// The path's segments; `*` is any text. The colon of an action is literal, never `%3A`.
    path: &'static str,
    versions: &'static [&'static str],
    /// Whether the caller has to manage the resource. Other operations check the caller themselves.
    is_managed: bool,
    handler: fn(&Request) -> Result<Reply, AcsError>,
}

const EXTENSION_ONE: &str = "/access/teamsExtension/tenants/*/assignments/*";

#[rustfmt::skip]
static OPERATIONS: [Operation; 18] = [
    Operation { name: "create_identity", is_managed: true, method: Method::POST, path: "/identities", versions: SINCE_FIRST, handler: identities::create },
    Operation { name: "delete_identity", is_managed: true, method: Method::DELETE, path: "/identities/*", versions: SINCE_FIRST, handler: identities::delete },
    Operation { name: "revoke_tokens", is_managed: true, method: Method::PATCH, path: "/identities/*", versions: &[FIRST], handler: identities::revoke_before },
    Operation { name: "get_identity", is_managed: true, method: Method::GET, path: "/identities/*", versions: &[PREVIEW], handler: identities::get },
    Operation { name: "issue_token", is_managed: true, method: Method::POST, path: "/identities/*/token", versions: &[FIRST], handler: identities::issue },
    Operation { name: "issue_token", is_managed: true, method: Method::POST, path: "/identities/*/:issueAccessToken", versions: SINCE_STABLE, handler: identities::issue },
    Operation { name: "revoke_tokens", is_managed: true, method: Method::POST, path: "/identities/*/:revokeAccessTokens", versions: SINCE_STABLE, handler: identities::revoke },
    Operation { name: "exchange", is_managed: true, method: Method::POST, path: "/teamsUser/:exchangeAccessToken", versions: SINCE_TEAMS, handler: exchange::exchange },
    Operation { name: "entra_exchange", is_managed: false, method: Method::POST, path: "/access/entra/:exchangeAccessToken", versions: &[PREVIEW], handler: |request| exchange::exchange_by_user(request, ExchangeKind::Entra) },
    Operation { name: "teams_extension_exchange", is_managed: false, method: Method::POST, path: "/access/teamsExtension/:exchangeAccessToken", versions: SINCE_EXTENSION, handler: |request| exchange::exchange_by_user(request, ExchangeKind::TeamsExtension) },
    Operation { name: "list_assignments", is_managed: true, method: Method::GET, path: "/access/entra/assignments", versions: &[PREVIEW], handler: assignments::list },
    Operation { name: "update_assignments", is_managed: true, method: Method::PATCH, path: "/access/entra/assignments", versions: &[PREVIEW], handler: assignments::update },
    Operation { name: "get_assignment", is_managed: true, method: Method::GET, path: "/access/entra/assignments/*", versions: &[PREVIEW], handler: assignments::get },
    Operation { name: "put_assignment", is_managed: true, method: Method::PUT, path: "/access/entra/assignments/*", versions: &[PREVIEW], handler: assignments::put },
    Operation { name: "delete_assignment", is_managed: true, method: Method::DELETE, path: "/access/entra/assignments/*", versions: &[PREVIEW], handler: assignments::delete },
    Operation { name: "get_assignment", is_managed: true, method: Method::GET, path: EXTENSION_ONE, versions: SINCE_EXTENSION, handler: assignments::get },
    Operation { name: "put_assignment", is_managed: true, method: Method::PUT, path: EXTENSION_ONE, versions: SINCE_EXTENSION, handler: assignments::put },
    Operation { name: "delete_assignment", is_managed: true, method: Method::DELETE, path: EXTENSION_ONE, versions: SINCE_EXTENSION, handler: assignments::delete },
];

impl Operation {
    /// Returns whether a path matches. Its last segment must not be empty.
    fn is_at(&self, path: &str) -> bool {
        let is_match = |(pattern, segment): (&str, &str)| pattern == "*" || pattern == segment;
        !path.ends_with('/')
            && self.path.matches('/').count() == path.matches('/').count()
            && std::iter::zip(self.path.split('/'), path.split('/')).all(is_match)
    }

    fn perform(&self, request: &Request) -> Result<Reply, AcsError> {
        check_version(request, self.versions)?;
        if let Some(limits) = &request.resource().limits {
            let creates = self.name == "create_identity";
            let name = match creates && identities::asks_for_token(request) {
                true => CREATE_WITH_TOKEN,
                false => self.name,
            };
            let counted = request.with_resource(|of| of.rates.count(limits, name, request.now));
            counted.map_err(AcsError::throttled)?;
        }
        if self.is_managed {
            request::check_may_manage(request)?;
        }
        (self.handler)(request)
    }
}

/// Returns the names of all operations.
#[cfg(test)]
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().map(|operation| operation.name)
}

/// Returns the methods of the operations at a path.
pub(crate) fn methods(path: &str) -> Vec<&'static str> {
    let at_path = OPERATIONS.iter().filter(|operation| operation.is_at(path));
    at_path.map(|operation| operation.method.as_str()).collect()
}

/// Responds to a request to the resource.
pub(crate) fn respond(request: &Request) -> Reply {
    let at_path: Vec<&Operation> = OPERATIONS
        .iter()
        .filter(|operation| operation.is_at(&request.path))
        .collect();
    let mut operations = at_path.iter();
    let (named, outcome) = match operations.find(|at| at.method == request.head.method) {
        Some(operation) => (Some(operation), operation.perform(request)),
        None if at_path.is_empty() => (None, Err(AcsError::not_found())),
        // A wrong method is recorded under the first operation of the path.
        None => {
            let methods: Vec<&str> = at_path.iter().map(|at| at.method.as_str()).collect();
            let wrong = AcsError::method_not_allowed(methods.join(", "));
            (at_path.first(), Err(wrong))
        }
    };
    let (name, versions) = named.map_or(("", &[][..]), |at| (at.name, at.versions));
    // Those that the resource is restricted to.
    let versions = versions.iter().copied();
    let versions: Vec<&str> = versions
        .filter(|version| request.resource().has_version(version))
        .collect();
    request.notes().resource = Some(request.resource().id.clone());
    let reply = match outcome {
        Ok(reply) => reply.with("api-supported-versions", &versions.join(", ")),
        Err(error) => error.into_reply(&versions),
    };
    finish(request, reply.named(name))
}

/// Adds the headers of every response of the resource.
pub(crate) fn finish(request: &Request, reply: Reply) -> Reply {
    // No Strict-Transport-Security: a browser would then refuse every other plain-http server on
    // localhost.
    let client_id = request.header("x-ms-client-request-id");
    reply
        .with("ms-cv", &format!("{}.0", request.request_id))
        .with("request-context", "appId=")
        .with("x-azure-ref", &request.request_id)
        .with("x-cache", "CONFIG_NOCACHE")
        .with("x-processing-time", "1ms")
        .with_some("x-ms-client-request-id", client_id)
}
