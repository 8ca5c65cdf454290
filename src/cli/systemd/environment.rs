//! What a service that starts by itself would miss: systemd gives it none of this shell's
//! environment.
//!
//! Variables that lead to folders, authorities and proxies are carried over; a setting belongs into
//! the profile; a secret goes nowhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cli::context::Environment;
use crate::config::{
    ACCESS_KEY_VARIABLE, Config, DEFAULT_PROFILE, KeySource, Origin, Profile, Setting, Sources,
    StoreChoice,
};
use crate::error::{Error, Kind, Result};
use crate::input;
use crate::text::{quoted, shell_word};

/// Paths, which are made absolute: the service starts in another folder.
const PATHS: [&str; 12] = [
    "ACSPASS_CONFIG_DIR",
    "ACSPASS_STATE_DIR",
    "ACSPASS_STORE_KEY_FILE",
    "ACSPASS_CA_FILE",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_CONFIG_DIR",
];

const PROXIES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

const PLAIN: [&str; 8] = [
    "SSL_CERT_DIR",
    "NO_PROXY",
    "no_proxy",
    "ACSPASS_LOG",
    "AZURE_AUTHORITY_HOST",
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "AZURE_TOKEN_CREDENTIALS",
];

/// What proves a right and is, or comes with, a secret.
const SECRETS: [&str; 3] = ["AZURE_CLIENT_SECRET", "IDENTITY_ENDPOINT", "MSI_ENDPOINT"];

/// Refuses settings that come from the environment: the service would run without them.
pub(super) fn check_settings(env: &Environment, name: &str, profile: &Profile) -> Result<()> {
    let nothing = BTreeMap::new();
    let sources = Sources {
        flags: &nothing,
        emulator: &nothing,
        variables: &env.variables,
        profile,
    };
    let mut lost: Vec<(&str, &str)> = Setting::ALL
        .into_iter()
        .filter_map(|setting| {
            let found = sources.find(setting)?;
            let is_in_profile = profile.value(setting) == Some(found.text);
            match found.origin {
                Origin::Environment(variable) if !is_in_profile => Some((setting.key(), variable)),
                _ => None,
            }
        })
        .collect();
    let mut secrets = input::CONNECTION_STRING_VARIABLES.to_vec();
    secrets.push(ACCESS_KEY_VARIABLE);
    let is_set = |variable: &&str| env.variable(variable).is_some();
    let key = Setting::ConnectionString.key();
    lost.extend(secrets.into_iter().filter(is_set).map(|name| (key, name)));
    let Some((first, _)) = lost.first() else {
        return Ok(());
    };
    let all: Vec<String> = lost
        .iter()
        .map(|(key, variable)| format!("{key} ({variable})"))
        .collect();
    let chosen = match name == DEFAULT_PROFILE {
        true => String::new(),
        false => format!("--profile {} ", shell_word(name, "NAME")),
    };
    Err(Error::new(
        Kind::Usage,
        format!(
            "the service would not have what the environment sets here: {}",
            all.join(", ")
        ),
        format!(
            "put each into the profile, like `acspass {chosen}config set {first} …`, unset the \
             variable, and run this again"
        ),
    ))
}

/// Refuses what a service without a person and a terminal cannot use.
pub(super) fn check_config(env: &Environment, config: &Config) -> Result<()> {
    let refused = |message: &str, hint: &str| Err(Error::new(Kind::Usage, message, hint));
    let other = "choose another one: `acspass config set store keyring`, then `acspass login`";
    match config.store {
        StoreChoice::Memory => {
            return refused(
                "the store `memory` keeps no sign-in that the service could use",
                other,
            );
        }
        StoreChoice::Keyutils => {
            return refused(
                "the store `keyutils` is this login's own, and the service does not see it",
                other,
            );
        }
        StoreChoice::File if env.variable("ACSPASS_STORE_KEY_FILE").is_none() => {
            return refused(
                "the store `file` asks for its passphrase, and the service has no terminal",
                "name a key file in ACSPASS_STORE_KEY_FILE, or choose the store keyring",
            );
        }
        StoreChoice::File | StoreChoice::Keyring => {}
    }
    let secret = SECRETS
        .into_iter()
        .find(|variable| env.variable(variable).is_some());
    match (config.any_resource()?.key, secret) {
        (KeySource::None, Some(variable)) => Err(Error::new(
            Kind::Usage,
            format!("the ACS resource is reached by {variable}, which is no setting of a service"),
            "give the profile the resource's connection string: `acspass config set \
             connection-string`; a secret is never written into a unit",
        )),
        _ => Ok(()),
    }
}

/// The variables that the service is given.
pub(super) fn carried(env: &Environment) -> Result<Vec<(&'static str, String)>> {
    let mut all = Vec::new();
    for name in PATHS {
        if let Some(path) = env.path_variable(name) {
            let path = absolute(&path)?;
            all.push((name, super::text::text_of(&path)?.to_owned()));
        }
    }
    for name in PROXIES {
        let Some(proxy) = env.variable(name) else {
            continue;
        };
        // Before a host, nothing but a user's name and password ends with this.
        if proxy.contains('@') {
            return Err(Error::new(
                Kind::Usage,
                format!("{name} holds a user name or a password, and units are no place for one"),
                "name a proxy that asks for none, like one on this machine that adds them, and run \
                 this again",
            ));
        }
        all.push((name, proxy.to_owned()));
    }
    for name in PLAIN {
        if let Some(value) = env.variable(name) {
            all.push((name, value.to_owned()));
        }
    }
    Ok(all)
}

pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|cause| {
        Error::new(
            Kind::Usage,
            format!(
                "{} cannot be made absolute",
                quoted(&path.to_string_lossy())
            ),
            "name it from the root on",
        )
        .caused_by(cause)
    })
}
