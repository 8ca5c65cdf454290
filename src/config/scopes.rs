//! The Entra scopes: short names made whole, for the authority's cloud and the kind of exchange.

use url::Url;

use super::cloud::Cloud;
use super::setting::Setting;
use super::sources::{Origin, Sources, with_origin};
use crate::acs::check_family;
use crate::error::{Error, Kind, Result};
use crate::exchange::ExchangeKind;
use crate::text::quoted;

/// Splits scopes at spaces and commas; short names become those of the Teams resource in the
/// public cloud.
///
/// # Errors
/// [`Kind::Usage`] if there is none.
pub fn parse_scopes(text: &str) -> Result<Vec<String>> {
    parse_in(None, text)
}

/// Returns the default scopes. Short names follow the authority's cloud.
pub fn default_scopes(exchange: ExchangeKind) -> &'static str {
    match exchange {
        ExchangeKind::Key => "Teams.ManageCalls Teams.ManageChats",
        ExchangeKind::Entra => "https://communication.azure.com/clients/.default",
        ExchangeKind::TeamsExtension => "TeamsExtension.ManageCalls",
    }
}

/// The configured scopes, of the family that the exchange takes and of the authority's cloud,
/// which is `None` if the authority is not one of Microsoft's.
pub(super) fn resolve(
    sources: &Sources<'_>,
    exchange: ExchangeKind,
    cloud: Option<Cloud>,
) -> Result<Vec<String>> {
    let found = sources.find(Setting::Scopes);
    let set = found
        .as_ref()
        .filter(|found| found.origin != Origin::Default);
    let text = match (set, exchange, cloud) {
        (Some(found), _, _) => found.text.as_str(),
        // The name of this resource elsewhere is not published.
        (None, ExchangeKind::Entra, Some(Cloud::UsGovernment)) => {
            return Err(Error::new(
                Kind::Usage,
                "no scope for `exchange = entra` is known in the US Government cloud",
                "use `exchange = key` or `exchange = teams-extension`, whose scopes are known there",
            ));
        }
        (None, _, _) => default_scopes(exchange),
    };
    parse_in(cloud, text)
        .and_then(|scopes| {
            check_cloud(&scopes, cloud)?;
            check_family(exchange, &scopes).map(|()| scopes)
        })
        .map_err(|error| with_origin(error, &found.iter().collect::<Vec<_>>()))
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
        true => Err(Error::new(
            Kind::Usage,
            "no scope is named",
            "name Teams.ManageCalls, Teams.ManageChats or both",
        )),
    }
}

/// The prefix of the Teams scopes.
fn teams_resource(cloud: Option<Cloud>) -> Result<&'static str> {
    match cloud {
        None | Some(Cloud::Public) => Ok("https://auth.msft.communication.azure.com/"),
        Some(Cloud::UsGovernment) => Ok("https://auth.msft.communication.azure.us/"),
        Some(Cloud::China) => Err(Error::new(
            Kind::Usage,
            "Azure Communication Services is not known to serve Teams users in the China cloud",
            "sign in where your Teams tenant is: unset `authority-host` for the public cloud; or, \
             where you know the scopes by their whole names, set `scopes`",
        )),
        Some(Cloud::Germany) => Err(Error::new(
            Kind::Usage,
            "the German cloud was closed in October 2021",
            "unset `authority-host` for the public cloud, where its tenants went",
        )),
    }
}

/// Entra knows no scope of another cloud.
fn check_cloud(scopes: &[String], cloud: Option<Cloud>) -> Result<()> {
    let Some(cloud) = cloud else { return Ok(()) };
    for scope in scopes {
        let url = Url::parse(scope).ok();
        let other = url
            .as_ref()
            .and_then(|url| Cloud::of_service(url.host_str()?))
            .filter(|other| *other != cloud);
        if let Some(other) = other {
            return Err(Error::new(
                Kind::Usage,
                format!(
                    "the scope {} is of the {}, and the authority of the {}",
                    quoted(scope),
                    other.name(),
                    cloud.name()
                ),
                format!(
                    "unset `scopes`, which follow the authority; or set `authority-host` to {}",
                    other.authority()
                ),
            ));
        }
    }
    Ok(())
}
