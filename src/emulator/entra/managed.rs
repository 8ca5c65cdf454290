//! The managed identity of the machine that the emulator pretends to run on.
//!
//! In comes a request as App Service takes them at `IDENTITY_ENDPOINT`, out comes a token of the
//! first service app. Other hosts' ways, such as the metadata address of virtual machines, are not
//! emulated.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::super::directory::{IDENTITY_HEADER, SERVICE_APPS};
use super::super::scopes::audience_named;
use super::super::server::{Context, Reply, Request};
use super::proof::Proof;
use super::service;

/// Where it answers.
pub(in crate::emulator) const PATH: &str = "/emulator/managed-identity";
const NAME: &str = "managed_identity";
const VERSION: &str = "2019-08-01";

/// Answers a request for a token; the local secret proves that the asker runs on the machine.
pub(in crate::emulator) fn answer(shared: &Context, request: &Request) -> Reply {
    let app = &SERVICE_APPS[0];
    let param = |wanted: &str| {
        url::form_urlencoded::parse(request.query.as_bytes())
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
    };
    if request.method != Method::GET {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "Only GET is taken here.");
    }
    if request.header("x-identity-header") != Some(IDENTITY_HEADER) {
        return refuse(StatusCode::UNAUTHORIZED, "X-IDENTITY-HEADER is wrong.");
    }
    if param("api-version").as_deref() != Some(VERSION) {
        return refuse(StatusCode::BAD_REQUEST, "The api-version is not supported.");
    }
    if param("client_id").is_some_and(|client| client != app.client_id) {
        return refuse(StatusCode::BAD_REQUEST, "No managed identity was found.");
    }
    let Some(audience) = param("resource").as_deref().and_then(audience_named) else {
        return refuse(StatusCode::BAD_REQUEST, "The resource was not found.");
    };
    let (token, life) = service::token(shared, request, app, audience, Proof::Assertion);
    let expires = request.now.plus(life).unix_seconds();
    let body = json!({
        "access_token": token,
        // This protocol spells the number as text.
        "expires_on": expires.to_string(),
        "resource": audience,
        "token_type": "Bearer",
        "client_id": app.client_id,
    });
    Reply::json(NAME, StatusCode::OK, &body)
}

fn refuse(status: StatusCode, message: &str) -> Reply {
    let body = json!({"statusCode": status.as_u16(), "message": message});
    Reply::json(NAME, status, &body).because(message)
}
