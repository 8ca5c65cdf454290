//! The profile that settings are written to: values into the file, the secret into the store.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::acs::ConnectionString;
use crate::config::{self, ConfigFile, Profile, Setting, Sources};
use crate::error::{Error, Kind, Result};
use crate::input;
use crate::secret::SecretBytes;
use crate::store::SessionStore;
use crate::text::{may_hold_secret, quoted};

use super::context::{Environment, stored_name};
use super::stores;

/// The profile that is written to: the one that is meant, whether it exists yet or not.
pub(super) struct Target {
    pub(super) file: ConfigFile,
    pub(super) profile: String,
}

impl Target {
    pub(super) fn of(env: &Environment) -> Result<Target> {
        let file = env.config_file_to_repair()?;
        let named = env
            .global
            .profile
            .as_deref()
            .or_else(|| env.variable("ACSPASS_PROFILE"))
            .or_else(|| file.default_profile())
            .unwrap_or(config::DEFAULT_PROFILE)
            .to_owned();
        if may_hold_secret(&named) {
            return Err(Error::new(
                Kind::Usage,
                format!("{} is not a name for a profile", quoted(&named)),
                "choose a short name, like `acspass --profile work config set tenant contoso.com`",
            ));
        }
        Ok(Target {
            file,
            profile: named,
        })
    }

    /// The settings of the profile, which may still have to be made.
    pub(super) fn settings(&self) -> Profile {
        self.file.profile(&self.profile).unwrap_or_default()
    }

    /// The store that the profile names, even if its other settings are wrong.
    pub(super) fn sessions(&self, env: &Environment) -> Result<SessionStore> {
        let sources = Sources {
            flags: &BTreeMap::new(),
            emulator: &BTreeMap::new(),
            variables: &env.variables,
            profile: &self.settings(),
        };
        stores::configured_store(env, config::chosen_store(&sources)?)
    }

    /// Writes the values, and keeps a connection string in the store: its endpoint and a marker go
    /// into the file. It is all or nothing.
    pub(super) fn keep(
        &mut self,
        sessions: &SessionStore,
        values: &[(Setting, &str)],
        connection_string: Option<&str>,
    ) -> Result<()> {
        let Some(text) = connection_string else {
            return self.file.set(&self.profile, values);
        };
        let endpoint = ConnectionString::parse(text)?.endpoint;
        check_keeps(sessions)?;
        let name = stored_name(&self.profile);
        let bare = Zeroizing::new(input::connection_string(text).into_owned());
        let secret = SecretBytes::new(bare.as_bytes().to_vec());
        sessions.save_secret(&name, &secret)?;
        let mut values = values.to_vec();
        values.push((Setting::Endpoint, endpoint.as_str()));
        values.push((Setting::ConnectionString, config::STORED));
        if let Err(error) = self.file.set(&self.profile, &values) {
            // A secret that no setting names would stay for ever.
            sessions.delete_secret(&name)?;
            return Err(error);
        }
        Ok(())
    }
}

/// Refuses a store that would lose a connection string.
fn check_keeps(sessions: &SessionStore) -> Result<()> {
    match sessions.is_persistent() {
        true => Ok(()),
        false => Err(Error::new(
            Kind::Usage,
            "the store is memory: a connection string kept there is gone when this command ends",
            "choose a store that keeps it, or set COMMUNICATION_SERVICES_CONNECTION_STRING",
        )),
    }
}
