//! Settings: what was typed, the environment and a profile in, one complete and valid [`Config`]
//! out.
//!
//! It is pure but for reading and writing `config.toml`. The rooms below never see a `Config`: the
//! command takes it apart into the plain values that they want.

mod authorities;
mod profile;
mod setting;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

pub use authorities::{authority_files, leaves_out_system_authorities};
pub use profile::{ConfigFile, DEFAULT_PROFILE, Profile, STORED};
pub use setting::{Found, Origin, Setting, Sources};

use crate::account::Tenancy;
use crate::acs::{ConnectionString, Endpoint, check_access_key, check_family};
use crate::entra::redirect::RedirectUri;
use crate::entra::{Authority, check_client_id};
use crate::error::{Error, Kind, Result};
use crate::exchange::ExchangeKind;
use crate::secret::AccessKey;
use crate::time::parse_duration;

/// Where the Teams scopes live, before their short names.
const TEAMS_RESOURCE: &str = "https://auth.msft.communication.azure.com/";

/// Everything that is configured, read and checked. What a command does not need may be missing.
#[derive(Debug)]
pub struct Config {
    /// The profile's name.
    pub profile: String,
    /// Entra ID and the tenant there.
    pub authority: Authority,
    /// The application (client) id.
    pub client_id: Option<String>,
    /// The Entra scopes, whole and sorted.
    pub scopes: Vec<String>,
    /// The kind of exchange.
    pub exchange: ExchangeKind,
    /// The ACS resource.
    pub resource: Option<Resource>,
    /// Hosts beyond ACS's own that an Entra token may be sent to; from the profile only.
    pub allowed_hosts: Vec<String>,
    /// Where sessions are kept.
    pub store: StoreChoice,
    /// How much a fresh token has left.
    pub min_validity: Duration,
    /// Where the browser brings the answer.
    pub redirect_uri: RedirectUri,
}

/// The ACS resource, and what proves the right to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Its key, or where that is.
    pub key: KeySource,
}

/// Where a resource's access key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// It was given.
    Given(AccessKey),
    /// The store keeps the connection string of this profile.
    Stored,
    /// There is none.
    None,
}

/// Where sessions are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreChoice {
    /// The operating system's keyring.
    Keyring,
    /// This process's memory.
    Memory,
}

impl StoreChoice {
    /// The word for it in the setting `store`.
    pub fn as_str(self) -> &'static str {
        match self {
            StoreChoice::Keyring => "keyring",
            StoreChoice::Memory => "memory",
        }
    }
}

impl Config {
    /// Resolves every setting.
    ///
    /// # Errors
    /// [`Kind::Usage`] naming the setting that is wrong, and where its value came from.
    pub fn resolve(profile: String, sources: &Sources<'_>) -> Result<Self> {
        let tenant = required(sources, Setting::Tenant)?;
        let host = required(sources, Setting::AuthorityHost)?;
        let port = parse(sources, Setting::Port, parse_port)?.unwrap_or(0);
        let redirect_uri = parse(sources, Setting::RedirectUri, RedirectUri::parse)?;
        parse(sources, Setting::SignIn, parse_sign_in)?;
        let store = required(sources, Setting::Store)?;
        let exchange =
            parse(sources, Setting::Exchange, parse_exchange)?.unwrap_or(ExchangeKind::Key);
        let emulator_stands_in = sources.emulator.contains_key(&Setting::Endpoint);
        Ok(Config {
            profile,
            authority: authority(&host, &tenant)?,
            client_id: parse(sources, Setting::ClientId, check_client_id)?,
            scopes: scopes(sources, exchange)?,
            exchange,
            resource: resource(sources, emulator_stands_in)?,
            allowed_hosts: sources
                .profile
                .value(Setting::AllowEndpoint)
                .map(|hosts| hosts.split_whitespace().map(str::to_owned).collect())
                .unwrap_or_default(),
            store: parse_store(&store.text).map_err(|error| from(error, &[&store]))?,
            min_validity: parse(sources, Setting::MinValidity, parse_duration)?
                .unwrap_or(Duration::from_secs(600)),
            redirect_uri: redirect_uri
                .map(|uri| if port == 0 { uri } else { uri.with_port(port) })
                .unwrap_or_else(|| RedirectUri::localhost(port)),
        })
    }

    /// What sessions belong to.
    ///
    /// # Errors
    /// [`Kind::Usage`] where no client id is configured.
    pub fn tenancy(&self) -> Result<Tenancy> {
        let client_id = self.client_id.clone().ok_or_else(|| {
            Error::new(
                Kind::Usage,
                "no client id is configured",
                "set ACSPASS_CLIENT_ID or run `acspass config set client-id GUID` with the \
                 application's id; `--emulator` needs none",
            )
        })?;
        Ok(Tenancy {
            authority_host: self.authority.host(),
            tenant: self.authority.tenant().to_owned(),
            client_id,
        })
    }

    /// The ACS resource.
    ///
    /// # Errors
    /// [`Kind::Usage`] where none is configured, or an Entra token may not be sent to it.
    pub fn resource(&self) -> Result<&Resource> {
        let resource = self.any_resource()?;
        resource.endpoint.check_may_receive(&self.allowed_hosts)?;
        Ok(resource)
    }

    /// The ACS resource, for what sends no Entra token of a user.
    ///
    /// # Errors
    /// [`Kind::Usage`] where none is configured.
    pub fn any_resource(&self) -> Result<&Resource> {
        self.resource.as_ref().ok_or_else(|| {
            Error::new(
                Kind::Usage,
                "no ACS resource is configured",
                "set COMMUNICATION_SERVICES_CONNECTION_STRING or run `acspass config set \
                 connection-string`, which keeps it in the store; `--emulator` needs none",
            )
        })
    }
}

/// The profile that is meant: flag, then environment, then the file's own choice.
///
/// # Errors
/// [`Kind::Usage`] where it is named and does not exist.
pub fn choose_profile(
    flag: Option<&str>,
    environment: &BTreeMap<String, String>,
    file: &ConfigFile,
) -> Result<(String, Profile)> {
    let named = flag
        .or_else(|| environment.get("ACSPASS_PROFILE").map(String::as_str))
        .filter(|name| !name.trim().is_empty())
        .or_else(|| file.default_profile());
    let name = named.unwrap_or(DEFAULT_PROFILE);
    match file.profile(name) {
        Some(profile) => Ok((name.to_owned(), profile)),
        None if named.is_none() || name == DEFAULT_PROFILE => {
            Ok((name.to_owned(), Profile::default()))
        }
        None => Err(Error::new(
            Kind::Usage,
            format!("there is no profile `{}`", name.escape_debug()),
            match file.names() {
                names if names.is_empty() => {
                    format!("make it with `acspass --profile {name} config set tenant …`")
                }
                names => format!("the profiles are {}", names.join(", ")),
            },
        )),
    }
}

fn required(sources: &Sources<'_>, setting: Setting) -> Result<Found> {
    sources
        .find(setting)
        .ok_or_else(|| Error::internal(format!("`{}` has lost its default", setting.key())))
}

fn parse<T>(
    sources: &Sources<'_>,
    setting: Setting,
    parse: impl Fn(&str) -> Result<T>,
) -> Result<Option<T>> {
    sources
        .find(setting)
        .map(|found| parse(&found.text).map_err(|error| from(error, &[&found])))
        .transpose()
}

/// The host alone first, so that an error names the one value that is wrong.
fn authority(host: &Found, tenant: &Found) -> Result<Authority> {
    Authority::new(&host.text, "organizations").map_err(|error| from(error, &[host]))?;
    Authority::new(&host.text, &tenant.text).map_err(|error| from(error, &[tenant]))
}

/// Names where the wrong value came from, as the error's cause.
fn from(error: Error, found: &[&Found]) -> Error {
    let set: Vec<String> = found
        .iter()
        .filter(|found| found.origin != Origin::Default)
        .map(|found| found.origin.to_string())
        .collect();
    match set.is_empty() {
        true => error,
        false => error.caused_by(format!("the value comes from: {}", set.join(", "))),
    }
}

fn resource(sources: &Sources<'_>, emulator_stands_in: bool) -> Result<Option<Resource>> {
    let given = |text: &str| {
        ConnectionString::parse(text).map(|read| {
            Some(Resource {
                endpoint: read.endpoint,
                key: KeySource::Given(read.access_key),
            })
        })
    };
    if let Some(text) = sources.emulator.get(&Setting::ConnectionString) {
        return given(text);
    }
    if !emulator_stands_in {
        for name in [
            "COMMUNICATION_SERVICES_CONNECTION_STRING",
            "AZURE_COMMUNICATION_CONNECTION_STRING",
        ] {
            if let Some(text) = sources.variable(name) {
                return given(text)
                    .map_err(|error| error.caused_by(format!("the value comes from {name}")));
            }
        }
    }
    let Some(found) = sources.find(Setting::Endpoint) else {
        return Ok(None);
    };
    let endpoint = Endpoint::parse(&found.text).map_err(|error| from(error, &[&found]))?;
    let is_stored = sources.profile.value(Setting::ConnectionString).is_some();
    let key = match sources.variable("COMMUNICATION_SERVICES_ACCESSKEY") {
        Some(key) if found.origin != Origin::Profile => KeySource::Given(check_access_key(key)?),
        _ if found.origin == Origin::Profile && is_stored => KeySource::Stored,
        _ => KeySource::None,
    };
    Ok(Some(Resource { endpoint, key }))
}

/// Splits scopes at spaces and commas; short names become the Teams resource's.
///
/// # Errors
/// [`Kind::Usage`] where there is none.
pub fn parse_scopes(text: &str) -> Result<Vec<String>> {
    let mut scopes: Vec<String> = text
        .split([' ', ',', '\t', '\n'])
        .filter(|scope| !scope.is_empty())
        .map(|scope| match scope.contains("://") {
            true => scope.to_owned(),
            false => format!("{TEAMS_RESOURCE}{scope}"),
        })
        .collect();
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

/// The scopes, of the family that the exchange takes.
fn scopes(sources: &Sources<'_>, exchange: ExchangeKind) -> Result<Vec<String>> {
    let found = sources.find(Setting::Scopes);
    let text = match &found {
        Some(found) if found.origin != Origin::Default => found.text.as_str(),
        _ => default_scopes(exchange),
    };
    parse_scopes(text)
        .and_then(|scopes| check_family(exchange, &scopes).map(|()| scopes))
        .map_err(|error| from(error, &found.iter().collect::<Vec<_>>()))
}

/// What is asked for where nobody says.
pub fn default_scopes(exchange: ExchangeKind) -> &'static str {
    match exchange {
        ExchangeKind::Key => "Teams.ManageCalls Teams.ManageChats",
        ExchangeKind::Entra => "https://communication.azure.com/clients/.default",
        ExchangeKind::TeamsExtension => {
            "https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls"
        }
    }
}

/// Reads a kind of exchange.
///
/// # Errors
/// [`Kind::Usage`] naming the kinds.
pub fn parse_exchange(text: &str) -> Result<ExchangeKind> {
    match text {
        "key" => Ok(ExchangeKind::Key),
        "entra" => Ok(ExchangeKind::Entra),
        "teams-extension" => Ok(ExchangeKind::TeamsExtension),
        _ => Err(Error::new(
            Kind::Usage,
            format!("`{}` is not a kind of exchange", text.escape_debug()),
            "the kinds are key, entra and teams-extension",
        )),
    }
}

fn parse_store(text: &str) -> Result<StoreChoice> {
    match text {
        "keyring" => Ok(StoreChoice::Keyring),
        "memory" => Ok(StoreChoice::Memory),
        _ => Err(Error::new(
            Kind::Usage,
            format!("`{}` is not a store", text.escape_debug()),
            "the stores are keyring and memory",
        )),
    }
}

fn parse_sign_in(text: &str) -> Result<()> {
    match text {
        "browser" => Ok(()),
        _ => Err(Error::new(
            Kind::Usage,
            format!("`{}` is not a way to sign in", text.escape_debug()),
            "this version knows `browser`",
        )),
    }
}

fn parse_port(text: &str) -> Result<u16> {
    text.trim().parse().map_err(|_| {
        Error::new(
            Kind::Usage,
            format!("`{}` is not a port", text.escape_debug()),
            "ports are numbers from 1 to 65535; 0 takes a free one",
        )
    })
}
