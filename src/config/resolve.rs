//! Resolves the settings to one valid [`Config`].

use std::time::Duration;

use super::addresses::{allowed_hosts, listened_at, parse_hosts, parse_origins, parse_port};
use super::choice::{SignInChoice, StoreChoice, parse_sign_in, parse_store, parse_switch};
use super::cloud::Cloud;
use super::exchange::parse_exchange;
use super::missing::{Missing, not_configured};
use super::resource::{Resource, ResourceSetting};
use super::scopes;
use super::setting::Setting;
use super::sources::{Found, Origin, Sources, with_origin};

use crate::account::Tenancy;
use crate::entra::redirect::{PasteUri, RedirectUri};
use crate::entra::{Authority, check_client_id};
use crate::error::{Error, Kind, Result};
use crate::exchange::ExchangeKind;
use crate::loopback::WebOrigin;
use crate::text::{secret_form, shell_word};
use crate::time::parse_duration;

/// The checked configuration. A setting that a command does not need may be missing.
#[derive(Debug)]
pub struct Config {
    /// The profile's name.
    pub profile: String,
    /// Entra ID and the tenant there.
    pub authority: Authority,
    /// The authority's cloud; `None` if it is not one of Microsoft's.
    pub cloud: Option<Cloud>,
    /// The tenant is not configured.
    is_any_tenant: bool,
    /// The application (client) id.
    pub client_id: Option<String>,
    /// The Entra scopes, whole and sorted.
    pub scopes: Vec<String>,
    /// The kind of exchange.
    pub exchange: ExchangeKind,
    /// The ACS resource, which is parsed when it is needed.
    resource: ResourceSetting,
    /// Further hosts to which an Entra token may be sent; from the profile only.
    pub allowed_hosts: Vec<String>,
    /// Web origins that may use the token service.
    pub allowed_origins: Vec<WebOrigin>,
    /// The store.
    pub store: StoreChoice,
    /// The validity that a fresh token has left.
    pub min_validity: Duration,
    /// The sign-in method.
    pub sign_in: SignInChoice,
    /// The redirect address of the listener.
    pub redirect_uri: RedirectUri,
    /// The redirect address for a pasted response.
    pub paste_uri: PasteUri,
    /// Declares support of Continuous Access Evaluation to Entra.
    pub continuous_access: bool,
}

impl Config {
    /// Resolves every setting.
    ///
    /// # Errors
    /// [`Kind::Usage`] with the wrong setting and the source of its value.
    pub fn resolve(profile: String, sources: &Sources<'_>) -> Result<Self> {
        check_no_secret(sources)?;
        let tenant = required(sources, Setting::Tenant)?;
        let host = required(sources, Setting::AuthorityHost)?;
        let authority = authority(&host, &tenant)?;
        let cloud = authority.address().host_str().and_then(Cloud::of_authority);
        let port = parse(sources, Setting::Port, parse_port)?.unwrap_or(0);
        let sign_in =
            parse(sources, Setting::SignIn, parse_sign_in)?.unwrap_or(SignInChoice::Browser);
        // With `paste` the address may be on another machine. A device code uses none.
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

    /// Returns the tenancy of the sessions.
    ///
    /// # Errors
    /// [`Kind::Usage`] if no client id is configured.
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

    /// Returns the ACS resource.
    ///
    /// # Errors
    /// [`Kind::Usage`] if none is configured, or an Entra token may not be sent to it.
    pub fn resource(&self) -> Result<Resource> {
        let resource = self.any_resource()?;
        resource.endpoint.check_may_receive(&self.allowed_hosts)?;
        self.check_same_cloud(&resource)?;
        Ok(resource)
    }

    /// Checks that an Entra token is not sent to another cloud, unless the profile allows the host.
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

    /// Checks the ACS resource if one is configured, for commands that do not need it yet.
    ///
    /// # Errors
    /// As [`Config::any_resource`]; [`Kind::Usage`] if it is in another cloud than the authority.
    pub fn check_resource(&self) -> Result<()> {
        match self.resource {
            ResourceSetting::None => Ok(()),
            _ => self
                .any_resource()
                .and_then(|resource| self.check_same_cloud(&resource)),
        }
    }

    /// Returns the ACS resource, for calls without a user's Entra token.
    ///
    /// # Errors
    /// [`Kind::Usage`] if none is configured, or the configured one is not valid.
    pub fn any_resource(&self) -> Result<Resource> {
        self.resource.read()
    }
}

impl Config {
    /// Returns the missing settings for a sign-in, and `with_resource` also for a Communication token.
    pub fn missing(&self, with_resource: bool) -> Vec<Missing> {
        let has_resource = !matches!(self.resource, ResourceSetting::None);
        let all = [
            (self.client_id.is_none(), Missing::ClientId),
            (with_resource && !has_resource, Missing::Resource),
        ];
        let missing = all.into_iter().filter(|(is_missing, _)| *is_missing);
        missing.map(|(_, what)| what).collect()
    }

    /// Returns whether no tenant is configured, so that `organizations` is used.
    pub fn is_any_tenant(&self) -> bool {
        self.is_any_tenant
    }
}

/// Returns the configured store, even if other settings are wrong.
///
/// # Errors
/// [`Kind::Usage`] if there is no such store.
pub fn chosen_store(sources: &Sources<'_>) -> Result<StoreChoice> {
    let store = required(sources, Setting::Store)?;
    parse_store(&store.text).map_err(|error| with_origin(error, &[&store]))
}

/// Rejects a secret in a setting that is not secret. `endpoint` is checked when it is used.
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
            return Err(with_origin(error, &[&found]));
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
        .map(|found| parse(&found.text).map_err(|error| with_origin(error, &[&found])))
        .transpose()
}

/// Parses the authority. Checks the host first, so that an error names the wrong value.
fn authority(host: &Found, tenant: &Found) -> Result<Authority> {
    Authority::new(&host.text, "organizations").map_err(|error| with_origin(error, &[host]))?;
    Authority::new(&host.text, &tenant.text).map_err(|error| with_origin(error, &[tenant]))
}
