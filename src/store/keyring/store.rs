//! The store in the operating system's keyring.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::failure::KeyringFailure;
#[cfg(not(any(target_os = "macos", windows)))]
use super::linux::Platform;
#[cfg(target_os = "macos")]
use super::macos::Platform;
use super::names::SERVICE;
#[cfg(windows)]
use super::windows::{self, Platform};
use super::worker::{Failure, Worker};
use crate::error::Result;
use crate::secret::SecretBytes;
#[cfg(windows)]
use crate::store::split::Split;
use crate::store::token_store::TokenStore;

/// The time limit of a call.
const DEADLINE: Duration = Duration::from_secs(5);

/// The user's keyring. It is opened by the first call.
#[cfg(not(windows))]
pub type KeyringStore = Keyring;

/// The user's keyring. It is opened by the first call. The Credential Manager limits the size of an
/// item.
#[cfg(windows)]
pub type KeyringStore = Split<Keyring>;

#[cfg(windows)]
impl Split<Keyring> {
    /// Creates a store over the user's keyring.
    pub fn new() -> Self {
        Split::over(Keyring::new(), windows::LIMIT)
    }
}

/// The keyring's items, each within the platform's limits.
pub struct Keyring {
    worker: Worker,
    /// Used only on the worker's thread, so this lock is never contended.
    platform: Arc<Mutex<Platform>>,
}

impl Keyring {
    /// Creates a store over the user's keyring.
    pub fn new() -> Self {
        Keyring {
            worker: Worker::new(DEADLINE),
            platform: Arc::default(),
        }
    }

    fn call<T: Send + 'static>(
        &self,
        item: &str,
        call: impl FnOnce(&mut Platform, &str) -> Result<T, KeyringFailure> + Send + 'static,
    ) -> Result<Option<T>> {
        let name = item.to_owned();
        let platform = Arc::clone(&self.platform);
        let outcome = self.worker.run(move || {
            let mut platform = platform.lock().unwrap_or_else(PoisonError::into_inner);
            match call(&mut platform, &name) {
                Ok(value) => Ok(Some(value)),
                Err(KeyringFailure::NoEntry) => Ok(None),
                Err(failure) => Err(failure),
            }
        });
        let failure = match outcome {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(failure)) => failure,
            Err(Failure::TimedOut) => KeyringFailure::TimedOut,
            Err(Failure::DiedMidway) => KeyringFailure::DiedMidway,
        };
        Err(failure.into_error(item))
    }
}

impl TokenStore for Keyring {
    fn name(&self) -> &'static str {
        "keyring"
    }

    fn load(&self, item: &str) -> Result<Option<SecretBytes>> {
        self.call(item, |keyring, item| {
            keyring.load(item).map(SecretBytes::new)
        })
    }

    fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
        let value = value.clone();
        match self.call(item, move |keyring, item| {
            keyring.save(item, value.expose())
        })? {
            Some(()) => Ok(()),
            // The item was deleted between the search for it and the write.
            None => Err(KeyringFailure::DiedMidway.into_error(item)),
        }
    }

    fn delete(&self, item: &str) -> Result<bool> {
        let deleted = self.call(item, |keyring, item| keyring.delete(item))?;
        Ok(deleted.is_some())
    }

    fn items(&self) -> Result<Vec<String>> {
        let items = self.call("", |keyring, _| keyring.items())?;
        Ok(items.unwrap_or_default())
    }

    fn is_persistent(&self) -> bool {
        true
    }

    fn removal_by_hand(&self, item: &str) -> String {
        Platform::removal_by_hand(SERVICE, item)
    }
}

impl Default for Keyring {
    fn default() -> Self {
        Keyring::new()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}
