//! The issuers and signing keys of one tenant, as the authority publishes them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::user_token::Version;
use crate::error::{Error, Result};
use crate::http::{Http, Request};
use crate::time::{Clock, Moment};

/// The hint for documents that cannot be used.
const HINT: &str = "Check AZURE_AUTHORITY_HOST, ACSPASS_EXCHANGE_TENANTS and the network.";

/// The issuers and the keys of one tenant.
pub(super) struct Keys {
    /// The issuer of tokens of version 1, and the one of version 2.
    issuers: [String; 2],
    by_id: BTreeMap<String, DecodingKey>,
    pub(super) fetched_at: Moment,
    /// Differs for each fetch.
    pub(super) generation: u64,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    #[serde(default)]
    kid: String,
    #[serde(default)]
    kty: String,
    #[serde(default, rename = "use")]
    usage: Option<String>,
    /// The issuer whose tokens it signs, with `{tenantid}` for each tenant.
    issuer: Option<String>,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
}

impl Keys {
    /// Fetches the metadata of both versions, and the keys.
    pub(super) async fn fetch(
        http: &Http,
        authority: &Url,
        tenant: &str,
        clock: &dyn Clock,
    ) -> Result<Keys> {
        static GENERATIONS: AtomicU64 = AtomicU64::new(1);
        let fetched_at = Moment::now(clock);
        let v2 = metadata(http, authority, tenant, "/v2.0").await?;
        let v1 = metadata(http, authority, tenant, "").await?;
        let address =
            Url::parse(&v2.jwks_uri).map_err(|_| unusable("an invalid address of keys"))?;
        if address.origin() != authority.origin() {
            return Err(unusable("an address of keys at another host"));
        }
        let set: KeySet = get(http, address).await?;
        let usable = set.keys.into_iter().filter_map(|key| {
            let is_for_signatures = key.usage.is_none_or(|usage| usage == "sig");
            // A key of another issuer, such as that of consumer accounts, must not sign for this one.
            let is_own = key
                .issuer
                .is_none_or(|issuer| issuer.replace("{tenantid}", tenant) == v2.issuer);
            let is_usable = key.kty == "RSA" && is_for_signatures && is_own && !key.kid.is_empty();
            let decoded = DecodingKey::from_rsa_components(&key.n, &key.e).ok();
            decoded
                .filter(|_| is_usable)
                .map(|decoded| (key.kid, decoded))
        });
        let by_id: BTreeMap<String, DecodingKey> = usable.collect();
        if by_id.is_empty() {
            return Err(unusable("no key for RS256"));
        }
        Ok(Keys {
            issuers: [v1.issuer, v2.issuer],
            by_id,
            fetched_at,
            generation: GENERATIONS.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// Returns the issuer of tokens of this version.
    pub(super) fn issuer(&self, version: Version) -> &str {
        let [v1, v2] = &self.issuers;
        match version {
            Version::V1 => v1,
            Version::V2 => v2,
        }
    }

    /// Keys without a tenant, for tests.
    #[cfg(test)]
    pub(super) fn of_test(key_id: &str, clock: &dyn Clock) -> Keys {
        let key = DecodingKey::from_rsa_components("AQAB", "AQAB").expect("a key");
        Keys {
            issuers: [String::new(), String::new()],
            by_id: BTreeMap::from([(key_id.to_owned(), key)]),
            fetched_at: Moment::now(clock),
            generation: 0,
        }
    }

    /// Returns the key with this id.
    pub(super) fn find(&self, id: &str) -> Option<&DecodingKey> {
        self.by_id.get(id)
    }
}

/// Fetches the metadata of one version. The issuer must name the tenant: a token's `tid` is checked
/// against the same list.
async fn metadata(http: &Http, authority: &Url, tenant: &str, version: &str) -> Result<Metadata> {
    let path = format!("{tenant}{version}/.well-known/openid-configuration");
    let address = authority.join(&path);
    let address = address.map_err(|_| unusable("an address that is not a URL"))?;
    let metadata: Metadata = get(http, address).await?;
    let names_tenant = Url::parse(&metadata.issuer).is_ok_and(|issuer| {
        let mut segments = issuer.path_segments().into_iter().flatten();
        segments.next() == Some(tenant)
    });
    match names_tenant {
        true => Ok(metadata),
        false => Err(unusable("an issuer of another tenant")),
    }
}

async fn get<T: DeserializeOwned>(http: &Http, address: Url) -> Result<T> {
    let response = http.send_once(Request::get(address)).await?;
    if !response.status.is_success() {
        let status = response.status.as_u16();
        return Err(unusable(&format!("HTTP status {status}")));
    }
    serde_json::from_slice(&response.body).map_err(|_| unusable("JSON in another format"))
}

fn unusable(what: &str) -> Error {
    Error::unreachable(
        format!("the authority returned {what} in place of a tenant's signing keys"),
        HINT,
    )
}
