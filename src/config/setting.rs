//! The settings by name: what each is called, and where else it may come from.

use std::collections::BTreeMap;
use std::fmt;

use super::profile::Profile;
use crate::error::{Error, Kind, Result};
use crate::input;
use crate::text::quoted;

/// A setting as `config` and a profile know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Setting {
    /// The tenant.
    Tenant,
    /// The application (client) id.
    ClientId,
    /// Entra ID's host.
    AuthorityHost,
    /// The Entra scopes.
    Scopes,
    /// The kind of exchange.
    Exchange,
    /// A marker that the store keeps this profile's connection string; never the secret itself.
    ConnectionString,
    /// The ACS resource's endpoint.
    Endpoint,
    /// Hosts beyond ACS's own that an Entra token may be sent to.
    AllowEndpoint,
    /// Web origins whose pages may ask the token service.
    AllowOrigin,
    /// Where sessions are kept.
    Store,
    /// How much a fresh token has left.
    MinValidity,
    /// How to sign in.
    SignIn,
    /// The redirect listener's port.
    Port,
    /// The redirect URI.
    RedirectUri,
    /// Whether Continuous Access Evaluation is declared.
    Cae,
}

impl Setting {
    /// Every setting, in the order in which `config list` shows them.
    pub const ALL: [Setting; 15] = [
        Setting::Tenant,
        Setting::ClientId,
        Setting::AuthorityHost,
        Setting::Scopes,
        Setting::Exchange,
        Setting::Endpoint,
        Setting::ConnectionString,
        Setting::AllowEndpoint,
        Setting::AllowOrigin,
        Setting::Store,
        Setting::MinValidity,
        Setting::SignIn,
        Setting::Port,
        Setting::RedirectUri,
        Setting::Cae,
    ];

    /// The key in `config` and in a profile's table.
    pub fn key(self) -> &'static str {
        match self {
            Setting::Tenant => "tenant",
            Setting::ClientId => "client-id",
            Setting::AuthorityHost => "authority-host",
            Setting::Scopes => "scopes",
            Setting::Exchange => "exchange",
            Setting::ConnectionString => "connection-string",
            Setting::Endpoint => "endpoint",
            Setting::AllowEndpoint => "allow-endpoint",
            Setting::AllowOrigin => "allow-origin",
            Setting::Store => "store",
            Setting::MinValidity => "min-validity",
            Setting::SignIn => "sign-in",
            Setting::Port => "port",
            Setting::RedirectUri => "redirect-uri",
            Setting::Cae => "cae",
        }
    }

    /// The setting with this key.
    ///
    /// # Errors
    /// [`Kind::Usage`] naming the key where there is none.
    pub fn from_key(key: &str) -> Result<Self> {
        Setting::ALL
            .into_iter()
            .find(|setting| setting.key() == key)
            .ok_or_else(|| {
                let known: Vec<&str> = Setting::ALL.iter().map(|known| known.key()).collect();
                Error::new(
                    Kind::Usage,
                    format!("there is no setting {}", quoted(key)),
                    format!("the settings are {}", known.join(", ")),
                )
            })
    }

    /// The environment variables that give it, first one first. `connection-string` has its own
    /// way, since it is a secret.
    pub fn variables(self) -> &'static [&'static str] {
        match self {
            Setting::Tenant => &["ACSPASS_TENANT_ID"],
            Setting::ClientId => &["ACSPASS_CLIENT_ID"],
            Setting::AuthorityHost => &["AZURE_AUTHORITY_HOST"],
            Setting::Scopes => &["ACSPASS_SCOPES"],
            Setting::Exchange => &["ACSPASS_EXCHANGE"],
            Setting::Endpoint => &["COMMUNICATION_SERVICES_ENDPOINT"],
            Setting::Store => &["ACSPASS_STORE"],
            Setting::ConnectionString
            | Setting::AllowEndpoint
            | Setting::AllowOrigin
            | Setting::MinValidity
            | Setting::SignIn
            | Setting::Port
            | Setting::RedirectUri
            | Setting::Cae => &[],
        }
    }

    /// What holds where nothing is set.
    pub fn default_text(self) -> Option<&'static str> {
        match self {
            Setting::Tenant => Some("organizations"),
            Setting::AuthorityHost => Some("https://login.microsoftonline.com"),
            Setting::Scopes => Some("Teams.ManageCalls Teams.ManageChats"),
            Setting::Exchange => Some("key"),
            Setting::Store => Some("keyring"),
            Setting::MinValidity => Some("10m"),
            Setting::SignIn => Some("browser"),
            Setting::Port => Some("0"),
            Setting::Cae => Some("false"),
            Setting::ClientId
            | Setting::ConnectionString
            | Setting::Endpoint
            | Setting::AllowEndpoint
            | Setting::AllowOrigin
            | Setting::RedirectUri => None,
        }
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A command-line flag.
    Flag,
    /// This environment variable.
    Environment(&'static str),
    /// The profile's table in `config.toml`.
    Profile,
    /// The embedded emulator.
    Emulator,
    /// Nobody set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag => f.write_str("flag"),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Profile => f.write_str("profile"),
            Origin::Emulator => f.write_str("emulator"),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// A value as text, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The value; lists are joined by spaces.
    pub text: String,
    /// Where it came from.
    pub origin: Origin,
}

/// Everything that settings are looked up in, in order of precedence.
pub struct Sources<'a> {
    /// What was typed.
    pub flags: &'a BTreeMap<Setting, String>,
    /// What the embedded emulator stands in for.
    pub emulator: &'a BTreeMap<Setting, String>,
    /// The environment.
    pub environment: &'a BTreeMap<String, String>,
    /// The profile.
    pub profile: &'a Profile,
}

impl Sources<'_> {
    /// The value of a setting, from the first source that has one.
    pub fn find(&self, setting: Setting) -> Option<Found> {
        let found = |text: &str, origin| Found {
            text: text.to_owned(),
            origin,
        };
        if let Some(text) = self.flags.get(&setting) {
            return Some(found(text, Origin::Flag));
        }
        if let Some(text) = self.emulator.get(&setting) {
            return Some(found(text, Origin::Emulator));
        }
        for name in setting.variables() {
            if let Some(text) = self.variable(name) {
                return Some(found(text, Origin::Environment(name)));
            }
        }
        if let Some(text) = self.profile.value(setting) {
            return Some(found(&text, Origin::Profile));
        }
        setting
            .default_text()
            .map(|text| found(text, Origin::Default))
    }

    /// An environment variable, without white space and quotes around it (`docker --env-file` and
    /// cmd's `set` keep quotes). An empty one counts as unset.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment
            .get(name)
            .map(|text| input::bare(text))
            .filter(|text| !text.is_empty())
    }
}
