//! Calls the `keyring` crate.
//!
//! macOS and Windows use only this crate. Linux uses it for services that require an encrypted
//! session. Its errors are reduced to their kind, because some contain the item's bytes.

use std::error::Error as StdError;

use keyring::v1::{Entry, Error as KeyringError};

use super::failure::KeyringFailure;
#[cfg(not(any(target_os = "macos", windows)))]
use super::session_bus::failure_of_name;

/// The name of this program in the keyring: the attribute `service` of each item.
pub(super) const PROGRAM_NAME: &str = "acspass";

/// Opens the entry of this item in the platform's keyring.
#[expect(
    clippy::disallowed_methods,
    reason = "the only call of the crate's constructor"
)]
pub(super) fn open(item: &str) -> Result<Entry, KeyringFailure> {
    // This has the cause of a failed opening, which `Entry::new` does not return.
    Entry::store_status().as_ref()?;
    Ok(Entry::new(PROGRAM_NAME, item)?)
}

/// Returns the item's bytes; `None` if there is no such item.
pub(super) fn load(item: &str) -> Result<Option<Vec<u8>>, KeyringFailure> {
    match open(item)?.get_secret() {
        Err(KeyringError::NoEntry) => Ok(None),
        loaded => Ok(Some(loaded?)),
    }
}

/// Creates or replaces the item.
#[cfg(not(windows))]
pub(super) fn save(item: &str, value: &[u8]) -> Result<(), KeyringFailure> {
    Ok(open(item)?.set_secret(value)?)
}

impl From<KeyringError> for KeyringFailure {
    fn from(error: KeyringError) -> Self {
        KeyringFailure::from(&error)
    }
}

impl From<&KeyringError> for KeyringFailure {
    fn from(error: &KeyringError) -> Self {
        match error {
            // The item was deleted during the call.
            KeyringError::NoEntry => KeyringFailure::ServiceDisconnected,
            KeyringError::Ambiguous(_) => KeyringFailure::Ambiguous,
            KeyringError::TooLong(_, limit) => KeyringFailure::TooLong(*limit),
            KeyringError::BadEncoding(_)
            | KeyringError::BadDataFormat(..)
            | KeyringError::BadStoreFormat(_) => KeyringFailure::Damaged,
            KeyringError::NoStorageAccess(cause) => match of_platform(cause.as_ref()) {
                // An unknown cause of a denied access is a denied access.
                KeyringFailure::Unknown => KeyringFailure::Denied,
                failure => failure,
            },
            KeyringError::PlatformFailure(cause) => of_platform(cause.as_ref()),
            KeyringError::Invalid(what, _) if what == "platform" => KeyringFailure::NoKeyring,
            _ => KeyringFailure::Unknown,
        }
    }
}

#[cfg(not(any(target_os = "macos", windows)))]
fn of_platform(cause: &(dyn StdError + Send + Sync + 'static)) -> KeyringFailure {
    use secret_service::Error;

    match cause.downcast_ref() {
        Some(Error::Unavailable) => KeyringFailure::NoBus,
        Some(Error::Locked | Error::Prompt) => KeyringFailure::Locked,
        Some(Error::PromptDisconnected) => KeyringFailure::ServiceDisconnected,
        Some(Error::NoResult) => KeyringFailure::NoCollection,
        Some(Error::Zbus(error) | Error::ZbusFdo(zbus::fdo::Error::ZBus(error))) => {
            error.clone().into()
        }
        Some(Error::ZbusFdo(error)) => failure_of_name(zbus::DBusError::name(error).as_str()),
        _ => KeyringFailure::Unknown,
    }
}

#[cfg(any(target_os = "macos", windows))]
fn of_platform(_cause: &(dyn StdError + Send + Sync + 'static)) -> KeyringFailure {
    KeyringFailure::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn errors_do_not_contain_the_items_bytes() {
        let marker = "s3cr3t-marker";
        let bytes = || marker.as_bytes().to_vec();
        let errors = [
            KeyringError::BadEncoding(bytes()),
            KeyringError::BadDataFormat(bytes(), marker.into()),
            KeyringError::BadStoreFormat(marker.to_owned()),
            KeyringError::PlatformFailure(marker.into()),
            KeyringError::NoStorageAccess(marker.into()),
            KeyringError::Invalid("attribute".to_owned(), marker.to_owned()),
            KeyringError::NotSupportedByStore(marker.to_owned()),
            KeyringError::NoDefaultStore,
        ];
        for error in errors {
            let error = KeyringFailure::from(error).into_error("item");
            let shown = format!("{error:?}");
            assert!(
                !shown.contains(marker) && !shown.contains("115, 51"),
                "{shown}"
            );
            assert_eq!(error.kind(), Kind::Store);
        }
    }

    #[test]
    fn errors_name_the_limit_and_distinguish_refusals_from_faults() {
        let long = KeyringError::TooLong("secret".to_owned(), 2560);
        let error = KeyringFailure::from(long).into_error("item");
        assert!(error.message().contains("2560 bytes"), "{error}");
        let denied = KeyringError::NoStorageAccess("access rules".into());
        assert_eq!(KeyringFailure::from(denied), KeyringFailure::Denied);
        let unknown = KeyringError::PlatformFailure("whatever".into());
        assert_eq!(KeyringFailure::from(unknown), KeyringFailure::Unknown);
        let platform = KeyringError::Invalid("platform".to_owned(), "none".to_owned());
        assert_eq!(KeyringFailure::from(&platform), KeyringFailure::NoKeyring);
    }
}
