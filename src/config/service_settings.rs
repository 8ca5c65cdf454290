//! The settings of the exchange service: its address, its scope, and the tokens that it gets.

use super::setting::{Setting, parse_switch};
use super::sources::Sources;
use crate::error::{Error, Result};
use crate::exchange_client::ServiceUrl;
use crate::input;
use crate::text::{after_noun, quoted};

/// The exchange service of an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeService {
    /// The address.
    pub url: ServiceUrl,
    /// Its own scope, as a list for a request.
    pub scopes: Vec<String>,
    /// The service requests the token for ACS on behalf of the user, so it gets none.
    pub is_on_behalf_of: bool,
}

impl ExchangeService {
    /// Returns the scopes of a token that a sign-in requests in addition.
    pub fn further_scopes(&self) -> Vec<String> {
        match self.is_on_behalf_of {
            true => Vec::new(),
            false => self.scopes.clone(),
        }
    }
}

/// The settings as far as they are there. The address is parsed when it is used, so that a wrong one does
/// not prevent a sign-out.
#[derive(Debug)]
pub(super) struct ServiceSettings {
    pub(super) url: Option<Result<ServiceUrl>>,
    pub(super) scope: Option<String>,
    pub(super) is_on_behalf_of: bool,
}

impl ServiceSettings {
    /// Reads the settings.
    pub(super) fn read(sources: &Sources<'_>) -> Result<Self> {
        let url = sources.find(Setting::ExchangeService);
        let switch = sources.required(Setting::OnBehalfOf)?;
        Ok(ServiceSettings {
            url: url.map(|url| url.parse(ServiceUrl::parse)),
            scope: sources.parse(Setting::ExchangeServiceScope, parse_service_scope)?,
            is_on_behalf_of: switch.parse(parse_switch)?,
        })
    }

    /// Checks that scopes for a service that requests the token for ACS are its own.
    pub(super) fn check_scopes(&self, scopes: &[String]) -> Result<()> {
        let Some(own) = self.scope.as_deref().filter(|_| self.is_on_behalf_of) else {
            return Ok(());
        };
        let (resource, _) = own.rsplit_once('/').unwrap_or_default();
        let is_own = |scope: &&String| {
            let resource_of = scope.rsplit_once('/').map(|(resource, _)| resource);
            resource_of == Some(resource)
        };
        match scopes.iter().find(|scope| !is_own(scope)) {
            None => Ok(()),
            Some(other) => Err(Error::usage(
                format!(
                    "the scope {} is not one of the exchange service, which requests the token for \
                     ACS on behalf of the user",
                    quoted(other)
                ),
                "Run `acspass config unset scopes`, and unset ACSPASS_SCOPES.",
            )),
        }
    }
}

/// Parses the scope of a service: one whole scope of its own API, which is not one of Microsoft's. It must
/// not lead to a token for another service than this one.
pub(crate) fn parse_service_scope(text: &str) -> Result<String> {
    let scope = input::bare(text);
    let is_word = !scope.is_empty() && !scope.contains(|c: char| c.is_whitespace() || c == ',');
    let (resource, name) = scope.rsplit_once('/').unwrap_or_default();
    let is_api = resource
        .strip_prefix("api://")
        .is_some_and(|rest| !rest.is_empty())
        || input::guid(resource).is_some();
    let host = resource.strip_prefix("https://");
    let host = host.and_then(|rest| rest.split('/').next());
    let is_own_uri = host.is_some_and(|host| host.contains('.') && !is_of_microsoft(host));
    if is_word && !name.is_empty() && (is_api || is_own_uri) {
        return Ok(scope.to_owned());
    }
    Err(Error::usage(
        format!("invalid scope of an exchange service {}", after_noun(text)),
        "Use one scope of the service's own application, such as api://CLIENT-ID/access_as_user.",
    ))
}

/// Returns whether a host is in a domain of Microsoft's APIs.
fn is_of_microsoft(host: &str) -> bool {
    const DOMAINS: [&str; 7] = [
        "azure.com",
        "azure.us",
        "azure.cn",
        "azure.net",
        "microsoft.com",
        "microsoft.us",
        "windows.net",
    ];
    let host = host.to_ascii_lowercase();
    DOMAINS.iter().any(|domain| {
        host.strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_one_of_the_services_own_application() {
        for scope in [
            "api://ac5ba55e-0c11-4000-8000-0000000000d1/access_as_user",
            "api://contoso.com/exchange/access_as_user",
            "https://exchange.contoso.com/access_as_user",
            "ac5ba55e-0c11-4000-8000-0000000000d1/.default",
        ] {
            assert_eq!(parse_service_scope(scope).expect(scope), scope);
        }
        for scope in [
            "",
            "access_as_user",
            "api:///access_as_user",
            "api://exchange/",
            "api://exchange/one api://exchange/two",
            "https://graph.microsoft.com/User.Read",
            "https://auth.msft.communication.azure.com/Teams.ManageCalls",
            "https://communication.azure.com/clients/.default",
            "https://management.azure.com//.default",
            "https://vault.azure.net/.default",
        ] {
            assert!(parse_service_scope(scope).is_err(), "{scope}");
        }
    }
}
