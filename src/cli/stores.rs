//! Creates the stores of sessions: the configured one, and others that can have sessions.

use crate::config::{self, Config, StoreChoice};
use crate::entra::MetadataCache;
#[cfg(not(target_os = "linux"))]
use crate::error::Error;
use crate::error::Result;
use crate::store::{
    FileStore, KeyringStore, MemoryStore, SessionStore, TokenStore, UnfinishedMigration,
};

use super::env_vars as var;
use super::environment::Environment;
use super::prompt::passphrase;

/// Creates the configured store. Sessions with the emulator are in memory, unless the environment
/// names a store for them; they then have a folder of their own.
pub(super) fn configured_store(env: &Environment, store: StoreChoice) -> Result<SessionStore> {
    open_store(env, store_in_use(env, store))
}

/// Returns the store in use: that of the emulator is in memory unless the environment names one.
fn store_in_use(env: &Environment, store: StoreChoice) -> StoreChoice {
    match env.global.emulator && env.variable(var::ACSPASS_STORE).is_none() {
        true => StoreChoice::Memory,
        false => store,
    }
}

/// Creates the cache of metadata, which lasts as long as the store.
pub(super) fn metadata_cache(env: &Environment, store: StoreChoice) -> Result<MetadataCache> {
    Ok(match store_in_use(env, store) {
        StoreChoice::Memory => MetadataCache::default(),
        _ => MetadataCache::in_folder(env.sessions_folder()?),
    })
}

/// Creates every store that has sessions, the configured one first. If the settings cannot be read,
/// that is the store of the environment, or else the keyring: `logout` must work then as well.
pub(super) fn all_stores(env: &Environment) -> Result<Vec<SessionStore>> {
    let resolved = env
        .profile()
        .and_then(|(name, profile)| Config::resolve(name, &env.sources(&profile)));
    let configured = match resolved {
        Ok(config) => config.store,
        Err(error) => {
            env.messages
                .warn(&format!("the settings are ignored: {error}"));
            env.variable(var::ACSPASS_STORE)
                .and_then(|name| config::parse_store(name).ok())
                .unwrap_or(StoreChoice::Keyring)
        }
    };
    let first = open_store(env, configured)?;
    let index = first.index().ok();
    let elsewhere = index.iter().flat_map(|index| index.elsewhere());
    let listed = elsewhere.map(|entry| entry.store.as_str());
    // A killed migration may have copied a session that the index does not list yet.
    let folder = env.sessions_folder();
    let unfinished = folder.and_then(|folder| UnfinishedMigration::read(&folder));
    let unfinished = unfinished.ok().flatten();
    let copies = unfinished.iter();
    let copies = copies.filter_map(|it| it.counterpart(first.store_name()));
    let mut others: Vec<StoreChoice> = Vec::new();
    let names = listed.chain(copies);
    for other in names.filter_map(|name| config::parse_store(name).ok()) {
        if !others.contains(&other) {
            others.push(other);
        }
    }
    let others = others.into_iter().map(|other| open_store(env, other));
    std::iter::once(Ok(first)).chain(others).collect()
}

/// Creates each store that can have saved a secret.
pub(super) fn lasting_stores(env: &Environment) -> Result<Vec<SessionStore>> {
    let keyutils = cfg!(target_os = "linux").then_some(StoreChoice::Keyutils);
    let choices = [
        Some(StoreChoice::Keyring),
        keyutils,
        Some(StoreChoice::File),
    ];
    let choices = choices.into_iter().flatten();
    choices.map(|choice| open_store(env, choice)).collect()
}

/// Creates a store, which its first call opens.
pub(super) fn open_store(env: &Environment, choice: StoreChoice) -> Result<SessionStore> {
    let store: Box<dyn TokenStore> = match choice {
        StoreChoice::Memory => return Ok(SessionStore::new(Box::new(MemoryStore::new()), None)),
        StoreChoice::Keyring => Box::new(KeyringStore::new()),
        #[cfg(target_os = "linux")]
        StoreChoice::Keyutils => Box::new(crate::store::KeyutilsStore::new()),
        #[cfg(not(target_os = "linux"))]
        StoreChoice::Keyutils => {
            return Err(Error::internal(
                "the store `keyutils` is used on Linux only",
            ));
        }
        StoreChoice::File => {
            let folder = env.sessions_folder()?;
            Box::new(match env.checked_path(var::ACSPASS_STORE_KEY_FILE)? {
                Some(key_file) => FileStore::with_key_file(&folder, key_file),
                None => FileStore::with_passphrase(&folder, passphrase::TRIES, passphrase::ask),
            })
        }
    };
    Ok(SessionStore::in_folder(store, &env.sessions_folder()?))
}
