//! Version 1 of Entra's protocol: `resource` names the API in place of `scope`, and the numbers of a
//! response are text.
//!
//! A request without `resource` gets a token for Microsoft Graph. The endpoint for device codes is not
//! emulated in this version.

use serde_json::{Value, json};

use super::params::Params;
use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::http::Request;
use crate::emulator::world::api::Api;

/// The endpoints, below a tenant's path.
pub(crate) const AUTHORIZE: &str = "oauth2/authorize";
pub(crate) const TOKEN: &str = "oauth2/token";
/// Each sign-in of this version has an id_token and a refresh token.
const OPENID_SCOPES: &str = "openid profile offline_access";

/// Returns whether a request is one of this version.
pub(crate) fn is_v1(request: &Request) -> bool {
    let path = request.path.trim_start_matches('/').split_once('/');
    matches!(path, Some((_, AUTHORIZE | TOKEN)))
}

/// Adds the `scope` of version 2 for the `resource` of an authorize request.
pub(crate) fn set_scope(request: &Request, params: &mut Params) -> Result<(), EntraError> {
    if is_v1(request) {
        let api = api(request, params)?.unwrap_or(request.world.graph());
        params.set("scope", format!("{OPENID_SCOPES} {}.default", api.prefix));
    }
    Ok(())
}

/// Replaces `resource` by the `scope` of version 2 in a request to the token endpoint. Without it, the
/// token is for the resource of the sign-in.
pub(crate) fn with_token_scope(
    request: &Request,
    mut params: Params,
) -> Result<Params, EntraError> {
    if !is_v1(request) {
        return Ok(params);
    }
    // Version 1 ignores the parameter.
    params.take("scope");
    if params.get("grant_type") == Some("client_credentials") {
        params.need("resource")?;
    }
    if let Some(api) = api(request, &params)? {
        params.set("scope", format!("{}.default", api.prefix));
    }
    Ok(params)
}

/// Returns the API that `resource` names, if the parameter is present.
fn api<'r>(request: &'r Request, params: &Params) -> Result<Option<&'r Api>, EntraError> {
    let Some(name) = params.get("resource") else {
        return Ok(None);
    };
    let api = request.world.api_named(name);
    let unknown = || aadsts::UNKNOWN_RESOURCE.about(&[name]);
    api.map(Some).ok_or_else(unknown)
}

/// Gives a token response the shape of the request's version.
pub(crate) fn shaped(request: &Request, body: Value, api: &Api, scopes: &[String]) -> Value {
    let Value::Object(mut members) = body else {
        return body;
    };
    if !is_v1(request) {
        return Value::Object(members);
    }
    let seconds = members["expires_in"].as_i64().unwrap_or_default();
    let now = request.now.unix_seconds();
    for (name, number) in [
        ("expires_in", seconds),
        ("ext_expires_in", seconds),
        ("expires_on", now + seconds),
        ("not_before", now),
    ] {
        members.insert(name.to_owned(), json!(number.to_string()));
    }
    members.insert("resource".to_owned(), json!(api.identifier()));
    if let Some(scope) = members.get_mut("scope") {
        *scope = json!(scopes.join(" "));
    }
    Value::Object(members)
}
