//! The operating system's keyring, one file a platform.
//!
//! Items are bytes under `service=acspass`, `username=<item>`. All calls are made one after the
//! other on one thread with a deadline, because the other side may be a daemon that has stopped
//! or a dialog that nobody sees. What goes wrong is put into our own words here, since the errors
//! of the crates below may carry an item's bytes.

mod entry;
mod failure;
mod worker;

#[cfg(all(
    unix,
    not(any(target_os = "macos", target_os = "ios", target_os = "android"))
))]
mod secret_service;
#[cfg(all(
    unix,
    not(any(target_os = "macos", target_os = "ios", target_os = "android"))
))]
pub(crate) mod session_bus;

#[cfg_attr(target_os = "macos", path = "macos.rs")]
#[cfg_attr(windows, path = "windows.rs")]
#[cfg_attr(not(any(target_os = "macos", windows)), path = "linux.rs")]
mod platform;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use self::failure::KeyringFailure;
use self::platform::Platform;
use self::worker::{Failure, Worker};
use super::TokenStore;
#[cfg(windows)]
use super::split::Split;
use crate::error::Result;
use crate::secret::SecretBytes;

const SERVICE: &str = "acspass";

/// How long a call may take, as the contract has it.
const DEADLINE: Duration = Duration::from_secs(5);

/// The user's keyring. Nothing is opened before the first call.
pub struct KeyringStore(Kept);

/// The Credential Manager takes so much under a name and no more.
#[cfg(windows)]
type Kept = Split<Items>;

#[cfg(not(windows))]
type Kept = Items;

/// The keyring's items, each as the platform takes it.
struct Items {
    worker: Worker,
    /// Only ever used on the worker's thread, so nobody waits for it there.
    platform: Arc<Mutex<Platform>>,
}

impl KeyringStore {
    /// A store over the user's own keyring.
    pub fn new() -> Self {
        let items = Items {
            worker: Worker::new(DEADLINE),
            platform: Arc::default(),
        };
        #[cfg(windows)]
        let items = Split::new(items, platform::LIMIT);
        KeyringStore(items)
    }
}

impl Items {
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
            Err(Failure::Overdue) => KeyringFailure::TimedOut,
            Err(Failure::Lost) => KeyringFailure::DiedMidway,
        };
        Err(failure.into_error(item))
    }
}

impl TokenStore for Items {
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
            // Only where the item vanished between the search for it and the write.
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

impl TokenStore for KeyringStore {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn load(&self, item: &str) -> Result<Option<SecretBytes>> {
        self.0.load(item)
    }

    fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
        self.0.save(item, value)
    }

    fn delete(&self, item: &str) -> Result<bool> {
        self.0.delete(item)
    }

    fn items(&self) -> Result<Vec<String>> {
        self.0.items()
    }

    fn is_persistent(&self) -> bool {
        self.0.is_persistent()
    }

    fn removal_by_hand(&self, item: &str) -> String {
        self.0.removal_by_hand(item)
    }
}

impl Default for KeyringStore {
    fn default() -> Self {
        KeyringStore::new()
    }
}

impl fmt::Debug for KeyringStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyringStore")
    }
}
