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
use crate::emulator::world::{CONSUMERS, is_consumers};

/// The metadata, with exactly Entra's members.
#[derive(Template)]
#[template(path = "emulator/openid-configuration.json", escape = "none")]
struct Configuration<'a> {
    request: &'a Request,
    place: Place,
    issuer: String,
}

/// The metadata of version 1, with the members of recorded ones except those of endpoints that the
/// emulator does not have.
#[derive(Template)]
#[template(path = "emulator/openid-configuration-v1.json", escape = "none")]
struct ConfigurationV1<'a> {
    request: &'a Request,
    place: Place,
    issuer: String,
}

/// The tenant of a document.
struct Place {
    /// The segment of its endpoints.
    segment: String,
    /// The tenant in its issuer; a name of several tenants has the placeholder of Entra.
    issuer: String,
    is_one: bool,
}

impl Place {
    /// Reads the first segment of a path. `consumers` has metadata as any other tenant, although its
    /// other endpoints serve no application here.
    fn of(request: &Request, segment: &str) -> Result<Place, EntraError> {
        if is_consumers(segment) {
            return Ok(Place {
                segment: "consumers".to_owned(),
                issuer: CONSUMERS.to_owned(),
                is_one: false,
            });
        }
        let tenant = request.world.tenant_path(segment)?;
        let segment = tenant.segment().to_owned();
        Ok(match tenant {
            TenantPath::One(_) => Place {
                issuer: segment.clone(),
                segment,
                is_one: true,
            },
            TenantPath::Common | TenantPath::Organizations => Place {
                segment,
                issuer: "{tenantid}".to_owned(),
                is_one: false,
            },
        })
    }
}

/// Returns the metadata of a tenant.
pub(crate) fn configuration(request: &Request, segment: &str) -> Result<Reply, EntraError> {
    let place = Place::of(request, segment)?;
    let issuer = format!("{}/{}/v2.0", request.base, place.issuer);
    let json = Configuration {
        request,
        place,
        issuer,
    };
    Ok(rendered(&json))
}

/// Returns the metadata of version 1 of a tenant.
pub(crate) fn configuration_v1(request: &Request, segment: &str) -> Result<Reply, EntraError> {
    let place = Place::of(request, segment)?;
    let base = request.context.v1_base(&request.base);
    let issuer = format!("{base}/{}/", place.issuer);
    let json = ConfigurationV1 {
        request,
        place,
        issuer,
    };
    Ok(rendered(&json))
}

fn rendered(json: &impl Template) -> Reply {
    // The hosts and tenants are this emulator's, so the file is valid JSON.
    let body: Value = serde_json::from_str(&json.render().unwrap_or_default()).unwrap_or_default();
    Reply::json(200, &body).with("cache-control", "max-age=86400, private")
}

/// Returns the JWKS. That of version 1 at `/TENANT/discovery/keys` has no issuer.
pub(crate) fn keys(request: &Request, segment: &str, is_v2: bool) -> Result<Reply, EntraError> {
    let place = Place::of(request, segment)?;
    let mut keys = request.context.signer.jwks();
    for key in keys.iter_mut().filter(|_| is_v2) {
        key["issuer"] = format!("{}/{}/v2.0", request.base, place.issuer).into();
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
        .filter(|tenant| Place::of(request, tenant).is_ok())
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
