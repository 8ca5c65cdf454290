//! Calls the `keyring` crate. No other file uses it.
//!
//! macOS and Windows use only this crate. Linux uses it for services that require an encrypted
//! session. Its errors are reduced to their kind, because some contain the item's bytes.

use keyring::v1::{Entry, Error as KeyringError};

use super::failure::KeyringFailure;
use super::names::SERVICE;

/// Opens the entry of this item in the platform's keyring.
#[expect(
    clippy::disallowed_methods,
    reason = "the only call of the crate's constructor"
)]
pub(super) fn open(item: &str) -> Result<Entry, KeyringFailure> {
    // This has the cause of a failed opening, which `Entry::new` does not return.
    if let Err(error) = Entry::store_status() {
        return Err(of_opening(error));
    }
    Entry::new(SERVICE, item).map_err(of)
}

/// Removes the item.
#[cfg(any(target_os = "macos", windows))]
pub(super) fn delete(item: &str) -> Result<(), KeyringFailure> {
    open(item)?.delete_credential().map_err(of)
}

/// Creates or replaces the item, with these modifiers of the platform's store.
#[cfg(windows)]
pub(super) fn save_with(
    item: &str,
    value: &[u8],
    modifiers: &std::collections::HashMap<&str, &str>,
) -> Result<(), KeyringFailure> {
    // Sets up the platform's store as the default store.
    open(item)?;
    keyring_core::Entry::new_with_modifiers(SERVICE, item, modifiers)
        .and_then(|entry| entry.set_secret(value))
        .map_err(of)
}

/// Returns the names of this program's items among the results of a search.
#[cfg(any(target_os = "macos", windows))]
pub(super) fn items(
    wanted: &std::collections::HashMap<&str, &str>,
) -> Result<Vec<String>, KeyringFailure> {
    open("")?;
    let found = keyring_core::Entry::search(wanted).map_err(of)?;
    let names = found.iter().filter_map(|entry| entry.get_specifiers());
    let mut names: Vec<String> = names
        .filter(|(service, _)| service == SERVICE)
        .map(|(_, user)| user)
        .collect();
    names.sort();
    Ok(names)
}

/// Returns the item's bytes.
pub(super) fn load(item: &str) -> Result<Vec<u8>, KeyringFailure> {
    open(item)?.get_secret().map_err(of)
}

/// Creates or replaces the item.
#[cfg(not(windows))]
pub(super) fn save(item: &str, value: &[u8]) -> Result<(), KeyringFailure> {
    open(item)?.set_secret(value).map_err(of)
}

/// Translates a call's error.
fn of(error: KeyringError) -> KeyringFailure {
    read(&error)
}

/// Translates the error of opening the keyring.
fn of_opening(error: &KeyringError) -> KeyringFailure {
    match error {
        KeyringError::Invalid(what, _) if what == "platform" => KeyringFailure::NoKeyring,
        error => read(error),
    }
}

fn read(error: &KeyringError) -> KeyringFailure {
    match error {
        KeyringError::NoEntry => KeyringFailure::NoEntry,
        KeyringError::Ambiguous(_) => KeyringFailure::Ambiguous,
        KeyringError::TooLong(_, limit) => KeyringFailure::TooLong(*limit),
        KeyringError::BadEncoding(_)
        | KeyringError::BadDataFormat(..)
        | KeyringError::BadStoreFormat(_) => KeyringFailure::Damaged,
        KeyringError::NoStorageAccess(cause) => match platform::read(cause.as_ref()) {
            // An unknown cause of a denied access is a denied access.
            KeyringFailure::Unknown => KeyringFailure::Denied,
            failure => failure,
        },
        KeyringError::PlatformFailure(cause) => platform::read(cause.as_ref()),
        _ => KeyringFailure::Unknown,
    }
}

#[cfg(all(
    unix,
    not(any(target_os = "macos", target_os = "ios", target_os = "android"))
))]
mod platform {
    use std::error::Error as StdError;

    use secret_service::Error as ServiceError;

    use crate::store::keyring::failure::KeyringFailure;
    use crate::store::keyring::secret_service::connect_error;

    pub(super) fn read(cause: &(dyn StdError + Send + Sync + 'static)) -> KeyringFailure {
        match cause.downcast_ref::<ServiceError>() {
            Some(ServiceError::Unavailable) => KeyringFailure::NoBus,
            Some(ServiceError::Locked | ServiceError::Prompt) => KeyringFailure::Locked,
            Some(ServiceError::PromptDisconnected) => KeyringFailure::DiedMidway,
            Some(ServiceError::NoResult) => KeyringFailure::NoCollection,
            Some(ServiceError::Zbus(error)) => connect_error::of_call(error),
            Some(ServiceError::ZbusFdo(zbus::fdo::Error::ZBus(error))) => {
                connect_error::of_call(error)
            }
            Some(ServiceError::ZbusFdo(error)) => {
                connect_error::of_name(zbus::DBusError::name(error).as_str())
            }
            _ => KeyringFailure::Unknown,
        }
    }
}

#[cfg(not(all(
    unix,
    not(any(target_os = "macos", target_os = "ios", target_os = "android"))
)))]
mod platform {
    use crate::store::keyring::failure::KeyringFailure;

    pub(super) fn read(_cause: &(dyn std::error::Error + Send + Sync + 'static)) -> KeyringFailure {
        KeyringFailure::Unknown
    }
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
            let error = of(error).into_error("item");
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
        let error = of(long).into_error("item");
        assert!(error.message().contains("2560 bytes"), "{error}");
        let denied = KeyringError::NoStorageAccess("access rules".into());
        assert_eq!(of(denied), KeyringFailure::Denied);
        let unknown = KeyringError::PlatformFailure("whatever".into());
        assert_eq!(of(unknown), KeyringFailure::Unknown);
        let platform = KeyringError::Invalid("platform".to_owned(), "none".to_owned());
        assert_eq!(of_opening(&platform), KeyringFailure::NoKeyring);
    }
}
