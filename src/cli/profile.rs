//! Changes settings of a profile: values in `config.toml`, the connection string in the store.

use zeroize::Zeroizing;

use crate::acs::ConnectionString;
use crate::config::{self, ConfigFile, Profile, Setting};
use crate::error::{Error, Result};
use crate::input;
use crate::secret::SecretBytes;
use crate::store::SessionStore;
use crate::text::{may_hold_secret, quoted};

use super::context::stored_name;
use super::environment::Environment;
use super::stores::{configured_store, lasting_stores};

/// Writes to the selected profile, which need not exist yet.
pub(super) struct ProfileEditor {
    pub(super) file: ConfigFile,
    pub(super) profile: String,
}

impl ProfileEditor {
    /// Reads the configuration file.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the name of the profile looks like a secret.
    pub(super) fn of(env: &Environment) -> Result<ProfileEditor> {
        let file = env.config_file_by(ConfigFile::read_to_repair)?;
        let flag = env.global.profile.as_deref();
        let (profile, _) = config::selected_profile(flag, &env.variables, &file);
        let profile = profile.to_owned();
        match may_hold_secret(&profile) {
            false => Ok(ProfileEditor { file, profile }),
            true => Err(Error::usage(
                format!("invalid profile name {}", quoted(&profile)),
                "Use a short name, as in `acspass --profile work config set tenant contoso.com`.",
            )),
        }
    }

    /// Returns the settings of the profile; none if it does not exist yet.
    pub(super) fn settings(&self) -> Profile {
        self.file.profile(&self.profile).unwrap_or_default()
    }

    /// Opens the store of the profile, even if other settings are invalid.
    pub(super) fn sessions(&self, env: &Environment) -> Result<SessionStore> {
        let store = config::chosen_store(&env.sources(&self.settings()))?;
        configured_store(env, store)
    }

    /// Saves a connection string: the secret in the store, its endpoint and a marker in the file. Saves
    /// all or nothing.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the store would lose the connection string.
    pub(super) fn save_connection_string(
        &mut self,
        sessions: &SessionStore,
        text: &str,
    ) -> Result<()> {
        let endpoint = ConnectionString::parse(text)?.endpoint;
        if !sessions.is_persistent() {
            return Err(Error::usage(
                "the store `memory` loses the connection string when this command ends",
                "Run `acspass config set store file`, then run the command again. Or set \
                 COMMUNICATION_SERVICES_CONNECTION_STRING.",
            ));
        }
        let name = stored_name(&self.profile);
        let bare = Zeroizing::new(input::connection_string(text).into_owned());
        sessions.save_secret(&name, &SecretBytes::new(bare.as_bytes().to_vec()))?;
        let values = [
            (Setting::Endpoint, endpoint.as_str()),
            (Setting::ConnectionString, config::STORED),
        ];
        let saved = self.file.set(&self.profile, &values);
        if saved.is_err() {
            // No setting would name the secret, so no command would delete it.
            sessions.delete_secret(&name)?;
        }
        saved
    }
}

/// Says that no store had the secret that a setting names.
pub(super) const NO_STORED_SECRET: &str = "No stored connection string was found.";

/// Deletes the stored connection string of a profile, from the configured store or else from another one:
/// the setting of the store can have changed since. Returns `false` if no store has it.
///
/// A command deletes the secret before the setting that names it: after a failure it can run again, and
/// no secret stays without a name.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) with the emulator, whose store is another one.
/// [`Kind::Store`](crate::Kind::Store) if the configured store fails.
pub(super) fn delete_connection_string(
    name: &str,
    profile: &Profile,
    env: &Environment,
) -> Result<bool> {
    if env.global.emulator {
        return Err(without_emulator());
    }
    let item = stored_name(name);
    let chosen = configured_store(env, config::chosen_store(&env.sources(profile))?)?;
    if chosen.delete_secret(&item)? {
        return Ok(true);
    }
    for other in lasting_stores(env)? {
        if other.store_name() == chosen.store_name() {
            continue;
        }
        match other.delete_secret(&item) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) => env.messages.warn(&format!(
                "could not search the store `{}` for the connection string: {error}",
                other.store_name()
            )),
        }
    }
    Ok(false)
}

/// Returns the error of a command about the stored connection string with `--emulator`: no command
/// would delete a connection string in the emulator's store.
pub(super) fn without_emulator() -> Error {
    Error::usage(
        "--emulator does not use the stored connection string of a profile",
        "Run the command without --emulator.",
    )
}

/// Warns of an environment variable with another value: it has precedence over the profile.
pub(super) fn warn_of_variable(setting: Setting, value: Option<&str>, env: &Environment) {
    let variables = match setting {
        Setting::ConnectionString => &input::CONNECTION_STRING_VARIABLES[..],
        _ => setting.variables(),
    };
    let is_other = |name: &&&str| {
        let other = env.variable(name).map(input::bare);
        other.is_some_and(|other| Some(other) != value)
    };
    if let Some(variable) = variables.iter().find(is_other) {
        env.messages.warn(&format!(
            "{variable} has precedence over {} in this shell: run `{}`",
            setting.key(),
            config::unset_command(variable)
        ));
    }
}

/// Adds to an error about `config.toml` that the secret is deleted already.
pub(super) fn after_deletion(error: Error) -> Error {
    let hint = format!(
        "The connection string is deleted, but not its setting. {} Then run the command again.",
        error.hint()
    );
    error.with_hint(hint)
}

/// Returns a description of the store for a message.
pub(super) fn store_description(sessions: &SessionStore) -> &'static str {
    match sessions.store_name() {
        "file" => "encrypted files",
        "keyutils" => "the kernel's keyring (cleared at logout from this machine)",
        _ => "the keyring",
    }
}
