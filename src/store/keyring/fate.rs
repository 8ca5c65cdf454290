//! What can become of a keyring call, and the words for it.
//!
//! Foreign errors end here: they are told apart by their kind and dropped, because some carry the
//! item's bytes.

use keyring::v1::Error as KeyringError;

use crate::error::{Error, Kind};

/// How a call ended that brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// There is no such item: not a failure.
    NoEntry,
    /// No session bus, or none that answers at its address.
    NoBus,
    /// A session bus on which no Secret Service runs or can be started.
    NoService,
    /// A Secret Service without a default collection.
    NoCollection,
    /// The keyring is locked, and nobody unlocked it.
    Locked,
    /// The keyring's access rules say no.
    Denied,
    /// No answer within the deadline.
    TimedOut,
    /// The connection or the service behind it ended during the call or since the last one.
    DiedMidway,
    /// Several items answer to the name.
    Ambiguous,
    /// The platform's limit for an item, in bytes.
    TooLong(u32),
    /// The item is there, but not in a form that the keyring itself understands.
    Damaged,
    /// There is no keyring on this platform that we know of.
    NoKeyring,
    /// Anything else.
    Unknown,
}

impl Fate {
    /// Tells a call's error.
    pub(super) fn of(error: KeyringError) -> Self {
        Fate::read(&error)
    }

    /// Tells the error that opening the keyring ended with.
    pub(super) fn of_opening(error: &KeyringError) -> Self {
        match error {
            KeyringError::Invalid(what, _) if what == "platform" => Fate::NoKeyring,
            error => Fate::read(error),
        }
    }

    fn read(error: &KeyringError) -> Self {
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

    /// In words, with the next step.
    pub(super) fn into_error(self, item: &str) -> Error {
        let (message, step) = match self {
            Fate::NoEntry => (
                format!("the keyring holds no item `{item}`"),
                "run `acspass login`",
            ),
            Fate::NoBus => (
                "there is no D-Bus session bus, so the keyring cannot be reached".to_owned(),
                "run inside a desktop session, or start one for this shell with `dbus-run-session -- bash` and in it `gnome-keyring-daemon --unlock`",
            ),
            Fate::NoService => (
                "no Secret Service answers on the D-Bus session bus, so there is no keyring"
                    .to_owned(),
                "install and start one, for example with `gnome-keyring-daemon --unlock --components=secrets`",
            ),
            Fate::NoCollection => (
                "the keyring has no default collection to keep items in".to_owned(),
                "create one by unlocking it with a password: `gnome-keyring-daemon --unlock --components=secrets`",
            ),
            Fate::Locked => (
                "the keyring is locked, and nothing here could ask for its password".to_owned(),
                "unlock it, for example with `gnome-keyring-daemon --unlock`, and run this again",
            ),
            Fate::Denied => (
                "the keyring denied access".to_owned(),
                "allow acspass in the keyring's own settings, or run it in your own login session",
            ),
            Fate::TimedOut => (
                "the keyring did not answer within 5 seconds".to_owned(),
                "answer the keyring's dialog if one is open, or restart the keyring service, and run this again",
            ),
            Fate::DiedMidway => (
                "the keyring service went away during the call".to_owned(),
                "run this again; if that fails too, restart it with `gnome-keyring-daemon --unlock`",
            ),
            Fate::Ambiguous => (
                format!("the keyring holds several items `{item}`"),
                "remove them all in the keyring's own program, then run `acspass login`",
            ),
            Fate::TooLong(limit) => (
                format!("the keyring takes no item larger than {limit} bytes"),
                "run `acspass logout` to shed cached tokens, then `acspass login`",
            ),
            Fate::Damaged => (
                format!("the keyring's item `{item}` is damaged"),
                "run `acspass logout --all`, then `acspass login`",
            ),
            Fate::NoKeyring => (
                "there is no keyring that acspass knows on this platform".to_owned(),
                "choose another store",
            ),
            Fate::Unknown => (
                "the keyring failed in a way that acspass does not know".to_owned(),
                "see that the keyring works with its own program, and run this again",
            ),
        };
        let hint =
            format!("{step}; to keep tokens only while a command runs, set ACSPASS_STORE=memory");
        Error::new(Kind::Store, message, hint)
    }
}

#[cfg(all(
    unix,
    not(any(target_os = "macos", target_os = "ios", target_os = "android"))
))]
mod platform {
    use std::error::Error as StdError;
    use std::io;

    use secret_service::Error as ServiceError;
    use zbus::Error as BusError;

    use super::Fate;

    pub(super) fn read(cause: &(dyn StdError + Send + Sync + 'static)) -> Fate {
        match cause.downcast_ref::<ServiceError>() {
            Some(ServiceError::Unavailable) => Fate::NoBus,
            Some(ServiceError::Locked | ServiceError::Prompt) => Fate::Locked,
            Some(ServiceError::PromptDisconnected) => Fate::DiedMidway,
            Some(ServiceError::NoResult) => Fate::NoCollection,
            Some(ServiceError::Zbus(error)) => read_bus(error),
            Some(ServiceError::ZbusFdo(zbus::fdo::Error::ZBus(error))) => read_bus(error),
            Some(ServiceError::ZbusFdo(error)) => read_name(zbus::DBusError::name(error).as_str()),
            _ => Fate::Unknown,
        }
    }

    fn read_bus(error: &BusError) -> Fate {
        match error {
            BusError::Connection(cause, _) => match cause.kind() {
                io::ErrorKind::PermissionDenied => Fate::Denied,
                _ => Fate::NoBus,
            },
            BusError::Address(_) => Fate::NoBus,
            BusError::Handshake(_) => Fate::Denied,
            BusError::InputOutput(_) => Fate::DiedMidway,
            BusError::MethodError(name, ..) => read_name(name.as_str()),
            BusError::FDO(error) => read_name(zbus::DBusError::name(error.as_ref()).as_str()),
            _ => Fate::Unknown,
        }
    }

    /// By the D-Bus error's name; the text beside it is free, so it is neither read nor shown.
    fn read_name(name: &str) -> Fate {
        let short = name
            .strip_prefix("org.freedesktop.DBus.Error.")
            .or_else(|| name.strip_prefix("org.freedesktop.Secret.Error."))
            .unwrap_or(name);
        match short {
            "ServiceUnknown" | "NameHasNoOwner" => Fate::NoService,
            started if started.starts_with("Spawn.") => Fate::NoService,
            "IsLocked" => Fate::Locked,
            "AccessDenied" | "AuthFailed" => Fate::Denied,
            "NoReply" | "Disconnected" | "NoSession" => Fate::DiedMidway,
            "Timeout" | "TimedOut" => Fate::TimedOut,
            // Objects are forgotten when the service restarts under the same name.
            "UnknownObject" | "UnknownMethod" | "NoSuchObject" => Fate::DiedMidway,
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
            let told = Fate::of(error).into_error("item");
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
        let told = Fate::of(long).into_error("item");
        assert!(told.message().contains("2560 bytes"), "{told}");
        let denied = KeyringError::NoStorageAccess("access rules".into());
        assert_eq!(Fate::of(denied), Fate::Denied);
        let unknown = KeyringError::PlatformFailure("whatever".into());
        assert_eq!(Fate::of(unknown), Fate::Unknown);
        let platform = KeyringError::Invalid("platform".to_owned(), "none".to_owned());
        assert_eq!(Fate::of_opening(&platform), Fate::NoKeyring);
    }
}
