//! App registrations: their platforms with redirect URIs, and their credentials.

use std::sync::Arc;

use super::tenant::{Tenant, TenantPath};
use serde::{Deserialize, Serialize};

/// An app registration.
#[derive(Debug)]
pub(crate) struct Application {
    /// A GUID in lower case.
    pub(crate) client_id: String,
    pub(crate) name: String,
    /// The only tenant that knows the application; without one, each tenant does.
    pub(crate) tenant: Option<Arc<Tenant>>,
    /// The object id of its service principal.
    pub(crate) object_id: String,
    pub(crate) redirect_uris: Vec<RedirectUri>,
    /// The client secrets, which are as public as the rest.
    pub(crate) secrets: Vec<String>,
    /// Whether the published certificate is registered.
    pub(crate) has_certificate: bool,
    pub(crate) federations: Vec<Federation>,
    /// The Application ID URIs of the API that it exposes.
    pub(crate) identifiers: Vec<String>,
    /// Whether flows without a redirect URI are allowed ("Allow public client flows").
    pub(crate) allows_public_flows: bool,
}

/// A redirect URI with the platform that it is registered for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RedirectUri {
    pub(crate) platform: Platform,
    pub(crate) uri: String,
}

/// The platform of a redirect URI, which decides how its codes are redeemed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Platform {
    /// "Mobile and desktop applications": a public client.
    #[default]
    Native,
    /// "Single-page application": a public client in a browser, which redeems across origins.
    Spa,
    /// "Web": a confidential client.
    Web,
}

/// A federated credential: tokens of another issuer authenticate the application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Federation {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) audience: String,
}

impl Application {
    /// Returns whether the tenant in an URL knows the application.
    pub(crate) fn is_known_at(&self, tenant: &TenantPath) -> bool {
        match (&self.tenant, tenant) {
            (Some(home), TenantPath::One(tenant)) => home == tenant,
            _ => true,
        }
    }

    /// Returns whether the application can authenticate itself.
    pub(crate) fn has_credentials(&self) -> bool {
        !self.secrets.is_empty() || self.has_certificate || !self.federations.is_empty()
    }

    /// Returns whether it signs users in.
    pub(crate) fn signs_users_in(&self) -> bool {
        !self.redirect_uris.is_empty() || self.allows_public_flows
    }

    /// Returns whether this is the audience of a token for its API.
    pub(crate) fn is_identified_by(&self, audience: &str) -> bool {
        audience == self.client_id || self.identifiers.iter().any(|own| own == audience)
    }

    /// Returns whether it has a browser app at this origin. As with redirect URIs, the ports of this
    /// machine do not matter.
    pub(crate) fn has_spa_origin(&self, origin: &str) -> bool {
        let is_at = |uri: &str| match (without_port(uri), without_port(origin)) {
            (Some((host, _)), Some((other, _))) => host == other,
            _ => url::Url::parse(uri).is_ok_and(|uri| uri.origin().ascii_serialization() == origin),
        };
        let mut uris = self.redirect_uris.iter();
        uris.any(|own| own.platform == Platform::Spa && is_at(&own.uri))
    }

    /// Returns the platform of a redirect URI, if the URI is registered. A `localhost` or loopback
    /// URI by http matches at any port (RFC 8252, section 7.3; Entra's "Redirect URI" rules).
    pub(crate) fn platform_of(&self, uri: &str) -> Option<Platform> {
        let mut uris = self.redirect_uris.iter();
        let exact = uris.find(|registered| registered.uri == uri);
        let found = exact.or_else(|| {
            let wanted = without_port(uri)?;
            let mut uris = self.redirect_uris.iter();
            uris.find(|registered| without_port(&registered.uri).is_some_and(|own| own == wanted))
        });
        found.map(|registered| registered.platform)
    }
}

/// Splits an http URI of this machine into its host and its path, so that two URIs that differ only in
/// the port are equal. A missing path equals `/`. No URL parser is used, because it would accept and
/// normalise invalid forms such as `http://localhost@evil`, `/x/..` and `\`.
fn without_port(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let host = ["localhost", "127.0.0.1"].into_iter();
    let host = host.into_iter().find(|host| {
        let after = rest.strip_prefix(host);
        after.is_some_and(|after| after.is_empty() || after.starts_with([':', '/']))
    })?;
    let rest = &rest[host.len()..];
    let Some(rest) = rest.strip_prefix(':') else {
        return Some((host, path(rest)));
    };
    let (port, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_port =
        port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port != 0);
    is_port.then(|| (host, path(rest)))
}

fn path(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

#[cfg(test)]
mod tests {
    use crate::emulator::world::World;

    #[test]
    fn only_registered_redirects_are_accepted_whatever_their_port() {
        let world = World::published();
        let app = &world.applications[0];
        for yes in [
            "http://localhost",
            "http://localhost/",
            "http://localhost:1",
            "http://localhost:51004/",
            "http://localhost:8080/redirect",
            "http://localhost/redirect",
        ] {
            assert!(app.platform_of(yes).is_some(), "{yes}");
        }
        for no in [
            "",
            "https://localhost:51004",
            "http://127.0.0.1:51004",
            "http://[::1]:51004/",
            "http://localhost@evil.test",
            "http://localhost:80@evil.test/",
            "http://localhost.evil.test",
            "http://localhost:51004/cb",
            "http://localhost:51004/Redirect",
            "http://localhost:51004/redirect/",
            "http://localhost:51004//",
            "http://localhost:51004/?x=1",
            "http://localhost:51004/#x",
            "http://localhost?x=1",
            "http://localhost:0/",
            "http://localhost:/",
            "http://localhost:99999/",
            "http://localhost:+80/",
            "http://localhost\\evil.test",
            "HTTP://localhost:1/",
        ] {
            assert!(app.platform_of(no).is_none(), "{no}");
        }
    }
}
