//! The environment of an installed service: systemd passes none of this shell's variables.
//!
//! Variables for folders, authorities and proxies are written into the unit. Settings must be in the
//! profile. Secrets are never written.

use std::path::{Path, PathBuf};

use crate::cli::env_vars as var;
use crate::cli::environment::Environment;
use crate::config::{
    ACCESS_KEY_VARIABLE, Config, DEFAULT_PROFILE, KeySource, Origin, Profile, Setting, StoreChoice,
};
use crate::error::{Error, Result};
use crate::input::CONNECTION_STRING_VARIABLES;
use crate::text::{quoted, shell_word};

use super::unit::text_of;

/// Refuses settings from environment variables: the service would run without them.
pub(super) fn check_settings(env: &Environment, name: &str, profile: &Profile) -> Result<()> {
    let sources = env.sources(profile);
    let settings = Setting::ALL.into_iter();
    let settings = settings.filter_map(|setting| {
        let found = sources.find(setting)?;
        let is_in_profile = profile.value(setting) == Some(found.text);
        match found.origin {
            Origin::Environment(variable) if !is_in_profile => Some((setting.key(), variable)),
            _ => None,
        }
    });
    let secrets = CONNECTION_STRING_VARIABLES
        .into_iter()
        .chain([ACCESS_KEY_VARIABLE]);
    let secrets = secrets.filter(|variable| env.variable(variable).is_some());
    let secrets = secrets.map(|variable| (Setting::ConnectionString.key(), variable));
    let lost: Vec<(&str, &str)> = settings.chain(secrets).collect();
    let Some((first, _)) = lost.first() else {
        return Ok(());
    };
    let all = lost
        .iter()
        .map(|(key, variable)| format!("{key} ({variable})"));
    let all = all.collect::<Vec<_>>().join(", ");
    let profile = match name == DEFAULT_PROFILE {
        true => String::new(),
        false => format!("--profile {} ", shell_word(name, "NAME")),
    };
    Err(Error::usage(
        format!("the service would not have what the environment sets here: {all}"),
        format!(
            "put each into the profile, like `acspass {profile}config set {first} …`, unset the \
             variable, and run this again"
        ),
    ))
}

/// Refuses a configuration that needs a user or a terminal.
pub(super) fn check_config(env: &Environment, config: &Config) -> Result<()> {
    let other = "choose another one: `acspass config set store keyring`, then `acspass login`";
    let refused = match config.store {
        StoreChoice::Memory => Some((
            "the store `memory` keeps no sign-in that the service could use",
            other,
        )),
        StoreChoice::Keyutils => Some((
            "the store `keyutils` is this login's own, and the service does not see it",
            other,
        )),
        StoreChoice::File if env.variable(var::ACSPASS_STORE_KEY_FILE).is_none() => Some((
            "the store `file` asks for its passphrase, and the service has no terminal",
            "name a key file in ACSPASS_STORE_KEY_FILE, or choose the store keyring",
        )),
        StoreChoice::File | StoreChoice::Keyring => None,
    };
    if let Some((message, hint)) = refused {
        return Err(Error::usage(message, hint));
    }
    let is_set = |variable: &&str| env.variable(variable).is_some();
    let secret = var::UNIT_SECRETS.into_iter().find(is_set);
    match (config.resource_unchecked()?.key, secret) {
        (KeySource::None, Some(variable)) => Err(Error::usage(
            format!("the ACS resource is reached by {variable}, which is no setting of a service"),
            "give the profile the resource's connection string: `acspass config set \
             connection-string`; a secret is never written into a unit",
        )),
        _ => Ok(()),
    }
}

/// Returns the variables for the unit.
pub(super) fn kept(env: &Environment) -> Result<Vec<(&'static str, String)>> {
    let mut all = Vec::new();
    for name in var::UNIT_PATHS {
        if let Some(path) = env.path_variable(name) {
            all.push((name, text_of(&absolute(&path)?)?.to_owned()));
        }
    }
    for name in var::UNIT_PROXIES {
        // Before a host, only a user name and a password end with `@`.
        if env.variable(name).is_some_and(|proxy| proxy.contains('@')) {
            return Err(Error::usage(
                format!("{name} holds a user name or a password, and units are no place for one"),
                "name a proxy that asks for none, like one on this machine that adds them, and run \
                 this again",
            ));
        }
    }
    let others = var::UNIT_PROXIES.into_iter().chain(var::UNIT_OTHERS);
    all.extend(others.filter_map(|name| Some((name, env.variable(name)?.to_owned()))));
    Ok(all)
}

/// Makes a path absolute.
pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|cause| {
        let path = quoted(&path.to_string_lossy());
        Error::usage(
            format!("{path} cannot be made absolute"),
            "name it from the root on",
        )
        .caused_by(cause)
    })
}
