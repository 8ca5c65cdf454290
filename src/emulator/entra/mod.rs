//! Entra ID's side: metadata, keys, the authorize page and the token endpoint of each tenant.
//!
//! In comes a request to `/{tenant}/…`, out comes what login.microsoftonline.com would answer, as
//! far as `docs` and recordings tell. Passwords and device registration do not exist here.

mod authorize;
mod claims;
pub(super) mod device;
mod issue;
pub(super) mod managed;
mod metadata;
mod params;
mod proof;
mod refusal;
mod requirement;
mod service;
mod token;

use axum::http::{Method, StatusCode};

use super::directory::{NoTenant, Tenant};
use super::server::{Context, Reply, Request};
pub(super) use claims::Requested;
pub(super) use proof::{CERTIFICATE, Certificate};
use refusal::Refusal;
pub(super) use requirement::{CODE, RIGHT_CODE};

/// Answers a request below a tenant's path.
pub(super) fn answer(shared: &Context, request: &Request) -> Reply {
    let path = request.path.trim_start_matches('/');
    let (tenant, rest) = path.split_once('/').unwrap_or((path, ""));
    let get = request.method == Method::GET;
    let reply = match rest {
        "v2.0/.well-known/openid-configuration" if get => metadata::configuration(request, tenant),
        "discovery/v2.0/keys" if get => metadata::keys(shared, request, tenant, true),
        "discovery/keys" if get => metadata::keys(shared, request, tenant, false),
        "discovery/instance" if get && tenant == "common" => metadata::instance(request),
        "oauth2/v2.0/authorize" if get || request.method == Method::POST => {
            authorize::answer(shared, request, tenant)
        }
        "oauth2/v2.0/logout" if get || request.method == Method::POST => authorize::logout(request),
        "oauth2/v2.0/devicecode" if request.method == Method::POST => {
            device::start(shared, request, tenant)
        }
        "" if tenant == "devicelogin" && (get || request.method == Method::POST) => {
            device::page(shared, request)
        }
        "oauth2/v2.0/token" => token::answer(shared, request, tenant),
        "" if get && tenant == "error" => refusal::explain(request),
        _ => Reply::text(StatusCode::NOT_FOUND, "The emulator has nothing here.\n"),
    };
    let reply = reply
        .with("x-ms-request-id", &request.request_id)
        .with("x-ms-ests-server", "acspass emulator");
    match request.header("client-request-id") {
        Some(id) => reply.with("client-request-id", id),
        None => reply,
    }
}

/// The refusal that a fault asks for, in the form of the page or endpoint that was asked.
pub(super) fn refuse(
    request: &Request,
    error: String,
    code: Option<u32>,
    suberror: Option<String>,
) -> Reply {
    let refusal = Refusal::staged(error, code, suberror);
    let segment = request.path.trim_start_matches('/').split('/').next();
    match request.path.ends_with("/authorize") {
        true => authorize::refuse(request, segment.unwrap_or_default(), refusal),
        false => refusal.into_json(request, "fault"),
    }
}

/// The tenant that a path names, or Entra's words for why it cannot serve.
fn tenant_named(segment: &str) -> Result<Tenant, Refusal> {
    Tenant::parse(segment).map_err(|why| match why {
        NoTenant::Unknown => Refusal::new(
            "invalid_request",
            90002,
            format!(
                "Tenant '{segment}' not found. Check to make sure you have the correct tenant ID \
                 and are signing into the correct cloud."
            ),
        ),
        NoTenant::Consumers => Refusal::new(
            "invalid_request",
            9_002_332,
            "Application is configured for use by Azure Active Directory users only. Please do \
             not use the /consumers endpoint to serve this request.",
        ),
    })
}
