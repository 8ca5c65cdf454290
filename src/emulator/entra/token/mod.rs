//! The token endpoint (RFC 6749, section 3.2), with every known check of the real service.

mod code;
mod device;
mod refresh;

use serde_json::Value;

use super::error::EntraError;
use super::params::{Params, check_client, tenant_named};
use super::tokens::TokenRequest;
use super::{aadsts, client_authentication, client_credentials, tokens};
use crate::emulator::directory::SERVICE_APPS;
use crate::emulator::http::{Reply, Request};

/// RFC 8628's name, and the short one that MSAL for Node sends.
const DEVICE_GRANTS: [&str; 2] = [
    "urn:ietf:params:oauth:grant-type:device_code",
    "device_code",
];
/// The parameters that are secrets.
const SECRETS: [&str; 5] = [
    "code",
    "code_verifier",
    "refresh_token",
    "client_secret",
    "device_code",
];

pub(crate) fn answer(request: &Request, segment: &str) -> Reply {
    let params = Params::parse(request.form());
    let mut operation = "token";
    if let Ok(params) = &params {
        // The journal stores no text of the client.
        operation = match params.get("grant_type") {
            Some("authorization_code") => "authorization_code",
            Some("refresh_token") => "refresh_token",
            Some("client_credentials") => "client_credentials",
            Some(grant) if DEVICE_GRANTS.contains(&grant) => "device_code",
            _ => "token",
        };
        let mut state = request.state();
        for secret in SECRETS.iter().filter_map(|name| params.get(name)) {
            state.keep_secret(secret);
        }
    }
    let reply = match params.and_then(|params| grant(request, segment, &params)) {
        Ok(body) => Reply::json(200, &body).with("x-ms-clitelem", "1,0,0,,"),
        Err(error) => error.into_json(request),
    };
    reply.not_stored().named(operation)
}

fn grant(request: &Request, segment: &str, params: &Params) -> Result<Value, EntraError> {
    if !request.is_post() {
        return Err(aadsts::POST_ONLY.about(&[request.method.as_str()]));
    }
    let tenant = tenant_named(segment)?;
    let grant_type = params.need("grant_type")?;
    let basic = client_authentication::basic(request);
    let client = match (params.get("client_id"), &basic) {
        (None, Some((name, _))) => name,
        _ => params.need("client_id")?,
    };
    if let Some(app) = SERVICE_APPS.iter().find(|app| app.client_id == client) {
        return client_credentials::grant(request, segment, tenant, params, app);
    }
    check_client(client, segment)?;
    let credentials = ["client_secret", "client_assertion"];
    if credentials.iter().any(|name| params.get(name).is_some())
        || request.headers.contains_key("authorization")
    {
        return Err(aadsts::PUBLIC_CLIENT);
    }
    // The lock is kept to the end, so that only one of two concurrent redemptions succeeds.
    let mut state = request.state();
    let token_request = &TokenRequest {
        http: request,
        tenant,
        params,
    };
    let granted = match grant_type {
        "authorization_code" => code::redeem(token_request, &mut state)?,
        "refresh_token" => refresh::redeem(token_request, &mut state)?,
        "client_credentials" => return Err(aadsts::MISSING_CREDENTIAL),
        other if DEVICE_GRANTS.contains(&other) => device::redeem(token_request, &mut state)?,
        other => return Err(aadsts::UNSUPPORTED_GRANT_TYPE.about(&[other])),
    };
    let family = granted.family.clone();
    let body = tokens::issue(token_request, &mut state, granted)?;
    state.sessions.open(&family);
    if grant_type == "authorization_code" {
        state.codes.mark_redeemed(params.need("code")?, &family);
    }
    Ok(body)
}
