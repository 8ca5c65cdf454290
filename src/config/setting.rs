//! The settings: their keys, environment variables, defaults and types, and the parsers of their
//! values: words, addresses and ports.

use crate::acs::Endpoint;
use crate::entra::redirect::{PasteUri, RedirectUri};
use crate::error::{Error, Result};
use crate::exchange::ExchangeKind;
use crate::loopback::WebOrigin;
use crate::text::{after_noun, as_sentence};

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
/// and value type of each. The doc comment is the description.
macro_rules! settings {
    ($($(#[doc = $doc:literal])* $name:ident: $key:literal, $variables:expr, $default:expr, $type:ident;)*) => {
        /// A setting as `config` and a profile know it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Setting {
            $($(#[doc = $doc])* $name,)*
        }

        impl Setting {
            /// Every setting, in the order in which `config list` shows them.
            pub const ALL: [Setting; [$($key),*].len()] = [$(Setting::$name),*];

            /// Returns the key in `config` and in a profile's table.
            pub fn key(self) -> &'static str {
                match self { $(Setting::$name => $key,)* }
            }

            /// Returns a description of one line, for help.
            pub fn summary(self) -> &'static str {
                let text = match self { $(Setting::$name => concat!($($doc),*),)* };
                text.trim()
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

            pub(super) fn value_type(self) -> ValueType {
                match self { $(Setting::$name => ValueType::$type,)* }
            }
        }
    };
}

settings! {
    /// Tenant: a GUID, a domain or `organizations`
    Tenant: "tenant", &["ACSPASS_TENANT_ID"], Some("organizations"), Text;
    /// Application (client) id
    ClientId: "client-id", &["ACSPASS_CLIENT_ID"], None, Text;
    /// Host of Microsoft Entra ID
    AuthorityHost: "authority-host", &["AZURE_AUTHORITY_HOST"], Some("https://login.microsoftonline.com"), Text;
    /// Entra scopes, separated by spaces
    Scopes: "scopes", &["ACSPASS_SCOPES"], Some("Teams.ManageCalls Teams.ManageChats"), List;
    /// Kind of exchange: key, entra, teams-extension or service
    Exchange: "exchange", &["ACSPASS_EXCHANGE"], Some("key"), Text;
    /// URL of the organisation's exchange service, for `exchange = service`
    ExchangeService: "exchange-service", &[], None, Text;
    /// Entra scope of the exchange service
    ExchangeServiceScope: "exchange-service-scope", &[], None, Text;
    /// Let the exchange service request the token for ACS: true or false
    OnBehalfOf: "on-behalf-of", &[], Some("false"), Switch;
    /// Endpoint of the ACS resource
    Endpoint: "endpoint", &["COMMUNICATION_SERVICES_ENDPOINT"], None, Text;
    // Its variables are `input::CONNECTION_STRING_VARIABLES`, because it is a secret.
    /// Connection string of the ACS resource; the file has a marker, the store has the secret
    ConnectionString: "connection-string", &[], None, Marker;
    /// Further hosts to which an Entra token may be sent
    AllowEndpoint: "allow-endpoint", &[], None, List;
    /// Web origins that may use the token service
    AllowOrigin: "allow-origin", &[], None, List;
    /// Store of sessions: keyring, keyutils (Linux), file or memory
    Store: "store", &["ACSPASS_STORE"], Some("keyring"), Text;
    /// Minimum validity: a fresh token has more than this left
    MinValidity: "min-validity", &[], Some("10m"), Duration;
    /// Sign-in method: browser, device-code or paste
    SignIn: "sign-in", &[], Some("browser"), Text;
    /// Port of the redirect listener; 0 selects a free one
    Port: "port", &[], Some("0"), Port;
    /// Redirect URI
    RedirectUri: "redirect-uri", &[], None, Text;
    /// Declare Continuous Access Evaluation (CAE) to Entra: true or false
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
                    format!("there is no setting {}", after_noun(key)),
                    format!("Use one of the settings {}.", Setting::keys()),
                )
            })
    }

    /// Returns the values of a setting that has no others.
    pub(crate) fn fixed_values(self) -> &'static [&'static str] {
        match self {
            Setting::Exchange => &["key", "entra", "teams-extension", "service"],
            Setting::Store if cfg!(target_os = "linux") => {
                &["keyring", "keyutils", "file", "memory"]
            }
            Setting::Store => &["keyring", "file", "memory"],
            Setting::SignIn => &["browser", "device-code", "paste"],
            Setting::Cae | Setting::OnBehalfOf => &["true", "false"],
            _ => &[],
        }
    }

    /// Returns the command-line flag of the setting, if it has one.
    pub(super) fn flag(self) -> Option<&'static str> {
        Some(match self {
            Setting::Tenant => "--tenant",
            Setting::ClientId => "--client-id",
            Setting::Scopes => "--scope",
            Setting::AllowOrigin => "--allow-origin",
            Setting::MinValidity => "--min-validity",
            Setting::Port => "--port",
            Setting::RedirectUri => "--redirect-uri",
            _ => return None,
        })
    }

    /// Returns the keys of all settings, for a hint.
    pub(super) fn keys() -> String {
        Setting::ALL.map(Setting::key).join(", ")
    }
}

/// The store of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreChoice {
    /// The operating system's keyring.
    Keyring,
    /// The Linux kernel's keyring, gone at logout.
    Keyutils,
    /// Sealed files.
    File,
    /// This process's memory.
    Memory,
}

impl StoreChoice {
    /// The word for it in the setting `store`.
    pub fn as_str(self) -> &'static str {
        match self {
            StoreChoice::Keyring => "keyring",
            StoreChoice::Keyutils => "keyutils",
            StoreChoice::File => "file",
            StoreChoice::Memory => "memory",
        }
    }
}

/// The sign-in method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignInChoice {
    /// In a browser on this machine.
    Browser,
    /// With a code on another device.
    DeviceCode,
    /// In a browser on any machine, with a pasted address.
    Paste,
}

impl SignInChoice {
    /// The word for it in the setting `sign-in`.
    pub fn as_str(self) -> &'static str {
        match self {
            SignInChoice::Browser => "browser",
            SignInChoice::DeviceCode => "device-code",
            SignInChoice::Paste => "paste",
        }
    }
}

/// Reads a store's name.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) naming the stores.
pub fn parse_store(text: &str) -> Result<StoreChoice> {
    match text.to_ascii_lowercase().as_str() {
        "keyring" => Ok(StoreChoice::Keyring),
        "keyutils" if cfg!(target_os = "linux") => Ok(StoreChoice::Keyutils),
        "keyutils" => Err(Error::usage(
            "the store `keyutils` is available on Linux only",
            "Use keyring, file or memory.",
        )),
        "file" => Ok(StoreChoice::File),
        "memory" => Ok(StoreChoice::Memory),
        _ => Err(Error::usage(
            format!("unknown store {}", after_noun(text)),
            match cfg!(target_os = "linux") {
                true => "Use keyring, keyutils, file or memory.",
                false => "Use keyring, file or memory.",
            },
        )),
    }
}

pub(super) fn parse_sign_in(text: &str) -> Result<SignInChoice> {
    match text.to_ascii_lowercase().as_str() {
        "browser" => Ok(SignInChoice::Browser),
        "device-code" => Ok(SignInChoice::DeviceCode),
        "paste" => Ok(SignInChoice::Paste),
        _ => Err(Error::usage(
            format!("unknown sign-in method {}", after_noun(text)),
            "Use browser, device-code or paste.",
        )),
    }
}

/// Parses a kind of exchange.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) with the list of kinds.
pub fn parse_exchange(text: &str) -> Result<ExchangeKind> {
    match text.to_ascii_lowercase().as_str() {
        "key" => Ok(ExchangeKind::Key),
        "entra" => Ok(ExchangeKind::Entra),
        "teams-extension" => Ok(ExchangeKind::TeamsExtension),
        "service" => Ok(ExchangeKind::Service),
        _ => Err(Error::usage(
            format!("unknown kind of exchange {}", after_noun(text)),
            "Use key, entra, teams-extension or service.",
        )),
    }
}

pub(super) fn parse_switch(text: &str) -> Result<bool> {
    text.to_ascii_lowercase().parse().map_err(|_| {
        Error::usage(
            format!("invalid switch {}", after_noun(text)),
            "Use true or false.",
        )
    })
}

pub(super) fn parse_port(text: &str) -> Result<u16> {
    text.trim().parse().map_err(|_| {
        Error::usage(
            format!("invalid port {}", after_noun(text)),
            "Use a number from 1 to 65535, or 0 for a free port.",
        )
    })
}

/// Parses the address that the listener serves. The hint names the other use of an address.
pub(super) fn parse_redirect_uri(text: &str) -> Result<RedirectUri> {
    RedirectUri::parse(text).map_err(|error| match PasteUri::parse(text) {
        Ok(_) => {
            let hint = as_sentence(error.hint());
            error.with_hint(format!(
                "{hint} For any other address, run `acspass login --paste` or `acspass config set \
                 sign-in paste`."
            ))
        }
        Err(_) => error,
    })
}

/// Parses hosts; an address stands for its host.
pub(super) fn parse_hosts(text: &str) -> Result<Vec<String>> {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    let hosts = words.map(|word| {
        let endpoint = match word.contains("://") {
            true => Endpoint::parse(word)?,
            false => Endpoint::parse(&format!("https://{word}"))?,
        };
        Ok(endpoint.host().to_owned())
    });
    hosts.collect::<Result<_>>().map_err(|_| {
        Error::usage(
            format!("invalid list of hosts {}", after_noun(text)),
            "Separate host names by spaces, as in `proxy.contoso.com acs.contoso.com`.",
        )
    })
}

pub(super) fn parse_origins(text: &str) -> Result<Vec<WebOrigin>> {
    text.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .map(WebOrigin::parse)
        .collect()
}
