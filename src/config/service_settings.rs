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

    /// Checks that the scopes are of the one API whose token the service gets: of its own if it requests
    /// the token for ACS itself, otherwise of ACS. The environment must not lead to another one's token.
    pub(super) fn check_scopes(&self, scopes: &[String]) -> Result<()> {
        if !self.is_on_behalf_of {
            return self.check_two_lists(scopes);
        }
        let Some(own) = self.scope.as_deref() else {
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

    /// Checks scopes of ACS that one sign-in requests together with the scope of the service. Entra refuses
    /// `.default` beside a scope of another resource (AADSTS70011).
    fn check_two_lists(&self, scopes: &[String]) -> Result<()> {
        let is_of_acs = |scope: &str| ACS_SCOPES.iter().any(|prefix| scope.starts_with(prefix));
        if let Some(other) = scopes.iter().find(|scope| !is_of_acs(scope)) {
            return Err(Error::usage(
                format!("the scope {} is not one of ACS", quoted(other)),
                "Run `acspass config unset scopes`, and unset ACSPASS_SCOPES.",
            ));
        }
        let mut all = scopes.iter().chain(&self.scope);
        match all.find(|scope| scope.ends_with("/.default")) {
            None => Ok(()),
            Some(whole) => Err(Error::usage(
                format!(
                    "the scope {} cannot be requested together with the other one",
                    quoted(whole)
                ),
                "Name the scopes themselves, such as api://CLIENT-ID/access_as_user and \
                 Teams.ManageCalls.",
            )),
        }
    }
}

/// The prefixes of the scopes of ACS, in two clouds.
const ACS_SCOPES: [&str; 2] = [
    "https://auth.msft.communication.azure.com/",
    "https://auth.msft.communication.azure.us/",
];

/// Parses the scope of a service: one whole scope of its own API, which is not one of Microsoft's. It must
/// not lead to a token for another service than this one.
pub(crate) fn parse_service_scope(text: &str) -> Result<String> {
    let scope = input::bare(text);
    let is_word = !scope.is_empty() && !scope.contains(|c: char| c.is_whitespace() || c == ',');
    let (resource, name) = scope.rsplit_once('/').unwrap_or_default();
    let is_api = resource
        .strip_prefix("api://")
        .is_some_and(|rest| !rest.is_empty() && !is_application_of_microsoft(rest))
        || (input::guid(resource).is_some() && !is_application_of_microsoft(resource));
    let host = resource.strip_prefix("https://");
    let host = host.and_then(|rest| rest.split(['/', ':']).next());
    let host = host.map(|host| host.trim_end_matches('.'));
    let is_own_uri = host.is_some_and(|host| host.contains('.') && !is_of_microsoft(host));
    if is_word && !name.is_empty() && (is_api || is_own_uri) {
        return Ok(scope.to_owned());
    }
    Err(Error::usage(
        format!("invalid scope of an exchange service {}", after_noun(text)),
        "Use one scope of the service's own application, such as api://CLIENT-ID/access_as_user.",
    ))
}

/// Returns whether an application id is that of one of Microsoft's APIs that are named in Microsoft's
/// documentation: Graph and its predecessor, Azure Resource Manager, Exchange, SharePoint, Skype, and both of
/// ACS.
fn is_application_of_microsoft(id: &str) -> bool {
    const PREFIX_OF_OFFICE: &str = "0000000";
    const SUFFIX_OF_OFFICE: &str = "-0000-0000-c000-000000000000";
    const OTHERS: [&str; 3] = [
        "797f4846-ba00-4fd7-ba43-dac1f8f63013",
        "1fd5118e-2576-4263-8130-9503064c837a",
        "2a04943b-b6a7-4f65-8786-2bb6131b59f6",
    ];
    let id = id.to_ascii_lowercase();
    OTHERS.contains(&id.as_str())
        || (id.starts_with(PREFIX_OF_OFFICE) && id.ends_with(SUFFIX_OF_OFFICE))
        || id == "00000003-0000-0ff1-ce00-000000000000"
        || id == "00000002-0000-0ff1-ce00-000000000000"
}

/// Returns whether a host is in a domain of Microsoft's APIs.
fn is_of_microsoft(host: &str) -> bool {
    const DOMAINS: [&str; 16] = [
        "azure.com",
        "azure.us",
        "azure.cn",
        "azure.net",
        "chinacloudapi.cn",
        "dynamics.com",
        "microsoft.com",
        "microsoft.us",
        "office.com",
        "office365.com",
        "office.net",
        "sharepoint.com",
        "skype.com",
        "usgovcloudapi.net",
        "visualstudio.com",
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

    fn settings(scope: &str) -> ServiceSettings {
        ServiceSettings {
            url: None,
            scope: Some(scope.to_owned()),
            is_on_behalf_of: false,
        }
    }

    #[test]
    fn the_service_gets_a_token_for_acs_and_for_no_other_api() {
        let acs = "https://auth.msft.communication.azure.com/Teams.ManageCalls";
        let check = |own: &str, scope: &str| settings(own).check_scopes(&[scope.to_owned()]);
        let own = "api://exchange/access_as_user";
        check(own, acs).expect("scopes of ACS");
        for other in [
            "https://graph.microsoft.com/.default",
            "https://communication.azure.com/clients/VoIP",
            "https://auth.msft.communication.azure.com.example/Teams.ManageCalls",
            "https://auth.msft.communication.azure.com/.default",
        ] {
            assert!(check(own, other).is_err(), "{other}");
        }
        assert!(check("api://exchange/.default", acs).is_err());
    }

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
            "https://graph.microsoft.com:443/User.Read",
            "https://graph.microsoft.com./User.Read",
            "https://contoso.sharepoint.com/.default",
            "https://api.spaces.skype.com/.default",
            "00000003-0000-0000-c000-000000000000/.default",
            "api://00000003-0000-0000-c000-000000000000/User.Read",
            "1fd5118e-2576-4263-8130-9503064c837a/Teams.ManageCalls",
        ] {
            assert!(parse_service_scope(scope).is_err(), "{scope}");
        }
    }
}
