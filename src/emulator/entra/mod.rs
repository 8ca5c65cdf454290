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
pub(super) fn answer(shared: &Context, asked: &Request) -> Reply {
    let path = asked.path.trim_start_matches('/');
    let (tenant, rest) = path.split_once('/').unwrap_or((path, ""));
    let get = asked.method == Method::GET;
    let reply = match rest {
        "v2.0/.well-known/openid-configuration" if get => metadata::configuration(asked, tenant),
        "discovery/v2.0/keys" if get => metadata::keys(shared, asked, tenant, true),
        "discovery/keys" if get => metadata::keys(shared, asked, tenant, false),
        "discovery/instance" if get && tenant == "common" => metadata::instance(asked),
        "oauth2/v2.0/authorize" if get || asked.method == Method::POST => {
            authorize::answer(shared, asked, tenant)
        }
        "oauth2/v2.0/logout" if get || asked.method == Method::POST => authorize::logout(asked),
        "oauth2/v2.0/devicecode" if asked.method == Method::POST => {
            device::start(shared, asked, tenant)
        }
        "" if tenant == "devicelogin" && (get || asked.method == Method::POST) => {
            device::page(shared, asked)
        }
        "oauth2/v2.0/token" => token::answer(shared, asked, tenant),
        "" if get && tenant == "error" => refusal::explain(asked),
        _ => Reply::text(StatusCode::NOT_FOUND, "The emulator has nothing here.\n"),
    };
    let reply = reply
        .with("x-ms-request-id", &asked.request_id)
        .with("x-ms-ests-server", "acspass emulator");
    match asked.header("client-request-id") {
        Some(id) => reply.with("client-request-id", id),
        None => reply,
    }
}

/// The refusal that a fault asks for, in the form of the page or endpoint that was asked.
pub(super) fn refuse(
    asked: &Request,
    error: String,
    code: Option<u32>,
    suberror: Option<String>,
) -> Reply {
    let refusal = Refusal::staged(error, code, suberror);
    let segment = asked.path.trim_start_matches('/').split('/').next();
    match asked.path.ends_with("/authorize") {
        true => authorize::refuse(asked, segment.unwrap_or_default(), refusal),
        false => refusal.into_json(asked, "fault"),
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
