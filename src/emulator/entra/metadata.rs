//! What a client reads before it signs anyone in.
//!
//! In comes a tenant's name, out come OpenID Connect metadata, signing keys and instance discovery.
//! Every URL is built from the scheme and host that the request came to, so http and https agree.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::directory::Tenant;
use super::super::server::{Context, Reply, Request};
use super::{Refusal, params::Params, tenant_named};

/// OpenID Connect discovery, with the members that Entra has and no others.
pub(super) fn configuration(request: &Request, segment: &str) -> Reply {
    let tenant = match tenant_named(segment) {
        Ok(tenant) => tenant,
        Err(refusal) => return refusal.into_json(request, "metadata"),
    };
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
    Reply::json("metadata", StatusCode::OK, &body).with("cache-control", "max-age=86400, private")
}

/// The issuer; where any tenant may sign in, Entra leaves its template's braces in.
fn issuer(base: &str, tenant: Tenant) -> String {
    match tenant {
        Tenant::One(directory) => format!("{base}/{}/v2.0", directory.id),
        Tenant::Common | Tenant::Organizations => format!("{base}/{{tenantid}}/v2.0"),
    }
}

/// The JWKS. That of the first version, which `/TENANT/discovery/keys` answers, names no issuer.
pub(super) fn keys(shared: &Context, request: &Request, segment: &str, with_issuer: bool) -> Reply {
    match tenant_named(segment) {
        Ok(tenant) => {
            let mut key = shared.signer.jwk();
            if with_issuer {
                key["issuer"] = issuer(&request.base, tenant).into();
            }
            Reply::json("keys", StatusCode::OK, &json!({"keys": [key]}))
        }
        Err(refusal) => refusal.into_json(request, "keys"),
    }
}

/// Instance discovery: vouches for the emulator's own host and for no other.
pub(super) fn instance(request: &Request) -> Reply {
    const OPERATION: &str = "instance_discovery";
    let checked = Params::parse(request.query.as_bytes()).and_then(|params| {
        let version = params.need("api-version")?.to_owned();
        if version != "1.0" && version != "1.1" {
            return Err(Refusal::new(
                "invalid_request",
                90_023,
                "The 'api-version' is not supported.",
            ));
        }
        let endpoint = params.need("authorization_endpoint")?;
        let url = url::Url::parse(endpoint).ok();
        // Without the port, since MSAL for Python leaves that out of its question.
        let is_ours = |url: &url::Url| {
            url::Url::parse(&request.base)
                .is_ok_and(|ours| (url.scheme(), url.host()) == (ours.scheme(), ours.host()))
        };
        let tenant = url
            .as_ref()
            .filter(|url| is_ours(url))
            .and_then(|url| url.path_segments()?.next().map(str::to_owned))
            .filter(|tenant| Tenant::parse(tenant).is_ok());
        match tenant {
            Some(tenant) => Ok((version, tenant)),
            _ => Err(Refusal::new(
                "invalid_instance",
                50_049,
                "Unknown or invalid instance.",
            )),
        }
    });
    match checked {
        Ok((version, tenant)) => {
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
            Reply::json(OPERATION, StatusCode::OK, &body)
        }
        Err(refusal) => refusal.into_json(request, OPERATION),
    }
}
