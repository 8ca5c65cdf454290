//! OpenID Connect metadata, signing keys and instance discovery.
//!
//! The URLs have the scheme and host of the request, so that http and https both work.

use serde_json::{Value, json};

use super::aadsts;
use super::error::EntraError;
use super::params::{Params, tenant_named};
use crate::emulator::directory::Tenant;
use crate::emulator::http::{Reply, Request};

/// Returns the metadata, with exactly Entra's members.
pub(crate) fn configuration(request: &Request, segment: &str) -> Result<Reply, EntraError> {
    let tenant = tenant_named(segment)?;
    let host = &request.host;
    let base = format!("{}/{}", request.base, tenant.segment());
    let region = match tenant {
        Tenant::One(_) => Value::from("NA"),
        _ => Value::Null,
    };
    let body = json!({
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported":
            ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": issuer(&request.base, tenant),
        "request_uri_parameter_supported": false,
        "userinfo_endpoint": format!("{}/oidc/userinfo", request.base),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
        "http_logout_supported": true,
        "frontchannel_logout_supported": true,
        "end_session_endpoint": format!("{base}/oauth2/v2.0/logout"),
        "claims_supported": [
            "sub", "iss", "cloud_instance_name", "cloud_instance_host_name",
            "cloud_graph_host_name", "msgraph_host", "aud", "exp", "iat", "auth_time", "acr",
            "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email",
        ],
        "kerberos_endpoint": format!("{base}/kerberos"),
        "tenant_region_scope": region,
        "cloud_instance_name": host,
        "cloud_graph_host_name": host,
        "msgraph_host": host,
        "rbac_url": request.base,
    });
    Ok(Reply::json(200, &body).with("cache-control", "max-age=86400, private"))
}

/// Returns the issuer. For a multi-tenant name it is Entra's template with braces.
fn issuer(base: &str, tenant: Tenant) -> String {
    match tenant {
        Tenant::One(directory) => format!("{base}/{}/v2.0", directory.id),
        Tenant::Common | Tenant::Organizations => format!("{base}/{{tenantid}}/v2.0"),
    }
}

/// Returns the JWKS. That of version 1 at `/TENANT/discovery/keys` has no issuer.
pub(crate) fn keys(
    request: &Request,
    segment: &str,
    with_issuer: bool,
) -> Result<Reply, EntraError> {
    let tenant = tenant_named(segment)?;
    let mut key = request.context.signer.jwk();
    if with_issuer {
        key["issuer"] = issuer(&request.base, tenant).into();
    }
    Ok(Reply::json(200, &json!({"keys": [key]})))
}

/// Returns the instance metadata of the emulator's own host.
pub(crate) fn instance(request: &Request) -> Result<Reply, EntraError> {
    let params = Params::parse(request.query.as_bytes())?;
    let version = params.need("api-version")?;
    if !matches!(version, "1.0" | "1.1") {
        return Err(aadsts::UNSUPPORTED_VERSION);
    }
    // Without the port, because MSAL for Python omits it.
    let is_ours = |url: &url::Url| {
        url::Url::parse(&request.base)
            .is_ok_and(|ours| (url.scheme(), url.host()) == (ours.scheme(), ours.host()))
    };
    let url = url::Url::parse(params.need("authorization_endpoint")?).ok();
    let url = url.filter(is_ours);
    let tenant = url
        .as_ref()
        .and_then(|url| url.path_segments()?.next())
        .filter(|tenant| Tenant::parse(tenant).is_ok())
        .ok_or(aadsts::UNKNOWN_INSTANCE)?;
    let body = json!({
        "tenant_discovery_endpoint":
            format!("{}/{tenant}/v2.0/.well-known/openid-configuration", request.base),
        "api-version": version,
        "metadata": [{
            "preferred_network": request.host,
            "preferred_cache": request.host,
            "aliases": [request.host],
        }],
    });
    Ok(Reply::json(200, &body))
}
