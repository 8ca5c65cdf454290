//! The fixed inhabitants of the emulated world: directories, users, the app, the resource.
//!
//! Nothing comes in; out go constants and look-ups by the names that requests carry. What changes
//! while the emulator runs is not here but in the state.

mod users;

pub(super) use users::{Member, Refused, SignInRequirement, User, everyone, ordinary, personas};

/// The app registration that may sign users in: a public client, consented to in every directory.
pub(super) const CLIENT_ID: &str = "ac5ba55e-0c11-4000-8000-0000000000a1";
/// The name that the app is registered under.
pub(super) const APP_NAME: &str = "Emulated app";
/// Where the app is registered to receive answers; the port is free (RFC 8252, section 7.3).
const REDIRECT_PATHS: [&str; 2] = ["", "/redirect"];
/// The emulated ACS resource, as its tokens name it.
pub(super) const RESOURCE_ID: &str = "ac5ba55e-0ac5-4000-8000-0000000000e1";
/// Another resource, of which nothing but its identities' ids is ever seen.
pub(super) const OTHER_RESOURCE_ID: &str = "ac5ba55e-0ac5-4000-8000-0000000000e2";
/// An identity of [`OTHER_RESOURCE_ID`].
pub(super) const SOMEBODY: &str = "00000007-0464-274b-b274-5a3a0d000101";
/// The resource's access key, Base64 of 64 bytes that say how little it is worth.
pub(super) const ACCESS_KEY: &str =
    "d29ydGhsZXNzLWVtdWxhdG9yLWFjY2Vzcy1rZXkta25vd24tdG8tZXZlcnlvbmUtbmV2ZXItdHJ1c3QtaXQhIQ==";
/// The bytes of [`ACCESS_KEY`].
pub(super) const ACCESS_KEY_BYTES: &[u8; 64] =
    b"worthless-emulator-access-key-known-to-everyone-never-trust-it!!";
/// The tenant id that stands for all personal accounts.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// An Entra tenant.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Directory {
    /// Its GUID.
    pub(super) id: &'static str,
    /// Its one verified domain.
    pub(super) domain: &'static str,
}

pub(super) static CONTOSO: Directory = Directory {
    id: "ac5ba55e-7e4a-4000-8000-000000000001",
    domain: "contoso.example",
};
static FABRIKAM: Directory = Directory {
    id: "ac5ba55e-7e4a-4000-8000-000000000002",
    domain: "fabrikam.example",
};

/// An app registration of [`CONTOSO`] that acts for itself.
#[derive(Debug)]
pub(super) struct ServiceApp {
    /// Its application id.
    pub(super) client_id: &'static str,
    /// The object id of its service principal.
    pub(super) object_id: &'static str,
    /// Its client secret, which is as public as the rest.
    pub(super) secret: &'static str,
    /// Whether the published certificate and the federation are registered on it.
    pub(super) has_certificate: bool,
}

/// The app that has a role on the resource, and one that has none.
pub(super) static SERVICE_APPS: [ServiceApp; 2] = [
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

/// What proves to the managed identity's endpoint that the asker runs on the same machine.
pub(super) const IDENTITY_HEADER: &str = "worthless-emulator-identity-header";

/// Whose tokens stand for the first of the [`SERVICE_APPS`] as a workload.
pub(super) struct Federation {
    pub(super) issuer: &'static str,
    pub(super) subject: &'static str,
    pub(super) audience: &'static str,
}

/// As a cluster would be federated.
pub(super) const FEDERATION: Federation = Federation {
    issuer: "https://cluster.example/worthless",
    subject: "system:serviceaccount:default:acspass",
    audience: "api://AzureADTokenExchange",
};

/// Whether an Entra principal has a role on the resource: the first service app and the first
/// user do.
pub(super) fn has_role(object_id: &str, directory_id: &str) -> bool {
    directory_id == CONTOSO.id
        && [SERVICE_APPS[0].object_id, ordinary()[0].home().oid].contains(&object_id)
}

/// What the first path segment of an Entra URL names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tenant {
    /// Any work, school or personal account.
    Common,
    /// Any work or school account.
    Organizations,
    /// One directory, by GUID or domain.
    One(&'static Directory),
}

/// Why a tenant segment names no tenant that could serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoTenant {
    /// Nobody of that name.
    Unknown,
    /// Personal accounts, which this work-only app does not take.
    Consumers,
}

impl Tenant {
    pub(super) fn parse(segment: &str) -> Result<Tenant, NoTenant> {
        match segment.to_ascii_lowercase().as_str() {
            "common" => Ok(Tenant::Common),
            "organizations" => Ok(Tenant::Organizations),
            "consumers" | CONSUMERS => Err(NoTenant::Consumers),
            name => [&CONTOSO, &FABRIKAM]
                .into_iter()
                .find(|directory| directory.id == name || directory.domain == name)
                .map(Tenant::One)
                .ok_or(NoTenant::Unknown),
        }
    }

    /// The segment as metadata spells it: a domain has become its GUID.
    pub(super) fn segment(self) -> &'static str {
        match self {
            Tenant::Common => "common",
            Tenant::Organizations => "organizations",
            Tenant::One(directory) => directory.id,
        }
    }
}

/// Whether the app may receive its answer there. Read by hand, since a URL parser would forgive
/// what must not be forgiven: `http://localhost@evil`, `/x/..`, a `\`.
pub(super) fn is_registered_redirect(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("http://localhost") else {
        return false;
    };
    let path = match rest.strip_prefix(':') {
        None => rest,
        Some(rest) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let (port, path) = rest.split_at(end);
            let is_port = port.bytes().all(|b| b.is_ascii_digit())
                && port.parse::<u16>().is_ok_and(|port| port != 0);
            if !is_port {
                return false;
            }
            path
        }
    };
    REDIRECT_PATHS.contains(&path) || path == "/"
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
