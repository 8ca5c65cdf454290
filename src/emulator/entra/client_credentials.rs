//! The client credentials grant (RFC 6749, section 4.4).

use std::time::Duration;

use serde_json::{Value, json};

use super::aadsts;
use super::client_authentication::{self, Credential};
use super::error::EntraError;
use super::params::{Params, unknown_client};
use super::scope::read_scopes;
use super::tokens::random;
use crate::emulator::directory::{CONTOSO, ServiceApp, Tenant};
use crate::emulator::ensure::ensure;
use crate::emulator::http::Request;
use crate::emulator::scopes::Resource;

pub(crate) fn grant(
    request: &Request,
    segment: &str,
    tenant: Tenant,
    params: &Params,
    app: &ServiceApp,
) -> Result<Value, EntraError> {
    match tenant {
        Tenant::One(directory) if *directory == CONTOSO => {}
        Tenant::One(_) => return Err(unknown_client(app.client_id, segment)),
        Tenant::Common | Tenant::Organizations => return Err(aadsts::NO_TENANT),
    }
    let credential = client_authentication::check(request, params, app)?;
    ensure(
        params.get("grant_type") == Some("client_credentials"),
        aadsts::OTHER_CLIENTS_GRANT,
    )?;
    let resource = resource(params.need("scope")?)?;
    let (token, life) = token(request, app, resource.audience, credential);
    Ok(json!({
        "token_type": "Bearer",
        "expires_in": life.as_secs(),
        "ext_expires_in": life.as_secs(),
        "access_token": token,
    }))
}

/// Issues a token of an app. Returns it and its life.
pub(crate) fn token(
    request: &Request,
    app: &ServiceApp,
    audience: &str,
    credential: Credential,
) -> (String, Duration) {
    let mut state = request.state();
    let life = state.token_life;
    let now = request.now.unix_seconds();
    let tenant = CONTOSO.id;
    let token = request.context.signer.access_token(&json!({
        "aud": audience,
        "iss": format!("{}/{tenant}/", request.base),
        "iat": now,
        "nbf": now,
        "exp": request.now.plus(life).unix_seconds(),
        "appid": app.client_id,
        "appidacr": match credential {
            Credential::Secret => "1",
            Credential::Assertion => "2",
        },
        "idp": format!("{}/{tenant}/", request.base),
        "idtyp": "app",
        "oid": app.object_id,
        "sub": app.object_id,
        "tid": tenant,
        "uti": random(),
        "ver": "1.0",
        "emulator": true,
    }));
    state.keep_secret(&token);
    (token, life)
}

/// Returns the one resource of the scopes, each of which must be `.default`.
fn resource(scope: &str) -> Result<&'static Resource, EntraError> {
    let is_default = |word: &str| word.to_ascii_lowercase().ends_with("/.default");
    let mut words = scope.split(' ').filter(|word| !word.is_empty());
    if let Some(word) = words.find(|word| !is_default(word)) {
        return Err(aadsts::NOT_DEFAULT_SCOPE.about(&[word]));
    }
    let scopes = read_scopes(scope)?;
    let resource = scopes.first_resource();
    resource
        .filter(|_| !scopes.spans_resources())
        .ok_or(aadsts::SEVERAL_RESOURCES)
}
