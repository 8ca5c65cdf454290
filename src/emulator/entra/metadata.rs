//! OpenID Connect metadata, signing keys and instance discovery.
//!
//! The URLs have the scheme and host of the request, so that http and https both work.

use askama::Template;
use serde_json::{Value, json};

use super::params::Params;
use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::http::{Reply, Request};
use crate::emulator::real_hosts::names::{CLOUDS, Site};
use crate::emulator::verify::ensure;
use crate::emulator::world::tenant::TenantPath;

/// The metadata, with exactly Entra's members.
#[derive(Template)]
#[template(path = "emulator/openid-configuration.json", escape = "none")]
struct Configuration<'a> {
    request: &'a Request,
    tenant: TenantPath,
    issuer: String,
}

/// The metadata of version 1, with the members of recorded ones except those of endpoints that the
/// emulator does not have.
#[derive(Template)]
#[template(path = "emulator/openid-configuration-v1.json", escape = "none")]
struct ConfigurationV1<'a> {
    request: &'a Request,
    tenant: TenantPath,
    issuer: String,
}

/// Returns the metadata of a tenant.
pub(crate) fn configuration(request: &Request, segment: &str) -> Result<Reply, EntraError> {
    let tenant = request.world.tenant_path(segment)?;
    let issuer = issuer(&request.base, &tenant);
    let json = Configuration {
        request,
        tenant,
        issuer,
    };
    Ok(rendered(&json))
}

/// Returns the metadata of version 1 of a tenant.
pub(crate) fn configuration_v1(request: &Request, segment: &str) -> Result<Reply, EntraError> {
    let tenant = request.world.tenant_path(segment)?;
    let base = request.context.v1_base(&request.base);
    let issuer = match &tenant {
        TenantPath::One(tenant) => format!("{base}/{}/", tenant.id),
        TenantPath::Common | TenantPath::Organizations => format!("{base}/{{tenantid}}/"),
    };
    let json = ConfigurationV1 {
        request,
        tenant,
        issuer,
    };
    Ok(rendered(&json))
}

fn rendered(json: &impl Template) -> Reply {
    // The hosts and tenants are this emulator's, so the file is valid JSON.
    let body: Value = serde_json::from_str(&json.render().unwrap_or_default()).unwrap_or_default();
    Reply::json(200, &body).with("cache-control", "max-age=86400, private")
}

/// Returns the issuer. For a multi-tenant name it is Entra's template with braces.
fn issuer(base: &str, tenant: &TenantPath) -> String {
    match tenant {
        TenantPath::One(tenant) => format!("{base}/{}/v2.0", tenant.id),
        TenantPath::Common | TenantPath::Organizations => format!("{base}/{{tenantid}}/v2.0"),
    }
}

/// Returns the JWKS. That of version 1 at `/TENANT/discovery/keys` has no issuer.
pub(crate) fn keys(request: &Request, segment: &str, is_v2: bool) -> Result<Reply, EntraError> {
    let tenant = request.world.tenant_path(segment)?;
    let mut keys = request.context.signer.jwks();
    for key in keys.iter_mut().filter(|_| is_v2) {
        key["issuer"] = issuer(&request.base, &tenant).into();
    }
    Ok(Reply::json(200, &json!({"keys": keys})))
}

/// Returns the instance metadata of the emulator's own host, or of Entra's hosts.
pub(crate) fn instance(request: &Request) -> Result<Reply, EntraError> {
    let params = Params::parse(request.query().as_bytes())?;
    let version = params.need("api-version")?;
    let is_version = matches!(version, "1.0" | "1.1");
    ensure(is_version, aadsts::UNSUPPORTED_VERSION)?;
    let url = url::Url::parse(params.need("authorization_endpoint")?);
    let (Ok(url), Ok(base)) = (url, url::Url::parse(&request.base)) else {
        return Err(aadsts::UNKNOWN_INSTANCE);
    };
    // Without the port, because MSAL for Python omits it.
    let is_same = (url.scheme(), url.host()) == (base.scheme(), base.host());
    let is_of_entra = |host| matches!(Site::of(host), Some(Site::Entra(_)));
    let real = request
        .site()
        .and(url.host_str())
        .filter(|host| is_of_entra(host));
    let tenant = url.path_segments().and_then(|mut segments| segments.next());
    let tenant = tenant
        .filter(|_| is_same || real.is_some())
        .filter(|tenant| request.world.tenant_path(tenant).is_ok())
        .ok_or(aadsts::UNKNOWN_INSTANCE)?;
    let base = real.map_or_else(|| request.base.clone(), |host| format!("https://{host}"));
    let body = json!({
        "tenant_discovery_endpoint":
            format!("{base}/{tenant}/v2.0/.well-known/openid-configuration"),
        "api-version": version,
        "metadata": match real {
            Some(_) => clouds(),
            None => json!([{
                "preferred_network": request.host,
                "preferred_cache": request.host,
                "aliases": [request.host],
            }]),
        },
    });
    Ok(Reply::json(200, &body))
}

/// Returns the metadata of Entra's own hosts.
fn clouds() -> Value {
    let metadata = CLOUDS.iter().map(|cloud| {
        json!({
            "preferred_network": cloud.entra.first(),
            "preferred_cache": cloud.cache,
            "aliases": cloud.entra,
        })
    });
    metadata.collect()
}
