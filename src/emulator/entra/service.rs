//! Tokens for apps that act for themselves: the client credentials grant (RFC 6749, section 4.4).
//!
//! In comes a proven app and a scope, out comes a token without any user in it. Which role the app
//! has on a resource is that resource's to know.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::directory::{CONTOSO, ServiceApp, Tenant};
use super::super::scopes::Resource;
use super::super::server::{Context, Request};
use super::authorize::read_scopes;
use super::issue::random;
use super::params::Params;
use super::proof::{self, Proof};
use super::{Refusal, authorize};

pub(super) fn grant(
    shared: &Context,
    request: &Request,
    segment: &str,
    tenant: Tenant,
    params: &Params,
    app: &ServiceApp,
) -> Result<Value, Refusal> {
    match tenant {
        Tenant::One(directory) if *directory == CONTOSO => {}
        Tenant::One(_) => return Err(authorize::unknown_client(app.client_id, segment)),
        Tenant::Common | Tenant::Organizations => {
            return Err(Refusal::new(
                "invalid_request",
                50059,
                "No tenant-identifying information found in either the request or implied by any \
                 provided credentials.",
            ));
        }
    }
    let proof = proof::check(shared, request, params, app)?;
    if params.get("grant_type") != Some("client_credentials") {
        return Err(Refusal::new(
            "invalid_grant",
            70000,
            "The provided grant was issued to another client: this app signs nobody in.",
        ));
    }
    let resource = resource(params.need("scope")?)?;
    let (token, life) = token(shared, request, app, resource.audience, proof);
    Ok(json!({
        "token_type": "Bearer",
        "expires_in": life.as_secs(),
        "ext_expires_in": life.as_secs(),
        "access_token": token,
    }))
}

/// A token in which the app speaks for itself, and how long it lives.
pub(super) fn token(
    shared: &Context,
    request: &Request,
    app: &ServiceApp,
    audience: &str,
    proof: Proof,
) -> (String, Duration) {
    let mut state = shared.state.lock();
    let life = state.token_life;
    let now = request.now.unix_seconds();
    let tenant = CONTOSO.id;
    let token = shared.signer.access_token(&json!({
        "aud": audience,
        "iss": format!("{}/{tenant}/", request.base),
        "iat": now,
        "nbf": now,
        "exp": request.now.plus(life).unix_seconds(),
        "appid": app.client_id,
        "appidacr": match proof {
            Proof::Secret => "1",
            Proof::Assertion => "2",
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

/// The one resource that is asked for, whole: an app cannot choose among its permissions.
fn resource(scope: &str) -> Result<&'static Resource, Refusal> {
    let words: Vec<&str> = scope.split(' ').filter(|word| !word.is_empty()).collect();
    let is_whole = |word: &str| word.to_ascii_lowercase().ends_with("/.default");
    if let Some(word) = words.iter().find(|word| !is_whole(word)) {
        return Err(Refusal::new(
            "invalid_scope",
            1_002_012,
            format!(
                "The provided value for scope {word} is not valid. Client credential flows must \
                 have a scope value with /.default suffixed to the resource identifier \
                 (application ID URI)."
            ),
        ));
    }
    let scopes = read_scopes(scope)?;
    match scopes.first_resource() {
        Some(resource) if !scopes.spans_resources() => Ok(resource),
        _ => Err(Refusal::new(
            "invalid_scope",
            700_022,
            "The provided value for the input parameter scope is not valid because it contains \
             more than one resource.",
        )),
    }
}
