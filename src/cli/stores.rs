//! Opens the store of sessions that is configured, or every store that has sessions.

use crate::config::{self, Config, StoreChoice};
#[cfg(not(target_os = "linux"))]
use crate::error::Error;
use crate::error::Result;
use crate::store::{FileStore, KeyringStore, MemoryStore, SessionStore, TokenStore};

use super::env_vars as var;
use super::environment::{EMULATOR, Environment};
use super::prompt::passphrase;

/// Creates the configured store, which its first call opens. Sessions with the emulator are in memory, unless the environment names
/// a store for them; they then have a folder of their own.
pub(super) fn configured_store(env: &Environment, store: StoreChoice) -> Result<SessionStore> {
    match env.global.emulator && env.variable(var::ACSPASS_STORE).is_none() {
        true => open_store(env, StoreChoice::Memory),
        false => open_store(env, store),
    }
}

/// Opens every store that has sessions, the configured one first. If the settings cannot be read,
/// that is the store of the environment, or else the keyring: `logout` must work then as well.
pub(super) fn all_stores(env: &Environment) -> Result<Vec<SessionStore>> {
    let profile = env.profile();
    let resolved =
        profile.and_then(|(name, profile)| Config::resolve(name, &env.sources(&profile)));
    let configured = match resolved {
        Ok(config) => config.store,
        Err(error) => {
            env.messages
                .warn(&format!("the settings are not used: {error}"));
            env.variable(var::ACSPASS_STORE)
                .and_then(|name| config::parse_store(name).ok())
                .unwrap_or(StoreChoice::Keyring)
        }
    };
    let first = open_store(env, configured)?;
    let mut others: Vec<StoreChoice> = Vec::new();
    if let Ok(index) = first.index() {
        for entry in index.elsewhere() {
            match config::parse_store(&entry.store) {
                Ok(other) if !others.contains(&other) => others.push(other),
                _ => {}
            }
        }
    }
    let others = others.into_iter().map(|other| open_store(env, other));
    std::iter::once(Ok(first)).chain(others).collect()
}

fn open_store(env: &Environment, choice: StoreChoice) -> Result<SessionStore> {
    if choice == StoreChoice::Memory {
        return Ok(SessionStore::new(Box::new(MemoryStore::new()), None));
    }
    let folder = env.state_folder()?;
    let folder = match env.global.emulator {
        true => folder.below(EMULATOR),
        false => folder,
    };
    let store: Box<dyn TokenStore> = match choice {
        StoreChoice::Keyring => Box::new(KeyringStore::new()),
        StoreChoice::Memory => Box::new(MemoryStore::new()),
        #[cfg(target_os = "linux")]
        StoreChoice::Keyutils => Box::new(crate::store::KeyutilsStore::new()),
        #[cfg(not(target_os = "linux"))]
        StoreChoice::Keyutils => {
            return Err(Error::internal("`keyutils` was chosen where there is none"));
        }
        StoreChoice::File => match env.checked_path(var::ACSPASS_STORE_KEY_FILE)? {
            Some(key_file) => Box::new(FileStore::with_key_file(&folder, key_file)),
            None => Box::new(FileStore::with_passphrase(
                &folder,
                passphrase::TRIES,
                passphrase::ask,
            )),
        },
    };
    Ok(SessionStore::in_folder(store, &folder))
}
