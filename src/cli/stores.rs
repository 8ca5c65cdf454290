//! Where sessions are kept: the store that is chosen, and the folder beside it.

use std::collections::BTreeMap;

use crate::config::{self, Config, Sources, StoreChoice};
use crate::error::Result;
use crate::store::{FileStore, KeyringStore, MemoryStore, SessionStore, TokenStore};

use super::context::{EMULATOR, Environment};
use super::passphrase;

/// The store and what lies beside it. The emulator's world is a new one in every run, unless the
/// environment names a store for it; then it has a folder of its own.
pub(super) fn configured_store(env: &Environment, store: StoreChoice) -> Result<SessionStore> {
    match env.global.emulator && env.variable("ACSPASS_STORE").is_none() {
        true => open_store(env, StoreChoice::Memory),
        false => open_store(env, store),
    }
}

/// Every store that sessions are known to be in, the chosen one first. Settings that cannot be
/// read are no reason to stay signed in: then it is the environment's store, or the keyring.
pub(super) fn all_stores(env: &Environment) -> Result<Vec<SessionStore>> {
    let resolved = env.profile().and_then(|(name, profile)| {
        let nothing = BTreeMap::new();
        let sources = Sources {
            flags: &nothing,
            emulator: &BTreeMap::new(),
            variables: &env.variables,
            profile: &profile,
        };
        Config::resolve(name, &sources)
    });
    let chosen = match resolved {
        Ok(config) => config.store,
        Err(error) => {
            env.messages
                .warn(&format!("the settings are not used: {error}"));
            env.variable("ACSPASS_STORE")
                .and_then(|name| config::parse_store(name).ok())
                .unwrap_or(StoreChoice::Keyring)
        }
    };
    let first = open_store(env, chosen)?;
    let mut others: Vec<StoreChoice> = Vec::new();
    if let Ok(index) = first.index() {
        for entry in index.elsewhere() {
            match config::parse_store(&entry.store) {
                Ok(other) if !others.contains(&other) => others.push(other),
                _ => {}
            }
        }
    }
    let mut all = vec![first];
    for other in others {
        all.push(open_store(env, other)?);
    }
    Ok(all)
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
        StoreChoice::File => match env.checked_path("ACSPASS_STORE_KEY_FILE")? {
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
