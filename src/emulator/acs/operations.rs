//! The operations of the resource: one table with path, method, api-versions and handler of each.

use axum::http::Method;

use super::error::AcsError;
use super::version::{
    self, FIRST, PREVIEW, SINCE_EXTENSION, SINCE_FIRST, SINCE_STABLE, SINCE_TEAMS,
};
use super::{access, assignments, caller, exchange, identities};
use crate::emulator::http::{Reply, Request};
use crate::emulator::state::limits::CREATE_WITH_TOKEN;

type Handler = fn(&Request) -> Result<Reply, AcsError>;
type Versions = &'static [&'static str];

/// An operation.
struct Operation {
    /// The name in the journal.
    name: &'static str,
    method: Method,
    /// The path's segments; `*` is any text. The colon of an action is literal, never `%3A`.
    path: &'static str,
    versions: Versions,
    /// Whether the caller has to manage the resource. Other operations check the caller themselves.
    is_managed: bool,
    handler: Handler,
}

/// The caller manages the resource. Other operations check the caller themselves.
const MANAGED: bool = true;
const BY_USER: bool = false;

const fn operation(
    (name, is_managed): (&'static str, bool),
    method: Method,
    path: &'static str,
    versions: Versions,
    handler: Handler,
) -> Operation {
    Operation {
        name,
        method,
        path,
        versions,
        is_managed,
        handler,
    }
}

const EXTENSION_ONE: &str = "/access/teamsExtension/tenants/*/assignments/*";

#[rustfmt::skip]
static OPERATIONS: [Operation; 18] = [
    operation(("create_identity", MANAGED), Method::POST, "/identities", SINCE_FIRST, identities::create),
    operation(("delete_identity", MANAGED), Method::DELETE, "/identities/*", SINCE_FIRST, identities::delete),
    operation(("revoke_tokens", MANAGED), Method::PATCH, "/identities/*", &[FIRST], identities::revoke_before),
    operation(("get_identity", MANAGED), Method::GET, "/identities/*", &[PREVIEW], identities::get),
    operation(("issue_token", MANAGED), Method::POST, "/identities/*/token", &[FIRST], identities::issue),
    operation(("issue_token", MANAGED), Method::POST, "/identities/*/:issueAccessToken", SINCE_STABLE, identities::issue),
    operation(("revoke_tokens", MANAGED), Method::POST, "/identities/*/:revokeAccessTokens", SINCE_STABLE, identities::revoke),
    operation(("exchange", MANAGED), Method::POST, "/teamsUser/:exchangeAccessToken", SINCE_TEAMS, exchange::exchange),
    operation(("entra_exchange", BY_USER), Method::POST, "/access/entra/:exchangeAccessToken", &[PREVIEW], access::exchange_entra),
    operation(("teams_extension_exchange", BY_USER), Method::POST, "/access/teamsExtension/:exchangeAccessToken", SINCE_EXTENSION, access::exchange_teams_extension),
    operation(("list_assignments", MANAGED), Method::GET, "/access/entra/assignments", &[PREVIEW], assignments::list),
    operation(("update_assignments", MANAGED), Method::PATCH, "/access/entra/assignments", &[PREVIEW], assignments::update),
    operation(("get_assignment", MANAGED), Method::GET, "/access/entra/assignments/*", &[PREVIEW], assignments::get),
    operation(("put_assignment", MANAGED), Method::PUT, "/access/entra/assignments/*", &[PREVIEW], assignments::put),
    operation(("delete_assignment", MANAGED), Method::DELETE, "/access/entra/assignments/*", &[PREVIEW], assignments::delete),
    operation(("get_assignment", MANAGED), Method::GET, EXTENSION_ONE, SINCE_EXTENSION, assignments::get),
    operation(("put_assignment", MANAGED), Method::PUT, EXTENSION_ONE, SINCE_EXTENSION, assignments::put),
    operation(("delete_assignment", MANAGED), Method::DELETE, EXTENSION_ONE, SINCE_EXTENSION, assignments::delete),
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
        version::check(request, self.versions)?;
        let has_limits = request.state().rates.limits.is_some();
        if has_limits {
            let creates_token =
                self.name == "create_identity" && identities::asks_for_token(request);
            let name = if creates_token {
                CREATE_WITH_TOKEN
            } else {
                self.name
            };
            let counted = request.state().rates.count(name, request.now);
            counted.map_err(AcsError::throttled)?;
        }
        if self.is_managed {
            caller::check_may_manage(request)?;
        }
        (self.handler)(request)
    }
}

/// Responds to a request to the resource.
pub(crate) fn answer(request: &Request) -> Reply {
    let at_path = || {
        OPERATIONS
            .iter()
            .filter(|operation| operation.is_at(&request.path))
    };
    let operation = at_path().find(|operation| operation.method == request.method);
    // A wrong method is recorded under the first operation of the path.
    let (name, versions) = match operation.or(at_path().next()) {
        Some(operation) => (operation.name, operation.versions),
        None => ("", &[][..]),
    };
    let outcome = match operation {
        Some(operation) => operation.perform(request),
        None if name.is_empty() => Err(AcsError::not_found()),
        None => Err(AcsError::method_not_allowed(
            at_path().map(|operation| &operation.method),
        )),
    };
    let reply = match outcome {
        Ok(reply) => reply.with("api-supported-versions", &versions.join(", ")),
        Err(error) => error.into_reply(versions),
    };
    // No Strict-Transport-Security: a browser would then refuse every other plain-http server on
    // localhost.
    let client_id = request.header("x-ms-client-request-id");
    reply
        .named(name)
        .with("ms-cv", &format!("{}.0", request.request_id))
        .with("request-context", "appId=")
        .with("x-azure-ref", &request.request_id)
        .with("x-cache", "CONFIG_NOCACHE")
        .with("x-processing-time", "1ms")
        .with_some("x-ms-client-request-id", client_id)
}
