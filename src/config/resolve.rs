//! Resolves the settings to one valid [`Config`], with the ACS resource and its credential.

use std::time::Duration;

use super::cloud::{self, Cloud};
use super::service_settings::ServiceSettings;
use super::setting::{
    ACCESS_KEY_VARIABLE, Setting, SignInChoice, StoreChoice, parse_exchange, parse_hosts,
    parse_origins, parse_port, parse_redirect_uri, parse_sign_in, parse_store, parse_switch,
};
use super::sources::{Origin, SettingValue, Sources, with_source};
use crate::account::EntraApplication;
use crate::acs::{ConnectionString, Endpoint, check_access_key};
use crate::entra::redirect::{PasteUri, RedirectUri};
use crate::entra::{Authority, check_client_id};
use crate::error::{Error, Result};
use crate::exchange::ExchangeKind;
use crate::input;
use crate::loopback::WebOrigin;
use crate::secret::AccessKey;
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
    /// No tenant is configured, so that `organizations` is used.
    pub is_tenant_unset: bool,
    /// The application (client) id.
    pub client_id: Option<String>,
    /// The Entra scopes, whole and sorted.
    pub scopes: Vec<String>,
    /// The kind of exchange.
    pub exchange: ExchangeKind,
    /// The ACS resource. It is used when it is needed, so that a malformed connection string does not
    /// prevent a sign-out.
    resource: Option<Result<Resource>>,
    /// The exchange service.
    pub(super) service: ServiceSettings,
    /// Further hosts to which an Entra token may be sent; from the profile only.
    pub allowed_hosts: Vec<String>,
    /// Web origins that may use the token service.
    pub allowed_origins: Vec<WebOrigin>,
    /// The store.
    pub store: StoreChoice,
    /// The minimum validity: a fresh token has more than this left.
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
    /// [`Kind::Usage`](crate::Kind::Usage) with the wrong setting and the source of its value.
    pub fn resolve(profile: String, sources: &Sources<'_>) -> Result<Self> {
        check_no_secret(sources)?;
        let tenant = sources.required(Setting::Tenant)?;
        // The host first, so that an error names the wrong value.
        let host = sources.required(Setting::AuthorityHost)?;
        host.parse(|host| Authority::new(host, "organizations"))?;
        let authority = tenant.parse(|tenant| Authority::new(&host.text, tenant))?;
        let cloud = authority.url().host_str().and_then(Cloud::of_authority);
        let port = sources.required(Setting::Port)?.parse(parse_port)?;
        let sign_in = sources.required(Setting::SignIn)?.parse(parse_sign_in)?;
        // With `paste` the address may be on another machine. A device code uses none.
        let uri = Setting::RedirectUri;
        let (redirect_uri, paste_uri) = match sign_in {
            SignInChoice::Browser => (sources.parse(uri, parse_redirect_uri)?, None),
            SignInChoice::Paste => (None, sources.parse(uri, PasteUri::parse)?),
            SignInChoice::DeviceCode => (None, None),
        };
        let exchange = sources.required(Setting::Exchange)?.parse(parse_exchange)?;
        let service = ServiceSettings::read(sources)?;
        Ok(Config {
            profile,
            authority,
            cloud,
            is_tenant_unset: tenant.origin == Origin::Default,
            client_id: sources.parse(Setting::ClientId, check_client_id)?,
            scopes: cloud::scopes(sources, exchange, &service, cloud)?,
            exchange,
            resource: find_resource(sources),
            service,
            // The environment never adds one: the setting has no variable.
            allowed_hosts: match sources.find(Setting::AllowEndpoint) {
                Some(hosts) => hosts.parse(parse_hosts)?,
                None => Vec::new(),
            },
            allowed_origins: sources
                .parse(Setting::AllowOrigin, parse_origins)?
                .unwrap_or_default(),
            store: chosen_store(sources)?,
            min_validity: sources
                .required(Setting::MinValidity)?
                .parse(parse_duration)?,
            sign_in,
            continuous_access: sources.required(Setting::Cae)?.parse(parse_switch)?,
            paste_uri: paste_uri.unwrap_or_else(|| PasteUri::localhost(port)),
            redirect_uri: match redirect_uri {
                Some(uri) if port == 0 => uri,
                Some(uri) => uri.with_port(port),
                None => RedirectUri::localhost(port),
            },
        })
    }

    /// Returns the application of the sessions.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if no client id is configured.
    pub fn application(&self) -> Result<EntraApplication> {
        let none = || not_configured(&[MissingSetting::ClientId]);
        Ok(EntraApplication {
            client_id: self.client_id.clone().ok_or_else(none)?,
            authority_host: self.authority.host_and_port(),
            tenant: self.authority.tenant().to_owned(),
        })
    }

    /// Returns the ACS resource.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if none is configured, or an Entra token may not be sent to it.
    pub fn resource(&self) -> Result<Resource> {
        let resource = self.resource_unchecked()?;
        resource.endpoint.check_may_receive(&self.allowed_hosts)?;
        self.check_same_cloud(&resource)?;
        Ok(resource)
    }

    /// Checks that an Entra token is not sent to another cloud, unless the profile allows the host.
    fn check_same_cloud(&self, resource: &Resource) -> Result<()> {
        let host = resource.endpoint.host();
        let mut allowed = self.allowed_hosts.iter();
        if let (Some(ours), Some(theirs)) = (self.cloud, Cloud::of_service(host))
            && ours != theirs
            && !allowed.any(|allowed| allowed.eq_ignore_ascii_case(host))
        {
            let (authority, host) = (theirs.authority(), shell_word(host, "HOST"));
            return Err(Error::usage(
                format!(
                    "the ACS resource belongs to the {theirs}, and the authority to the {ours}: no \
                     Entra token is sent there"
                ),
                format!(
                    "Run `acspass config set authority-host {authority}`, or configure a resource \
                     of the {ours}. If both are correct, run `acspass config set allow-endpoint \
                     {host}`."
                ),
            ));
        }
        Ok(())
    }

    /// Checks what a sign-in leads to: the exchange service, whose scope it requests, or else the ACS
    /// resource if one is configured.
    ///
    /// # Errors
    /// As [`Config::exchange_service`] and [`Config::resource_unchecked`]; [`Kind::Usage`](crate::Kind::Usage)
    /// if the resource is in another cloud than the authority.
    pub fn check_issuer(&self) -> Result<()> {
        if self.uses_exchange_service() {
            return self.exchange_service().map(drop);
        }
        match &self.resource {
            None => Ok(()),
            Some(resource) => self.check_same_cloud(resource.as_ref().map_err(Error::clone)?),
        }
    }

    /// Returns the ACS resource, for calls without a user's Entra token: its cloud and host are not
    /// checked.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if none is configured, or the configured one is not valid.
    pub fn resource_unchecked(&self) -> Result<Resource> {
        let none = || Err(not_configured(&[MissingSetting::Resource]));
        self.resource.clone().unwrap_or_else(none)
    }

    /// Returns the ACS resource, which an exchange service replaces: with one it may be absent or of no use,
    /// because no Entra token is sent to it.
    ///
    /// # Errors
    /// As [`Config::resource`].
    pub fn resource_if_any(&self) -> Result<Option<Resource>> {
        match self.exchange {
            ExchangeKind::Service => Ok(self.resource_unchecked().ok()),
            _ => self.resource().map(Some),
        }
    }

    /// Returns the missing settings of the exchange service.
    pub(super) fn missing_of_service(&self) -> Vec<MissingSetting> {
        let url = self.service.url.is_none();
        let scope = self.service.scope.is_none();
        let url = url.then_some(MissingSetting::ExchangeService);
        let scope = scope.then_some(MissingSetting::ExchangeServiceScope);
        url.into_iter().chain(scope).collect()
    }

    /// Returns the missing settings for this purpose.
    pub fn missing(&self, purpose: Purpose) -> Vec<MissingSetting> {
        let client_id = self.client_id.is_none();
        let client_id = client_id.then_some(MissingSetting::ClientId);
        let issuer = match (purpose, self.exchange) {
            (Purpose::SignIn, _) => Vec::new(),
            (Purpose::CommunicationToken, ExchangeKind::Service) => self.missing_of_service(),
            (Purpose::CommunicationToken | Purpose::Resource, _) => match self.resource {
                Some(_) => Vec::new(),
                None => vec![MissingSetting::Resource],
            },
        };
        client_id.into_iter().chain(issuer).collect()
    }
}

/// What a command does with the session of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// Signs in, or requests an Entra token.
    SignIn,
    /// Requests a Communication token from the resource or an exchange service.
    CommunicationToken,
    /// Sends the Entra token to the resource.
    Resource,
}

/// A required setting that is not configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingSetting {
    /// The application (client) id.
    ClientId,
    /// The ACS resource.
    Resource,
    /// The address of the exchange service.
    ExchangeService,
    /// The scope of the exchange service.
    ExchangeServiceScope,
}

/// Returns one error for all missing settings.
pub(crate) fn not_configured(missing: &[MissingSetting]) -> Error {
    let (message, hint) = match missing {
        [MissingSetting::Resource] => (
            "no ACS resource is configured",
            "Run `acspass config set connection-string`, or set \
             COMMUNICATION_SERVICES_CONNECTION_STRING. To try acspass without a resource, run \
             `acspass get --emulator`.",
        ),
        [MissingSetting::ClientId] => (
            "no client id is configured",
            "Run `acspass config set client-id GUID`. If no application is registered yet, run \
             `acspass setup`.",
        ),
        [MissingSetting::ExchangeServiceScope] => (
            "no scope of the exchange service is configured",
            "Run `acspass config set exchange-service-scope api://CLIENT-ID/access_as_user` with the \
             scope from your organisation.",
        ),
        [
            ..,
            MissingSetting::ExchangeService | MissingSetting::ExchangeServiceScope,
        ] => (
            "the settings of the exchange service are missing",
            "Run `acspass config set exchange-service URL`, `acspass config set \
             exchange-service-scope api://CLIENT-ID/access_as_user` and `acspass config set client-id \
             GUID` with the values from your organisation.",
        ),
        _ => (
            "no client id and no ACS resource are configured",
            "Run `acspass config set client-id GUID` and `acspass config set \
             connection-string`. If no application is registered yet, run `acspass setup`. To try \
             acspass without them, run `acspass get --emulator`.",
        ),
    };
    Error::usage(message, hint)
}

/// Returns the configured store, even if other settings are wrong.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if there is no such store.
pub fn chosen_store(sources: &Sources<'_>) -> Result<StoreChoice> {
    sources.required(Setting::Store)?.parse(parse_store)
}

/// The ACS resource and its credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The key, or its source.
    pub key: KeySource,
}

/// The source of a resource's access key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySource {
    /// It was given.
    Given(AccessKey),
    /// The store keeps the connection string of this profile.
    Stored,
    /// There is none.
    None,
}

/// A resource as a user enters it, in one line.
#[derive(Debug)]
#[non_exhaustive]
pub enum GivenResource {
    /// With its key.
    ConnectionString(ConnectionString),
    /// An endpoint without a key: the credential is a principal, or the user's token.
    Endpoint(Endpoint),
}

impl GivenResource {
    /// Reads a connection string, or an endpoint. An Entra token must be allowed there, since one
    /// will be sent there: to ACS's own hosts, and to `allowed_hosts`.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) with the fault, without the text.
    pub fn parse(text: &str, allowed_hosts: &[String]) -> Result<Self> {
        let text = &*input::connection_string(text);
        let given = match text.contains([';', '=']) {
            true => GivenResource::ConnectionString(ConnectionString::parse(text)?),
            false => GivenResource::Endpoint(Endpoint::parse(text)?),
        };
        given.endpoint().check_may_receive(allowed_hosts)?;
        Ok(given)
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        match self {
            GivenResource::ConnectionString(read) => &read.endpoint,
            GivenResource::Endpoint(endpoint) => endpoint,
        }
    }
}

/// Reads the resource of the settings; `None` if there is none.
fn find_resource(sources: &Sources<'_>) -> Option<Result<Resource>> {
    let mut variables = input::CONNECTION_STRING_VARIABLES.into_iter();
    let emulated = sources.emulator.get(&Setting::ConnectionString);
    let given = match emulated {
        Some(text) => Some((text.as_str(), "the emulator")),
        None => variables.find_map(|name| Some((sources.variable(name)?, name))),
    };
    let Some((text, from)) = given else {
        return Some(resource_at_endpoint(
            sources,
            &sources.find(Setting::Endpoint)?,
        ));
    };
    let read = ConnectionString::parse(text).map_err(|error| with_source(error, from));
    Some(read.map(|read| Resource {
        endpoint: read.endpoint,
        key: KeySource::Given(read.access_key),
    }))
}

/// Reads the resource of the setting `endpoint`. The key has the same source.
fn resource_at_endpoint(sources: &Sources<'_>, found: &SettingValue) -> Result<Resource> {
    let endpoint = found.parse(Endpoint::parse)?;
    let is_from_profile = found.origin == Origin::Profile;
    let key = match sources.variable(ACCESS_KEY_VARIABLE) {
        Some(key) if !is_from_profile => {
            let key = check_access_key(key);
            KeySource::Given(key.map_err(|error| with_source(error, ACCESS_KEY_VARIABLE))?)
        }
        _ if is_from_profile && sources.profile.value(Setting::ConnectionString).is_some() => {
            KeySource::Stored
        }
        _ => KeySource::None,
    };
    Ok(Resource { endpoint, key })
}

/// Rejects a secret in a setting that is not secret. `endpoint` is checked when it is used.
fn check_no_secret(sources: &Sources<'_>) -> Result<()> {
    for setting in Setting::ALL {
        if !matches!(setting, Setting::ConnectionString | Setting::Endpoint)
            && let Some(found) = sources.find(setting)
            && let Some(form) = secret_form(&found.text)
        {
            return Err(found.explain(Error::usage(
                format!("`{}` is set to {form}", setting.key()),
                "Replace the value. Only `acspass config set connection-string` reads a secret.",
            )));
        }
    }
    Ok(())
}
