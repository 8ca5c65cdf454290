//! The operating system's keyring, through the `keyring` crate: nowhere else is it used.
//!
//! Items are bytes under `service=acspass`, `username=<item>`. All calls are made one after the
//! other on one thread with a deadline, because the other side may be a daemon that has stopped
//! or a dialog that nobody sees. What goes wrong is put into our own words here, since the errors
//! of the crates below may carry an item's bytes.

mod fate;
mod worker;

use std::fmt;
use std::time::Duration;

use keyring::v1::{Entry, Error as KeyringError};

use self::fate::Fate;
use self::worker::{Failure, Worker};
use super::TokenStore;
use crate::error::Result;
use crate::secret::SecretBytes;

const SERVICE: &str = "acspass";

/// How long a call may take, as the contract has it.
const DEADLINE: Duration = Duration::from_secs(5);

/// The user's keyring. Nothing is opened before the first call.
pub struct KeyringStore {
    worker: Worker,
}

impl KeyringStore {
    /// A store over the user's own keyring.
    pub fn new() -> Self {
        KeyringStore {
            worker: Worker::new(DEADLINE),
        }
    }

    fn call<T: Send + 'static>(
        &self,
        item: &str,
        call: impl FnOnce(&Entry) -> Result<T, KeyringError> + Send + 'static,
    ) -> Result<Option<T>> {
        let name = item.to_owned();
        let outcome = self.worker.run(move || {
            match entry(&name).and_then(|entry| call(&entry).map_err(Fate::of)) {
                Ok(value) => Ok(Some(value)),
                Err(Fate::NoEntry) => Ok(None),
                Err(fate) => Err(fate),
            }
        });
        let fate = match outcome {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(fate)) => fate,
            Err(Failure::Overdue) => Fate::TimedOut,
            Err(Failure::Lost) => Fate::DiedMidway,
        };
        Err(fate.into_error(item))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one door to the keyring")]
fn entry(item: &str) -> Result<Entry, Fate> {
    // What failed when the keyring was opened is kept there; `Entry::new` only says that it did.
    if let Err(error) = Entry::store_status() {
        return Err(Fate::of_opening(error));
    }
    Entry::new(SERVICE, item).map_err(Fate::of)
}

impl TokenStore for KeyringStore {
    fn name(&self) -> &'static str {
        "keyring"
    }

    fn load(&self, item: &str) -> Result<Option<SecretBytes>> {
        self.call(item, |entry| entry.get_secret().map(SecretBytes::new))
    }

    fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
        let value = value.clone();
        match self.call(item, move |entry| entry.set_secret(value.expose()))? {
            Some(()) => Ok(()),
            // Only where the item vanished between the crate's search and its write.
            None => Err(Fate::DiedMidway.into_error(item)),
        }
    }

    fn delete(&self, item: &str) -> Result<bool> {
        let deleted = self.call(item, Entry::delete_credential)?;
        Ok(deleted.is_some())
    }

    fn is_persistent(&self) -> bool {
        true
    }

    fn removal_by_hand(&self, item: &str) -> String {
        let quoted = shell_words::quote(item);
        if cfg!(target_os = "macos") {
            format!("run `security delete-generic-password -s {SERVICE} -a {quoted}`")
        } else if cfg!(windows) {
            format!("remove `{item}` of {SERVICE} in the Credential Manager")
        } else {
            format!("run `secret-tool clear service {SERVICE} username {quoted}`")
        }
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
