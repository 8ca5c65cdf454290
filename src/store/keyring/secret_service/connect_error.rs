//! Translates D-Bus errors by their kind and name. Their text is not standardized, so it is neither
//! parsed nor shown.

use std::io;

use zbus::{DBusError, Error};

use crate::store::keyring::failure::KeyringFailure;
use crate::store::keyring::session_bus::ForeignBus;

/// Translates the error of connecting to the bus.
pub(super) fn of_connecting(error: &Error) -> KeyringFailure {
    match error {
        Error::InputOutput(cause) if cause.kind() == io::ErrorKind::PermissionDenied => {
            KeyringFailure::Denied
        }
        Error::InputOutput(cause)
            if cause
                .get_ref()
                .is_some_and(|cause| cause.is::<ForeignBus>()) =>
        {
            KeyringFailure::ForeignBus
        }
        // There is no address of a bus, or no bus at it.
        Error::InputOutput(_) | Error::InterfaceNotFound => KeyringFailure::NoBus,
        error => of_call(error),
    }
}

/// Translates a call's error.
pub(crate) fn of_call(error: &Error) -> KeyringFailure {
    match error {
        Error::Connection(cause, _) => match cause.kind() {
            io::ErrorKind::PermissionDenied => KeyringFailure::Denied,
            _ => KeyringFailure::NoBus,
        },
        Error::Address(_) => KeyringFailure::NoBus,
        Error::Handshake(_) => KeyringFailure::Denied,
        Error::InputOutput(_) => KeyringFailure::DiedMidway,
        Error::MethodError(name, ..) => of_name(name.as_str()),
        Error::FDO(error) => of_name(error.name().as_str()),
        _ => KeyringFailure::Unknown,
    }
}

pub(crate) fn of_name(name: &str) -> KeyringFailure {
    let short = name
        .strip_prefix("org.freedesktop.DBus.Error.")
        .or_else(|| name.strip_prefix("org.freedesktop.Secret.Error."))
        .unwrap_or(name);
    match short {
        "ServiceUnknown" | "NameHasNoOwner" => KeyringFailure::NoService,
        started if started.starts_with("Spawn.") => KeyringFailure::NoService,
        "IsLocked" => KeyringFailure::Locked,
        "AccessDenied" | "AuthFailed" => KeyringFailure::Denied,
        "NoSession" => KeyringFailure::SessionLost,
        "NotSupported" => KeyringFailure::NotPlain,
        "NoReply" | "Disconnected" => KeyringFailure::DiedMidway,
        "Timeout" | "TimedOut" => KeyringFailure::TimedOut,
        // A restarted service does not know the objects of the previous one.
        "UnknownObject" | "UnknownMethod" | "NoSuchObject" => KeyringFailure::DiedMidway,
        _ => KeyringFailure::Unknown,
    }
}
