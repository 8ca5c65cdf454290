//! The token endpoint: a proof of a sign-in in, tokens out.
//!
//! In comes a form, out comes the JSON of RFC 6749, section 5, in Entra's dialect. Every rule that
//! the real service is known to keep is kept, for a client that passes here must pass there.

mod body;
mod code;
mod refresh;

use axum::http::{Method, StatusCode};
use serde_json::Value;

use super::super::directory::{self, SERVICE_APPS};
use super::super::server::{Context, Reply, Request};
use super::authorize::unknown_client;
use super::params::Params;
use super::{Refusal, proof, service, tenant_named};

/// RFC 8628's name, and the short one that MSAL for Node sends.
const DEVICE_GRANTS: [&str; 2] = [
    "urn:ietf:params:oauth:grant-type:device_code",
    "device_code",
];

pub(super) fn answer(shared: &Context, request: &Request, segment: &str) -> Reply {
    let form: &[u8] = match request.is_of_type("application/x-www-form-urlencoded") {
        true => &request.body,
        false => &[],
    };
    let params = Params::parse(form);
    let grant_type = params
        .as_ref()
        .ok()
        .and_then(|params| params.get("grant_type"));
    // The journal takes no text from strangers.
    let operation = match grant_type {
        Some("authorization_code") => "authorization_code",
        Some("refresh_token") => "refresh_token",
        Some("client_credentials") => "client_credentials",
        Some(grant) if DEVICE_GRANTS.contains(&grant) => "device_code",
        _ => "token",
    };
    if let Ok(params) = &params {
        let mut state = shared.state.lock();
        for name in [
            "code",
            "code_verifier",
            "refresh_token",
            "client_secret",
            "device_code",
        ] {
            if let Some(secret) = params.get(name) {
                state.keep_secret(secret);
            }
        }
    }
    let outcome = params.and_then(|params| grant(shared, request, segment, &params));
    let reply = match outcome {
        Ok(body) => Reply::json(operation, StatusCode::OK, &body).with("x-ms-clitelem", "1,0,0,,"),
        Err(refusal) => refusal.into_json(request, operation),
    };
    reply
        .with("cache-control", "no-store, no-cache")
        .with("pragma", "no-cache")
}

fn grant(
    shared: &Context,
    request: &Request,
    segment: &str,
    params: &Params,
) -> Result<Value, Refusal> {
    if request.method != Method::POST {
        return Err(Refusal::new(
            "invalid_request",
            900_561,
            format!(
                "The endpoint only accepts POST requests. Received a {} request.",
                request.method
            ),
        ));
    }
    let tenant = tenant_named(segment)?;
    let grant_type = params.need("grant_type")?;
    let basic = proof::basic(request);
    let client = match (params.get("client_id"), &basic) {
        (None, Some((name, _))) => name,
        _ => params.need("client_id")?,
    };
    if let Some(app) = SERVICE_APPS.iter().find(|app| app.client_id == client) {
        return service::grant(shared, request, segment, tenant, params, app);
    }
    if client != directory::CLIENT_ID {
        return Err(unknown_client(client, segment));
    }
    let proves_itself = ["client_secret", "client_assertion"]
        .iter()
        .any(|name| params.get(name).is_some());
    if proves_itself || request.headers.contains_key("authorization") {
        return Err(Refusal::new(
            "invalid_client",
            700_025,
            "Client is public so neither 'client_assertion' nor 'client_secret' should be \
             presented.",
        )
        .with_status(StatusCode::UNAUTHORIZED));
    }
    match grant_type {
        "authorization_code" => code::redeem(shared, request, tenant, params),
        "refresh_token" => refresh::redeem(shared, request, tenant, params),
        "client_credentials" => Err(proof::proof_missing()),
        grant if DEVICE_GRANTS.contains(&grant) => {
            code::redeem_device(shared, request, tenant, params)
        }
        other => Err(Refusal::new(
            "unsupported_grant_type",
            70003,
            format!("The app requested an unsupported grant type '{other}'."),
        )),
    }
}

fn invalid_grant(number: u32, text: impl Into<String>) -> Refusal {
    Refusal::new("invalid_grant", number, text)
}
