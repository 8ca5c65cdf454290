//! The endpoints of a tenant.

use super::{authorize, device, error, metadata, token, v1};
use crate::emulator::aadsts::EntraError;
use crate::emulator::http::{Reply, Request};

/// Responds to a request below a tenant's path.
pub(crate) fn respond(request: &Request) -> Reply {
    let path = request.path.trim_start_matches('/');
    let (tenant, endpoint) = path.split_once('/').unwrap_or((path, ""));
    let (get, post) = (request.is_get(), request.is_post());
    let page = get || post;
    let json =
        |reply: Result<Reply, EntraError>| reply.unwrap_or_else(|error| error.into_json(request));
    let reply = match endpoint {
        "v2.0/.well-known/openid-configuration" if get => {
            json(metadata::configuration(request, tenant)).named("metadata")
        }
        ".well-known/openid-configuration" if get => {
            json(metadata::configuration_v1(request, tenant)).named("metadata")
        }
        "discovery/v2.0/keys" if get => json(metadata::keys(request, tenant, true)).named("keys"),
        "discovery/keys" if get => json(metadata::keys(request, tenant, false)).named("keys"),
        "discovery/instance" if get && tenant == "common" => {
            json(metadata::instance(request)).named("instance_discovery")
        }
        "oauth2/v2.0/authorize" | v1::AUTHORIZE if page => {
            authorize::respond(request, tenant).named("authorize")
        }
        "oauth2/v2.0/logout" | "oauth2/logout" if page => {
            authorize::logout(request).named("logout")
        }
        "oauth2/v2.0/devicecode" if post => {
            let reply = json(device::start(request, tenant));
            reply.not_stored().named("device_authorization")
        }
        "" if tenant == "devicelogin" && page => device::page(request).named("device_page"),
        "oauth2/v2.0/token" | v1::TOKEN => token::respond(request, tenant),
        "" if get && tenant == "error" => error::explain(request).named("page"),
        _ => Reply::text(404, "The emulator has no such page.\n"),
    };
    finish(request, reply)
}

/// Adds the headers of every response of Entra.
fn finish(request: &Request, reply: Reply) -> Reply {
    reply
        .with("x-ms-request-id", &request.request_id)
        .with("x-ms-ests-server", "acspass emulator")
        .with_some("client-request-id", request.header("client-request-id"))
}

/// Responds with the error of a fault, in the form of the requested endpoint: JSON, or at the authorize
/// page a redirect, or a page if `is_page`.
pub(crate) fn refuse(request: &Request, error: EntraError, is_page: bool) -> Reply {
    let tenant = request.path.trim_start_matches('/').split('/').next();
    let reply = match request.path.ends_with("/authorize") {
        true if is_page => error.to_page(request, None).named("authorize"),
        true => authorize::refuse(request, tenant.unwrap_or_default(), &error).named("authorize"),
        false => error.into_json(request).not_stored().named("fault"),
    };
    finish(request, reply)
}
