//! Microsoft's clouds, and the Entra scopes in each of them.
//!
//! The clouds have nothing to do with each other: a tenant, an application and an ACS resource are in
//! one of them. Hosts are those of Microsoft's list of national clouds, with the aliases that MSAL knows
//! (msal-common 16.16.1, AuthorityMetadata.ts). ACS's hosts are those that its SDKs name.

use std::fmt;

use url::Url;

use super::service_settings::ServiceSettings;
use super::setting::Setting;
use super::sources::{Origin, Sources};
use crate::acs::check_family;
use crate::error::{Error, Result};
use crate::exchange::ExchangeKind;
use crate::text::quoted;

/// A cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cloud {
    /// The public one.
    Public,
    /// Azure Government.
    UsGovernment,
    /// Operated by 21Vianet.
    China,
    /// Closed since 29 October 2021.
    Germany,
}

impl Cloud {
    /// Returns the cloud of this Entra host; `None` if it is not one of Microsoft's.
    pub fn of_authority(host: &str) -> Option<Cloud> {
        Some(match host.to_ascii_lowercase().as_str() {
            "login.microsoftonline.com"
            | "login.windows.net"
            | "login.microsoft.com"
            | "sts.windows.net" => Cloud::Public,
            "login.microsoftonline.us"
            | "login.usgovcloudapi.net"
            | "login-us.microsoftonline.com" => Cloud::UsGovernment,
            "login.partner.microsoftonline.cn" | "login.chinacloudapi.cn" => Cloud::China,
            "login.microsoftonline.de" => Cloud::Germany,
            _ => return None,
        })
    }

    /// Returns the cloud of this ACS host; `None` if it is not one of ACS's.
    pub(super) fn of_service(host: &str) -> Option<Cloud> {
        let clouds = [
            ("communication.azure.com", Cloud::Public),
            ("communication.azure.us", Cloud::UsGovernment),
        ];
        let found = clouds.into_iter().find(|(domain, _)| {
            host.strip_suffix(domain)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        found.map(|(_, cloud)| cloud)
    }

    /// Its authority, as it is written in a setting.
    pub(super) fn authority(self) -> &'static str {
        match self {
            Cloud::Public => "https://login.microsoftonline.com",
            Cloud::UsGovernment => "https://login.microsoftonline.us",
            Cloud::China => "https://login.partner.microsoftonline.cn",
            Cloud::Germany => "https://login.microsoftonline.de",
        }
    }

    /// Returns the address of Microsoft Graph, which is also the beginning of its scopes. The
    /// Department of Defense has another one, `dod-graph.microsoft.us`, at the same authority as the
    /// rest of the US Government: its users pass object ids.
    pub(super) fn graph(self) -> Option<&'static str> {
        match self {
            Cloud::Public => Some("https://graph.microsoft.com"),
            Cloud::UsGovernment => Some("https://graph.microsoft.us"),
            Cloud::China => Some("https://microsoftgraph.chinacloudapi.cn"),
            Cloud::Germany => None,
        }
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cloud::Public => "public cloud",
            Cloud::UsGovernment => "US Government cloud",
            Cloud::China => "China cloud",
            Cloud::Germany => "German cloud",
        })
    }
}

/// Splits scopes at spaces and commas; short names become those of the Teams resource in the
/// public cloud.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if there is none.
pub fn parse_scopes(text: &str) -> Result<Vec<String>> {
    parse_in(None, text)
}

/// Returns the default scopes. Short names follow the authority's cloud.
pub fn default_scopes(exchange: ExchangeKind) -> &'static str {
    match exchange {
        ExchangeKind::Key | ExchangeKind::Service => "Teams.ManageCalls Teams.ManageChats",
        ExchangeKind::Entra => "https://communication.azure.com/clients/.default",
        ExchangeKind::TeamsExtension => "TeamsExtension.ManageCalls",
    }
}

/// The configured scopes, of the family that the exchange takes and of the authority's cloud,
/// which is `None` if the authority is not one of Microsoft's.
pub(super) fn scopes(
    sources: &Sources<'_>,
    exchange: ExchangeKind,
    service: &ServiceSettings,
    cloud: Option<Cloud>,
) -> Result<Vec<String>> {
    let found = sources.required(Setting::Scopes)?;
    let own = service.scope.as_ref().filter(|_| service.is_on_behalf_of);
    let is_service = exchange == ExchangeKind::Service;
    if let Some(scope) = own.filter(|_| is_service && found.origin == Origin::Default) {
        return Ok(vec![scope.clone()]);
    }
    found.parse(|set| {
        let text = match (&found.origin, exchange, cloud) {
            // The name of this resource elsewhere is not published.
            (Origin::Default, ExchangeKind::Entra, Some(Cloud::UsGovernment)) => {
                return Err(Error::usage(
                    "no scope for `exchange = entra` is known in the US Government cloud",
                    "Run `acspass config set exchange key`, or `acspass config set exchange \
                     teams-extension`.",
                ));
            }
            (Origin::Default, _, _) => default_scopes(exchange),
            _ => set,
        };
        let scopes = parse_in(cloud, text)?;
        check_cloud(&scopes, cloud)?;
        check_family(exchange, &scopes)?;
        if is_service {
            service.check_scopes(&scopes)?;
        }
        Ok(scopes)
    })
}

fn parse_in(cloud: Option<Cloud>, text: &str) -> Result<Vec<String>> {
    let mut scopes = Vec::new();
    for scope in text.split(|c: char| c == ',' || c.is_whitespace()) {
        match scope {
            "" => {}
            scope if scope.contains("://") => scopes.push(scope.to_owned()),
            scope => scopes.push(format!("{}{scope}", teams_resource(cloud)?)),
        }
    }
    scopes.sort();
    scopes.dedup();
    match scopes.is_empty() {
        false => Ok(scopes),
        true => Err(Error::usage(
            "the list of scopes is empty",
            "Use Teams.ManageCalls, Teams.ManageChats or both.",
        )),
    }
}

/// The prefix of the Teams scopes.
fn teams_resource(cloud: Option<Cloud>) -> Result<&'static str> {
    match cloud {
        None | Some(Cloud::Public) => Ok("https://auth.msft.communication.azure.com/"),
        Some(Cloud::UsGovernment) => Ok("https://auth.msft.communication.azure.us/"),
        Some(Cloud::China) => Err(Error::usage(
            "Azure Communication Services is not known to serve Teams users in the China cloud",
            "Run `acspass config unset authority-host` if your Teams tenant is in the public cloud. \
             If you know the full names of the scopes, run `acspass config set scopes SCOPE`.",
        )),
        Some(Cloud::Germany) => Err(Error::usage(
            "the German cloud was closed in October 2021",
            "Run `acspass config unset authority-host`. Its tenants are in the public cloud now.",
        )),
    }
}

/// Entra knows no scope of another cloud.
fn check_cloud(scopes: &[String], cloud: Option<Cloud>) -> Result<()> {
    let Some(cloud) = cloud else { return Ok(()) };
    for scope in scopes {
        let url = Url::parse(scope).ok();
        let other = url.and_then(|url| Cloud::of_service(url.host_str()?));
        if let Some(other) = other.filter(|other| *other != cloud) {
            let (scope, authority) = (quoted(scope), other.authority());
            return Err(Error::usage(
                format!(
                    "the scope {scope} belongs to the {other}, and the authority to the {cloud}"
                ),
                format!(
                    "Run `acspass config unset scopes` to use the authority's scopes, or `acspass \
                     config set authority-host {authority}`."
                ),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_belong_to_their_cloud_and_look_alikes_to_none() {
        for cloud in [
            Cloud::Public,
            Cloud::UsGovernment,
            Cloud::China,
            Cloud::Germany,
        ] {
            let host = cloud.authority().trim_start_matches("https://");
            assert_eq!(Cloud::of_authority(host), Some(cloud));
        }
        assert_eq!(Cloud::of_authority("localhost"), None);
        assert_eq!(
            Cloud::of_authority("login.microsoftonline.us.evil.test"),
            None
        );
        for (host, cloud) in [
            ("contoso.communication.azure.com", Some(Cloud::Public)),
            ("communication.azure.com", Some(Cloud::Public)),
            (
                "auth.msft.communication.azure.us",
                Some(Cloud::UsGovernment),
            ),
            ("evilcommunication.azure.com", None),
            ("communication.azure.com.evil.test", None),
            ("localhost", None),
        ] {
            assert_eq!(Cloud::of_service(host), cloud, "{host}");
        }
    }
}
