//! The authority: Entra's host, a tenant, and the tenant's metadata.

use url::Url;

use crate::error::{Error, Kind, Result};
use crate::http::{Http, Request, host_of};
use crate::input::{self, guid, is_guid};
use crate::loopback;
use crate::text::after_noun;
use crate::wire;
use crate::wire::entra::{Metadata, TokenError};

use super::refusal;

/// An authority: Entra ID's host and a tenant there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    url: Url,
    tenant: String,
}

impl Authority {
    /// Takes the address of the host and a tenant: a GUID, a domain, or `organizations`.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the host is not an https URL without a path (http is for loopback), or the
    /// tenant is not valid.
    pub fn new(host: &str, tenant: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Error::usage(
                format!("the authority host {what}"),
                "Run `acspass config set authority-host https://login.microsoftonline.com`, or correct \
                 AZURE_AUTHORITY_HOST.",
            )
        };
        let host = input::bare(host).trim_end_matches('/');
        // A host without a scheme uses https, as in the Azure SDKs.
        let is_name = !host.contains("://") && host.contains('.') && !is_local(host);
        let scheme = if is_name { "https://" } else { "" };
        let url = Url::parse(&format!("{scheme}{host}"))
            .map_err(|_| wrong("is not a URL with a scheme"))?;
        match url.scheme() {
            "https" => {}
            "http" if url.host_str().is_some_and(loopback::is_loopback_host) => {}
            "http" => return Err(wrong("uses http, which is allowed for loopback hosts only")),
            _ => return Err(wrong("uses neither https nor http")),
        }
        let is_bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !is_bare || url.host_str().is_none_or(str::is_empty) {
            return Err(wrong("has more than a scheme, a host and a port"));
        }
        Ok(Authority {
            url,
            tenant: check_tenant(tenant)?,
        })
    }

    /// Returns the host, with its port if that is not the default one. It is part of a session key.
    pub fn host_and_port(&self) -> String {
        host_of(&self.url)
    }

    /// Returns the host's address.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the configured tenant, in lower case.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Fetches the authority's OpenID Connect metadata. Every endpoint must have the authority's
    /// scheme, host and port.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the authority does not know the tenant, [`Kind::Unreachable`] if the
    /// response is not Entra's, [`Kind::Refused`] if it has an endpoint on another host or the issuer
    /// of another tenant.
    pub(crate) async fn discover(&self, http: &Http) -> Result<Metadata> {
        let (mut url, tenant) = (self.url.clone(), &self.tenant);
        url.set_path(&format!("/{tenant}/v2.0/.well-known/openid-configuration"));
        let response = http.send(|| Ok(Request::get(url.clone()))).await?;
        if response.is_transient_error() {
            return Err(refusal::outage(&self.host_and_port(), &response));
        }
        if response.status.is_client_error()
            && let Some(response) = wire::read::<TokenError>(&response.body)
        {
            return Err(refusal::unknown_tenant(tenant, &response));
        }
        let metadata: Metadata = refusal::read(
            &self.host_and_port(),
            &response,
            "a response that is not Entra's metadata",
            "metadata without an endpoint or the issuer",
        )?;
        self.check(&metadata)?;
        Ok(metadata)
    }

    /// Checks that every endpoint is on the authority's host, and that the issuer is the tenant's.
    ///
    /// # Errors
    /// [`Kind::Refused`] if not.
    pub(super) fn check(&self, metadata: &Metadata) -> Result<()> {
        self.check_endpoint(&metadata.authorization_endpoint)?;
        self.check_endpoint(&metadata.token_endpoint)?;
        if let Some(endpoint) = &metadata.device_authorization_endpoint {
            self.check_endpoint(endpoint)?;
        }
        self.check_issuer(&metadata.issuer)
    }

    /// Returns the tenant as a GUID, and `None` if any tenant may sign in. The metadata names the GUID
    /// of a domain.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the authority does not know the tenant, [`Kind::Unreachable`] if the
    /// response is not Entra's.
    pub async fn tenant_id(&self, http: &Http) -> Result<Option<String>> {
        match self.tenant.as_str() {
            "organizations" | "common" => Ok(None),
            tenant if is_guid(tenant) => Ok(Some(tenant.to_owned())),
            _ => {
                let metadata = self.discover(http).await?;
                let tenant = issuer_tenant(&metadata.issuer);
                Ok(tenant.map(str::to_ascii_lowercase))
            }
        }
    }

    /// Checks the tenant in the issuer. It is the requested GUID, any GUID for a requested domain, and
    /// a placeholder if any tenant may sign in.
    fn check_issuer(&self, issuer: &str) -> Result<()> {
        let (host, tenant) = (self.host_and_port(), self.tenant.as_str());
        let named = issuer_tenant(issuer).unwrap_or_default();
        let fits = match tenant {
            "organizations" | "common" => named == TENANT_LEFT_OPEN,
            guid if is_guid(guid) => named.eq_ignore_ascii_case(guid),
            _ => is_guid(named),
        };
        match fits {
            true => Ok(()),
            false => Err(Error::new(
                Kind::Refused,
                format!("the metadata of {host} has another issuer than the tenant {tenant}"),
                "Check `authority-host` and `tenant` in `acspass config list`. No sign-in was started.",
            )),
        }
    }

    fn check_endpoint(&self, endpoint: &str) -> Result<()> {
        let host = self.host_and_port();
        match Url::parse(endpoint).is_ok_and(|url| url.origin() == self.url.origin()) {
            true => Ok(()),
            false => Err(Error::new(
                Kind::Refused,
                format!("the metadata of {host} has an endpoint on another host"),
                "Check `authority-host` in `acspass config list`. Nothing was sent there.",
            )),
        }
    }
}

/// Returns whether a host without a scheme is loopback, so that its scheme is ambiguous.
fn is_local(host: &str) -> bool {
    let url = Url::parse(&format!("http://{host}"));
    url.is_ok_and(|url| url.host_str().is_none_or(loopback::is_loopback_host))
}

fn check_tenant(tenant: &str) -> Result<String> {
    let typed = input::bare(tenant);
    let tenant = typed.to_ascii_lowercase();
    let is_label = |label: &str| {
        let is_character = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(is_character)
    };
    match tenant.as_str() {
        "organizations" | "common" => Ok(tenant),
        "consumers" => Err(Error::usage(
            "the tenant `consumers` has personal accounts only, and a Teams user has a work or school account",
            "Run `acspass config set tenant organizations`, or `acspass config set tenant TENANT` with the \
             tenant's GUID or domain.",
        )),
        domain if domain.contains('.') && domain.split('.').all(is_label) => Ok(tenant),
        other => guid(other).ok_or_else(|| {
            Error::usage(
                format!("invalid tenant {}", after_noun(typed)),
                "Run `acspass config set tenant TENANT` with the tenant's GUID, a domain or \
                 `organizations`, or run `acspass config unset tenant`. The portal shows the GUID under \
                 Microsoft Entra ID, Overview.",
            )
        }),
    }
}

/// The placeholder for the tenant in the issuer of `organizations` and `common`.
const TENANT_LEFT_OPEN: &str = "{tenantid}";

/// Returns the tenant in an issuer, which is the first segment of its path.
pub(super) fn issuer_tenant(issuer: &str) -> Option<&str> {
    let (_, rest) = issuer.split_once("://")?;
    rest.split('/').nth(1)
}

/// Checks an application (client) id, and returns it in lower case.
///
/// # Errors
/// [`Kind::Usage`] if it is not a GUID.
pub fn check_client_id(text: &str) -> Result<String> {
    guid(text).ok_or_else(|| {
        Error::usage(
            format!("invalid client id {}", after_noun(text)),
            "Copy the Application (client) ID, which is a GUID, from the portal, under App \
             registrations, Overview.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_tenants_are_read_strictly() {
        let authority = Authority::new("https://login.microsoftonline.com/", "Organizations");
        let authority = authority.expect("the default");
        assert_eq!(authority.host_and_port(), "login.microsoftonline.com");
        assert_eq!(authority.tenant(), "organizations");
        for host in [
            "login.microsoftonline.us",
            " \"login.microsoftonline.us/\" ",
        ] {
            let authority = Authority::new(host, "organizations").expect(host);
            assert_eq!(
                authority.url().as_str(),
                "https://login.microsoftonline.us/"
            );
        }
        for (host, tenant) in [
            ("localhost:8485", "organizations"),
            ("127.0.0.1:8485", "organizations"),
            ("login.microsoftonline.com/contoso", "organizations"),
            ("http://login.microsoftonline.com", "organizations"),
            ("https://login.microsoftonline.com/contoso", "organizations"),
            ("https://u:p@login.microsoftonline.com", "organizations"),
            ("https://login.microsoftonline.com", "consumers"),
            ("https://login.microsoftonline.com", "../x"),
            ("https://login.microsoftonline.com", ""),
            ("https://login.microsoftonline.com", "1234-5678"),
            ("https://login.microsoftonline.com", "a..b"),
        ] {
            let error = Authority::new(host, tenant).expect_err(host);
            assert_eq!(error.kind(), Kind::Usage, "{host} {tenant}");
        }
    }

    #[test]
    fn endpoint_on_another_host_is_refused() {
        let authority = Authority::new("https://login.test", "organizations").expect("good");
        assert!(
            authority
                .check_endpoint("https://login.test/x/token")
                .is_ok()
        );
        for foreign in [
            "https://login.test.evil.test/token",
            "https://login.test:8443/token",
            "http://login.test/token",
            "https://login.test@evil.test/token",
            "/token",
        ] {
            let error = authority.check_endpoint(foreign).expect_err(foreign);
            assert_eq!(error.kind(), Kind::Refused);
        }
    }

    #[test]
    fn issuer_of_another_tenant_is_refused() {
        const GUID: &str = "aaaaaaaa-0000-4000-8000-00000000000a";
        let other = GUID.replace("0a", "0b");
        let issuer = |tenant: &str| format!("https://login.test/{tenant}/v2.0");
        for (tenant, named, is_right) in [
            ("organizations", "{tenantid}", true),
            ("common", "{tenantid}", true),
            ("organizations", GUID, false),
            (GUID, GUID, true),
            (GUID, &GUID.to_uppercase(), true),
            (GUID, &other, false),
            (GUID, "{tenantid}", false),
            ("contoso.com", GUID, true),
            ("contoso.com", "contoso.com", false),
            ("contoso.com", "{tenantid}", false),
            ("contoso.com", "", false),
        ] {
            let authority = Authority::new("https://login.test", tenant).expect("good");
            let outcome = authority.check_issuer(&issuer(named));
            assert_eq!(outcome.is_ok(), is_right, "{tenant} {named}");
        }
        let authority = Authority::new("https://login.test", GUID).expect("good");
        assert!(authority.check_issuer("nonsense").is_err());
    }
}
