//! What D-Bus errors mean, by their kind and name. The text beside them is free, so it is neither
//! read nor shown.

use std::io;

use zbus::{DBusError, Error};

use super::super::failure::KeyringFailure;
use super::super::session_bus::ForeignBus;

/// Tells the error that connecting to the bus ended with.
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
        // The environment names no bus, or one that is not there.
        Error::InputOutput(_) | Error::InterfaceNotFound => KeyringFailure::NoBus,
        error => of_call(error),
    }
}

/// Tells a call's error.
pub(in crate::store::keyring) fn of_call(error: &Error) -> KeyringFailure {
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

pub(in crate::store::keyring) fn of_name(name: &str) -> KeyringFailure {
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
        // Objects are forgotten when the service restarts under the same name.
        "UnknownObject" | "UnknownMethod" | "NoSuchObject" => KeyringFailure::DiedMidway,
        _ => KeyringFailure::Unknown,
    }
}
