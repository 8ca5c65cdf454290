//! The settings: their keys, environment variables, defaults and types.

use crate::error::{Error, Result};
use crate::text::quoted;

/// The type of a setting's value in a profile.
#[derive(Debug, Clone, Copy)]
pub(super) enum ValueType {
    /// A text.
    Text,
    /// A text, or seconds as a number.
    Duration,
    /// The marker of a value that the store keeps.
    Marker,
    /// A list of texts, joined by spaces on the command line.
    List,
    /// A number from 0 to 65535.
    Port,
    /// True or false.
    Switch,
}

/// Defines [`Setting`] from a table: name, key, environment variables (first one first), default
/// and form of each.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $key:literal, $variables:expr, $default:expr, $form:ident;)*) => {
        /// A setting as `config` and a profile know it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Setting {
            $($(#[$doc])* $name,)*
        }

        impl Setting {
            /// Every setting, in the order in which `config list` shows them.
            pub const ALL: [Setting; [$($key),*].len()] = [$(Setting::$name),*];

            /// Returns the key in `config` and in a profile's table.
            pub fn key(self) -> &'static str {
                match self { $(Setting::$name => $key,)* }
            }

            /// Returns its environment variables, in the order of precedence. `connection-string` has
            /// none here: its variables are
            /// [`CONNECTION_STRING_VARIABLES`](crate::input::CONNECTION_STRING_VARIABLES).
            pub fn variables(self) -> &'static [&'static str] {
                match self { $(Setting::$name => $variables,)* }
            }

            /// Returns the default value.
            pub fn default_text(self) -> Option<&'static str> {
                match self { $(Setting::$name => $default,)* }
            }

            pub(super) fn form(self) -> ValueType {
                match self { $(Setting::$name => ValueType::$form,)* }
            }
        }
    };
}

settings! {
    /// The tenant.
    Tenant: "tenant", &["ACSPASS_TENANT_ID"], Some("organizations"), Text;
    /// The application (client) id.
    ClientId: "client-id", &["ACSPASS_CLIENT_ID"], None, Text;
    /// Entra ID's host.
    AuthorityHost: "authority-host", &["AZURE_AUTHORITY_HOST"], Some("https://login.microsoftonline.com"), Text;
    /// The Entra scopes.
    Scopes: "scopes", &["ACSPASS_SCOPES"], Some("Teams.ManageCalls Teams.ManageChats"), List;
    /// The kind of exchange.
    Exchange: "exchange", &["ACSPASS_EXCHANGE"], Some("key"), Text;
    /// The ACS resource's endpoint.
    Endpoint: "endpoint", &["COMMUNICATION_SERVICES_ENDPOINT"], None, Text;
    // Its variables are `input::CONNECTION_STRING_VARIABLES`, because it is a secret.
    /// A marker that the store keeps this profile's connection string; never the secret itself.
    ConnectionString: "connection-string", &[], None, Marker;
    /// Further hosts to which an Entra token may be sent.
    AllowEndpoint: "allow-endpoint", &[], None, List;
    /// Web origins that may use the token service.
    AllowOrigin: "allow-origin", &[], None, List;
    /// The store.
    Store: "store", &["ACSPASS_STORE"], Some("keyring"), Text;
    /// The validity that a fresh token has left.
    MinValidity: "min-validity", &[], Some("10m"), Duration;
    /// The sign-in method.
    SignIn: "sign-in", &[], Some("browser"), Text;
    /// The redirect listener's port.
    Port: "port", &[], Some("0"), Port;
    /// The redirect URI.
    RedirectUri: "redirect-uri", &[], None, Text;
    /// Whether Continuous Access Evaluation is declared.
    Cae: "cae", &[], Some("false"), Switch;
}

/// The environment variable that gives the access key of an endpoint.
pub const ACCESS_KEY_VARIABLE: &str = "COMMUNICATION_SERVICES_ACCESSKEY";

impl Setting {
    /// Returns the setting with this key.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if there is no such key.
    pub fn from_key(key: &str) -> Result<Self> {
        Setting::ALL
            .into_iter()
            .find(|setting| setting.key() == key)
            .ok_or_else(|| {
                Error::usage(
                    format!("there is no setting {}", quoted(key)),
                    format!("the settings are {}", Setting::keys()),
                )
            })
    }

    /// Returns the keys of all settings, for a hint.
    pub(super) fn keys() -> String {
        Setting::ALL.map(Setting::key).join(", ")
    }
}
