//! The managed identity's endpoint, in the form of App Service (`IDENTITY_ENDPOINT`).
//!
//! The forms of other hosts, such as the metadata address of virtual machines, are not emulated.

use serde_json::json;

use super::client_authentication::Credential;
use super::client_credentials;
use crate::emulator::directory::{IDENTITY_HEADER, SERVICE_APPS};
use crate::emulator::http::{Reply, Request};
use crate::emulator::scopes::audience_named;

const VERSION: &str = "2019-08-01";

/// Responds with a token of the first service app. The identity header proves that the caller runs
/// on this machine.
pub(crate) fn answer(request: &Request) -> Reply {
    let app = &SERVICE_APPS[0];
    let client = request.query_value("client_id");
    let resource = request.query_value("resource");
    let reply = if !request.is_get() {
        refuse(405, "Only GET is taken here.")
    } else if request.header("x-identity-header") != Some(IDENTITY_HEADER) {
        refuse(401, "X-IDENTITY-HEADER is wrong.")
    } else if request.query_value("api-version").as_deref() != Some(VERSION) {
        refuse(400, "The api-version is not supported.")
    } else if client.is_some_and(|client| client != app.client_id) {
        refuse(400, "No managed identity was found.")
    } else if let Some(audience) = resource.as_deref().and_then(audience_named) {
        let credential = Credential::Assertion;
        let (token, life) = client_credentials::token(request, app, audience, credential);
        let expires = request.now.plus(life).unix_seconds();
        let body = json!({
            "access_token": token,
            // A number as text, in this protocol.
            "expires_on": expires.to_string(),
            "resource": audience,
            "token_type": "Bearer",
            "client_id": app.client_id,
        });
        Reply::json(200, &body)
    } else {
        refuse(400, "The resource was not found.")
    };
    reply.named("managed_identity")
}

fn refuse(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"statusCode": status, "message": message})).because(message)
}
