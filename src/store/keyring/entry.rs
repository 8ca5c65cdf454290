//! The way through the `keyring` crate: nowhere else is it used.
//!
//! It is the only way on macOS and Windows, and on Linux the one to services that insist on an
//! encrypted session. Its errors end here: they are told apart by their kind and dropped, because
//! some carry the item's bytes.

use keyring::v1::{Entry, Error as KeyringError};

use super::SERVICE;
use super::failure::KeyringFailure;

/// The entry of this item, in the keyring that the platform has.
#[expect(clippy::disallowed_methods, reason = "the one door to the crate")]
pub(super) fn open(item: &str) -> Result<Entry, KeyringFailure> {
    // What failed when the keyring was opened is kept there; `Entry::new` only says that it did.
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

/// Creates the item or replaces it, as these modifiers of the platform's store say.
#[cfg(windows)]
pub(super) fn save_with(
    item: &str,
    value: &[u8],
    modifiers: &std::collections::HashMap<&str, &str>,
) -> Result<(), KeyringFailure> {
    // Sets the default store up, which is the platform's.
    open(item)?;
    keyring_core::Entry::new_with_modifiers(SERVICE, item, modifiers)
        .and_then(|entry| entry.set_secret(value))
        .map_err(of)
}

/// The names of our items among those that the platform's store finds by this.
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

/// The item's bytes.
pub(super) fn load(item: &str) -> Result<Vec<u8>, KeyringFailure> {
    open(item)?.get_secret().map_err(of)
}

/// Creates the item or replaces it.
#[cfg(not(windows))]
pub(super) fn save(item: &str, value: &[u8]) -> Result<(), KeyringFailure> {
    open(item)?.set_secret(value).map_err(of)
}

/// Tells a call's error.
fn of(error: KeyringError) -> KeyringFailure {
    read(&error)
}

/// Tells the error that opening the keyring ended with.
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
            // Whatever the platform means by it, it said that it gives no access.
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

    use super::super::secret_service::connect_error;
    use super::KeyringFailure;

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
    use super::KeyringFailure;

    pub(super) fn read(_cause: &(dyn std::error::Error + Send + Sync + 'static)) -> KeyringFailure {
        KeyringFailure::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn no_error_shows_what_the_keyring_held() {
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
            let told = of(error).into_error("item");
            let shown = format!("{told:?}");
            assert!(
                !shown.contains(marker) && !shown.contains("115, 51"),
                "{shown}"
            );
            assert_eq!(told.kind(), Kind::Store);
        }
    }

    #[test]
    fn a_limit_is_named_and_a_refusal_is_told_from_a_fault() {
        let long = KeyringError::TooLong("secret".to_owned(), 2560);
        let told = of(long).into_error("item");
        assert!(told.message().contains("2560 bytes"), "{told}");
        let denied = KeyringError::NoStorageAccess("access rules".into());
        assert_eq!(of(denied), KeyringFailure::Denied);
        let unknown = KeyringError::PlatformFailure("whatever".into());
        assert_eq!(of(unknown), KeyringFailure::Unknown);
        let platform = KeyringError::Invalid("platform".to_owned(), "none".to_owned());
        assert_eq!(of_opening(&platform), KeyringFailure::NoKeyring);
    }
}
