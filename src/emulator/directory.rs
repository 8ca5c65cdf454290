//! The fixed data of the emulated services: the tenants, the app registrations, and the ACS resource
//! with its published key.

use crate::emulator::aadsts::{self, EntraError};

/// The tenant id of all personal accounts.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// An Entra tenant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Directory {
    pub(crate) id: &'static str,
    /// The verified domain.
    pub(crate) domain: &'static str,
}

pub(crate) static CONTOSO: Directory = Directory {
    id: "ac5ba55e-7e4a-4000-8000-000000000001",
    domain: "contoso.example",
};
pub(crate) static FABRIKAM: Directory = Directory {
    id: "ac5ba55e-7e4a-4000-8000-000000000002",
    domain: "fabrikam.example",
};

/// The first path segment of an Entra URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tenant {
    /// Any work, school or personal account.
    Common,
    /// Any work or school account.
    Organizations,
    /// One tenant, by GUID or domain.
    One(&'static Directory),
}

impl Tenant {
    pub(crate) fn parse(segment: &str) -> Result<Tenant, EntraError> {
        match segment.to_ascii_lowercase().as_str() {
            "common" => Ok(Tenant::Common),
            "organizations" => Ok(Tenant::Organizations),
            "consumers" | CONSUMERS => Err(aadsts::CONSUMERS_TENANT),
            name => [&CONTOSO, &FABRIKAM]
                .into_iter()
                .find(|directory| directory.id == name || directory.domain == name)
                .map(Tenant::One)
                .ok_or_else(|| aadsts::UNKNOWN_TENANT.about(&[segment])),
        }
    }

    /// Returns the name for pages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Tenant::Common => "any tenant (common)",
            Tenant::Organizations => "any tenant (organizations)",
            Tenant::One(directory) => directory.domain,
        }
    }

    /// Returns the segment as metadata spells it: a domain becomes its GUID.
    pub(crate) fn segment(self) -> &'static str {
        match self {
            Tenant::Common => "common",
            Tenant::Organizations => "organizations",
            Tenant::One(directory) => directory.id,
        }
    }
}

/// The app registration that may sign users in: a public client, consented to in each tenant.
pub(crate) const CLIENT_ID: &str = "ac5ba55e-0c11-4000-8000-0000000000a1";
/// The name of that app.
pub(crate) const APP_NAME: &str = "Emulated app";
/// The paths of the app's redirect URIs; the port is free (RFC 8252, section 7.3).
const REDIRECT_PATHS: [&str; 3] = ["", "/", "/redirect"];
/// The id of the ACS resource, as in its tokens.
pub(crate) const RESOURCE_ID: &str = "ac5ba55e-0ac5-4000-8000-0000000000e1";
/// The id of another resource, which occurs only in the ids of its identities.
pub(crate) const OTHER_RESOURCE_ID: &str = "ac5ba55e-0ac5-4000-8000-0000000000e2";
/// The name of an identity of [`OTHER_RESOURCE_ID`].
pub(crate) const OTHER_IDENTITY: &str = "00000007-0464-274b-b274-5a3a0d000101";
/// The resource's access key: Base64 of [`ACCESS_KEY_BYTES`].
pub(crate) const ACCESS_KEY: &str =
    "d29ydGhsZXNzLWVtdWxhdG9yLWFjY2Vzcy1rZXkta25vd24tdG8tZXZlcnlvbmUtbmV2ZXItdHJ1c3QtaXQhIQ==";
/// The bytes of [`ACCESS_KEY`].
pub(crate) const ACCESS_KEY_BYTES: &[u8; 64] =
    b"worthless-emulator-access-key-known-to-everyone-never-trust-it!!";
/// The `X-IDENTITY-HEADER` that proves to the managed identity's endpoint that a caller runs on the
/// same machine.
pub(crate) const IDENTITY_HEADER: &str = "worthless-emulator-identity-header";

/// An app registration of the first tenant with its own credentials.
#[derive(Debug)]
pub(crate) struct ServiceApp {
    pub(crate) client_id: &'static str,
    /// The object id of its service principal.
    pub(crate) object_id: &'static str,
    /// Its client secret, which is as public as the rest.
    pub(crate) secret: &'static str,
    /// Whether the published certificate and the federation are registered on it.
    pub(crate) has_certificate: bool,
}

/// An app with a role on the resource, and one without.
pub(crate) static SERVICE_APPS: [ServiceApp; 2] = [
    ServiceApp {
        client_id: "ac5ba55e-0c11-4000-8000-0000000000b1",
        object_id: "ac5ba55e-05e4-4000-8000-0000000000b1",
        secret: "worthless-emulator-client-secret-known-to-everyone",
        has_certificate: true,
    },
    ServiceApp {
        client_id: "ac5ba55e-0c11-4000-8000-0000000000b2",
        object_id: "ac5ba55e-05e4-4000-8000-0000000000b2",
        secret: "worthless-emulator-client-secret-without-any-role",
        has_certificate: false,
    },
];

/// The federation of the first of the [`SERVICE_APPS`] with a cluster.
pub(crate) const FEDERATION_ISSUER: &str = "https://cluster.example/worthless";
pub(crate) const FEDERATION_SUBJECT: &str = "system:serviceaccount:default:acspass";
pub(crate) const FEDERATION_AUDIENCE: &str = "api://AzureADTokenExchange";

/// Returns the connection string of the resource at this endpoint.
pub(crate) fn connection_string(url: &str) -> String {
    format!("endpoint={url}/;accesskey={ACCESS_KEY}")
}

/// Returns whether a redirect URI is registered. No URL parser is used, because it would accept
/// and normalise invalid forms such as `http://localhost@evil`, `/x/..` and `\`.
pub(crate) fn is_registered_redirect(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("http://localhost") else {
        return false;
    };
    let Some(rest) = rest.strip_prefix(':') else {
        return REDIRECT_PATHS.contains(&rest);
    };
    let (port, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    port.bytes().all(|b| b.is_ascii_digit())
        && port.parse::<u16>().is_ok_and(|port| port != 0)
        && REDIRECT_PATHS.contains(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registered_redirects_are_accepted_whatever_their_port() {
        for yes in [
            "http://localhost",
            "http://localhost/",
            "http://localhost:1",
            "http://localhost:51004/",
            "http://localhost:8080/redirect",
            "http://localhost/redirect",
        ] {
            assert!(is_registered_redirect(yes), "{yes}");
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
            "http://localhost:0/",
            "http://localhost:/",
            "http://localhost:99999/",
            "http://localhost:+80/",
            "http://localhost\\evil.test",
            "HTTP://localhost:1/",
        ] {
            assert!(!is_registered_redirect(no), "{no}");
        }
    }

    #[test]
    fn the_access_key_is_the_base64_of_its_bytes() {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::STANDARD.decode(ACCESS_KEY);
        assert_eq!(bytes.as_deref(), Ok(&ACCESS_KEY_BYTES[..]));
    }
}
