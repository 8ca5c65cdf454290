//! The way through the `keyring` crate: nowhere else is it used.
//!
//! It is the only way on macOS and Windows, and on Linux the one to services that insist on an
//! encrypted session. Its errors end here: they are told apart by their kind and dropped, because
//! some carry the item's bytes.

use keyring::v1::{Entry, Error as KeyringError};

use super::SERVICE;
use super::fate::Fate;

/// The entry of this item, in the keyring that the platform has.
#[expect(clippy::disallowed_methods, reason = "the one door to the crate")]
pub(super) fn open(item: &str) -> Result<Entry, Fate> {
    // What failed when the keyring was opened is kept there; `Entry::new` only says that it did.
    if let Err(error) = Entry::store_status() {
        return Err(of_opening(error));
    }
    Entry::new(SERVICE, item).map_err(of)
}

/// Removes the item.
#[cfg(any(target_os = "macos", windows))]
pub(super) fn delete(item: &str) -> Result<(), Fate> {
    open(item)?.delete_credential().map_err(of)
}

/// Creates the item or replaces it, as these modifiers of the platform's store say.
#[cfg(windows)]
pub(super) fn save_with(
    item: &str,
    value: &[u8],
    modifiers: &std::collections::HashMap<&str, &str>,
) -> Result<(), Fate> {
    // Sets the default store up, which is the platform's.
    open(item)?;
    keyring_core::Entry::new_with_modifiers(SERVICE, item, modifiers)
        .and_then(|entry| entry.set_secret(value))
        .map_err(of)
}

/// The names of our items among those that the platform's store finds by this.
#[cfg(any(target_os = "macos", windows))]
pub(super) fn items(wanted: &std::collections::HashMap<&str, &str>) -> Result<Vec<String>, Fate> {
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
pub(super) fn load(item: &str) -> Result<Vec<u8>, Fate> {
    open(item)?.get_secret().map_err(of)
}

/// Creates the item or replaces it.
#[cfg(not(windows))]
pub(super) fn save(item: &str, value: &[u8]) -> Result<(), Fate> {
    open(item)?.set_secret(value).map_err(of)
}

/// Tells a call's error.
fn of(error: KeyringError) -> Fate {
    read(&error)
}

/// Tells the error that opening the keyring ended with.
fn of_opening(error: &KeyringError) -> Fate {
    match error {
        KeyringError::Invalid(what, _) if what == "platform" => Fate::NoKeyring,
        error => read(error),
    }
}

fn read(error: &KeyringError) -> Fate {
    match error {
        KeyringError::NoEntry => Fate::NoEntry,
        KeyringError::Ambiguous(_) => Fate::Ambiguous,
        KeyringError::TooLong(_, limit) => Fate::TooLong(*limit),
        KeyringError::BadEncoding(_)
        | KeyringError::BadDataFormat(..)
        | KeyringError::BadStoreFormat(_) => Fate::Damaged,
        KeyringError::NoStorageAccess(cause) => match platform::read(cause.as_ref()) {
            // Whatever the platform means by it, it said that it gives no access.
            Fate::Unknown => Fate::Denied,
            fate => fate,
        },
        KeyringError::PlatformFailure(cause) => platform::read(cause.as_ref()),
        _ => Fate::Unknown,
    }
}

#[cfg(all(
    unix,
    not(any(target_os = "macos", target_os = "ios", target_os = "android"))
))]
mod platform {
    use std::error::Error as StdError;

    use secret_service::Error as ServiceError;

    use super::super::secret_service::fate;
    use super::Fate;

    pub(super) fn read(cause: &(dyn StdError + Send + Sync + 'static)) -> Fate {
        match cause.downcast_ref::<ServiceError>() {
            Some(ServiceError::Unavailable) => Fate::NoBus,
            Some(ServiceError::Locked | ServiceError::Prompt) => Fate::Locked,
            Some(ServiceError::PromptDisconnected) => Fate::DiedMidway,
            Some(ServiceError::NoResult) => Fate::NoCollection,
            Some(ServiceError::Zbus(error)) => fate::of_call(error),
            Some(ServiceError::ZbusFdo(zbus::fdo::Error::ZBus(error))) => fate::of_call(error),
            Some(ServiceError::ZbusFdo(error)) => {
                fate::of_name(zbus::DBusError::name(error).as_str())
            }
            _ => Fate::Unknown,
        }
    }
}

#[cfg(not(all(
    unix,
    not(any(target_os = "macos", target_os = "ios", target_os = "android"))
)))]
mod platform {
    use super::Fate;

    pub(super) fn read(_cause: &(dyn std::error::Error + Send + Sync + 'static)) -> Fate {
        Fate::Unknown
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
        assert_eq!(of(denied), Fate::Denied);
        let unknown = KeyringError::PlatformFailure("whatever".into());
        assert_eq!(of(unknown), Fate::Unknown);
        let platform = KeyringError::Invalid("platform".to_owned(), "none".to_owned());
        assert_eq!(of_opening(&platform), Fate::NoKeyring);
    }
}
