//! Settings: what was typed, the environment and a profile in, one complete and valid [`Config`]
//! out.
//!
//! It is pure but for reading and writing `config.toml`. The rooms below never see a `Config`: the
//! command takes it apart into the plain values that they want.

mod addresses;
mod authorities;
mod check;
mod choice;
mod cloud;
mod form;
mod host;
mod missing;
mod profile;
mod proxies;
mod resource;
mod scopes;
mod setting;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

pub use authorities::{authority_files, leaves_out_system_authorities};
pub use check::{Change, check_change};
pub use choice::{SignInChoice, StoreChoice, parse_store};
pub use cloud::Cloud;
pub use form::STORED;
pub use host::{HostKind, Opener};
pub use missing::Missing;
pub(crate) use missing::not_configured;
pub use profile::{ConfigFile, DEFAULT_PROFILE, Profile};
pub use proxies::proxies;
pub use resource::{GivenResource, KeySource, Resource};
pub use scopes::{default_scopes, parse_scopes};
pub use setting::{ACCESS_KEY_VARIABLE, Found, Origin, Setting, Sources};

use addresses::{allowed_hosts, listened_at, parse_hosts, parse_origins, parse_port};
use choice::{parse_sign_in, parse_switch};
use resource::ResourceSetting;

use crate::account::Tenancy;
use crate::entra::redirect::{PasteUri, RedirectUri};
use crate::entra::{Authority, check_client_id};
use crate::error::{Error, Kind, Result};
use crate::exchange::ExchangeKind;
use crate::loopback::WebOrigin;
use crate::text::{quoted, secret_form, shell_word, shown};
use crate::time::parse_duration;

/// Everything that is configured, read and checked. What a command does not need may be missing.
#[derive(Debug)]
pub struct Config {
    /// The profile's name.
    pub profile: String,
    /// Entra ID and the tenant there.
    pub authority: Authority,
    /// The cloud that it is of; `None` where it is none of Microsoft's.
    pub cloud: Option<Cloud>,
    /// Nobody has set the tenant.
    is_any_tenant: bool,
    /// The application (client) id.
    pub client_id: Option<String>,
    /// The Entra scopes, whole and sorted.
    pub scopes: Vec<String>,
    /// The kind of exchange.
    pub exchange: ExchangeKind,
    /// The ACS resource, as it was found: read only by what needs it.
    resource: ResourceSetting,
    /// Hosts beyond ACS's own that an Entra token may be sent to; from the profile only.
    pub allowed_hosts: Vec<String>,
    /// Web origins whose pages may ask the token service.
    pub allowed_origins: Vec<WebOrigin>,
    /// Where sessions are kept.
    pub store: StoreChoice,
    /// How much a fresh token has left.
    pub min_validity: Duration,
    /// How a person signs in.
    pub sign_in: SignInChoice,
    /// Where the browser brings the answer.
    pub redirect_uri: RedirectUri,
    /// The same where a person brings it.
    pub paste_uri: PasteUri,
    /// Entra is told that this client understands Continuous Access Evaluation.
    pub continuous_access: bool,
}

impl Config {
    /// Resolves every setting.
    ///
    /// # Errors
    /// [`Kind::Usage`] naming the setting that is wrong, and where its value came from.
    pub fn resolve(profile: String, sources: &Sources<'_>) -> Result<Self> {
        check_no_secret(sources)?;
        let tenant = required(sources, Setting::Tenant)?;
        let host = required(sources, Setting::AuthorityHost)?;
        let authority = authority(&host, &tenant)?;
        let cloud = authority.address().host_str().and_then(Cloud::of_authority);
        let port = parse(sources, Setting::Port, parse_port)?.unwrap_or(0);
        let sign_in =
            parse(sources, Setting::SignIn, parse_sign_in)?.unwrap_or(SignInChoice::Browser);
        // An address that is not ours is right with `paste`, and unused with a device code.
        let (redirect_uri, paste_uri) = match sign_in {
            SignInChoice::Browser => (parse(sources, Setting::RedirectUri, listened_at)?, None),
            SignInChoice::Paste => (None, parse(sources, Setting::RedirectUri, PasteUri::parse)?),
            SignInChoice::DeviceCode => (None, None),
        };
        let exchange =
            parse(sources, Setting::Exchange, parse_exchange)?.unwrap_or(ExchangeKind::Key);
        Ok(Config {
            profile,
            authority,
            cloud,
            is_any_tenant: tenant.origin == Origin::Default,
            client_id: parse(sources, Setting::ClientId, check_client_id)?,
            scopes: scopes::resolve(sources, exchange, cloud)?,
            exchange,
            resource: ResourceSetting::find(sources),
            allowed_hosts: allowed_hosts(sources)
                .map(|hosts| parse_hosts(&hosts))
                .transpose()?
                .unwrap_or_default(),
            allowed_origins: parse(sources, Setting::AllowOrigin, parse_origins)?
                .unwrap_or_default(),
            store: chosen_store(sources)?,
            min_validity: parse(sources, Setting::MinValidity, parse_duration)?
                .unwrap_or(Duration::from_secs(600)),
            sign_in,
            continuous_access: parse(sources, Setting::Cae, parse_switch)?.unwrap_or(false),
            paste_uri: paste_uri.unwrap_or_else(|| PasteUri::localhost(port)),
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
        let client_id = self
            .client_id
            .clone()
            .ok_or_else(|| not_configured(&[Missing::ClientId]))?;
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
    pub fn resource(&self) -> Result<Resource> {
        let resource = self.any_resource()?;
        resource.endpoint.check_may_receive(&self.allowed_hosts)?;
        self.check_same_cloud(&resource)?;
        Ok(resource)
    }

    /// An Entra token of one cloud is not sent to another, unless the profile names the host.
    fn check_same_cloud(&self, resource: &Resource) -> Result<()> {
        let host = resource.endpoint.host();
        let is_allowed = self
            .allowed_hosts
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(host));
        match (self.cloud, Cloud::of_service(host)) {
            (Some(ours), Some(theirs)) if ours != theirs && !is_allowed => Err(Error::new(
                Kind::Usage,
                format!(
                    "the ACS resource is of the {}, and the authority of the {}: no Entra token \
                     is sent there",
                    theirs.name(),
                    ours.name()
                ),
                format!(
                    "set `authority-host` to {}, or name a resource of the {}; where both are \
                     right, run `acspass config set allow-endpoint {}`",
                    theirs.authority(),
                    ours.name(),
                    shell_word(host, "HOST")
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Checks the ACS resource, where one is configured: what needs none may still say early that
    /// the configured one will not do.
    ///
    /// # Errors
    /// As [`Config::any_resource`]; [`Kind::Usage`] where it is of another cloud than the authority.
    pub fn check_resource(&self) -> Result<()> {
        match self.resource {
            ResourceSetting::None => Ok(()),
            _ => self
                .any_resource()
                .and_then(|resource| self.check_same_cloud(&resource)),
        }
    }

    /// The ACS resource, for what sends no Entra token of a user.
    ///
    /// # Errors
    /// [`Kind::Usage`] where none is configured, or what is configured is none.
    pub fn any_resource(&self) -> Result<Resource> {
        self.resource.read()
    }
}

/// The store that is configured, whatever the other settings are: a profile with a wrong value can
/// still give up its secret.
///
/// # Errors
/// [`Kind::Usage`] if there is no such store.
pub fn chosen_store(sources: &Sources<'_>) -> Result<StoreChoice> {
    let store = required(sources, Setting::Store)?;
    parse_store(&store.text).map_err(|error| from(error, &[&store]))
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
        None if name == DEFAULT_PROFILE => Ok((name.to_owned(), Profile::default())),
        None => Err(unknown_profile(name, file)),
    }
}

/// Explains that there is no such profile, and lists those that there are.
pub fn unknown_profile(name: &str, file: &ConfigFile) -> Error {
    let others = match file.names() {
        names if names.is_empty() => {
            let name = shell_word(name, "NAME");
            format!("make it with `acspass --profile {name} config set tenant …`")
        }
        names => format!("the profiles are {}", shown(&names.join(", "))),
    };
    let hint = match file.default_profile() == Some(name) {
        true => format!(
            "{others}; run `acspass config set profile NAME`, or `acspass config unset profile` for \
             the default one"
        ),
        false => others,
    };
    Error::new(
        Kind::Usage,
        format!("there is no profile {}", quoted(name)),
        hint,
    )
}

/// Refuses a secret in a setting that is not one. `endpoint` is read later, by what needs it.
fn check_no_secret(sources: &Sources<'_>) -> Result<()> {
    let settings = Setting::ALL
        .into_iter()
        .filter(|setting| !matches!(setting, Setting::ConnectionString | Setting::Endpoint));
    for setting in settings {
        let Some(found) = sources.find(setting) else {
            continue;
        };
        if let Some(form) = secret_form(&found.text) {
            let error = Error::new(
                Kind::Usage,
                format!("`{}` is set to {form}", setting.key()),
                "replace the value; a secret is read by `acspass config set connection-string` \
                 only, which keeps it in the store",
            );
            return Err(from(error, &[&found]));
        }
    }
    Ok(())
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
        .map(|found| match &found.origin {
            Origin::Flag => "the command line".to_owned(),
            origin => origin.to_string(),
        })
        .collect();
    match set.is_empty() {
        true => error,
        false => error.caused_by(format!("the value comes from: {}", set.join(", "))),
    }
}

/// Reads a kind of exchange.
///
/// # Errors
/// [`Kind::Usage`] naming the kinds.
pub fn parse_exchange(text: &str) -> Result<ExchangeKind> {
    match text.to_ascii_lowercase().as_str() {
        "key" => Ok(ExchangeKind::Key),
        "entra" => Ok(ExchangeKind::Entra),
        "teams-extension" => Ok(ExchangeKind::TeamsExtension),
        _ => Err(Error::new(
            Kind::Usage,
            format!("{} is not a kind of exchange", quoted(text)),
            "the kinds are key, entra and teams-extension",
        )),
    }
}
