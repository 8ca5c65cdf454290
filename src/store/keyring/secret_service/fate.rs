//! What D-Bus errors mean, by their kind and name. The text beside them is free, so it is neither
//! read nor shown.

use std::io;

use zbus::{DBusError, Error};

use super::super::fate::Fate;
use super::super::session_bus::ForeignBus;

/// Tells the error that connecting to the bus ended with.
pub(super) fn of_connecting(error: &Error) -> Fate {
    match error {
        Error::InputOutput(cause) if cause.kind() == io::ErrorKind::PermissionDenied => {
            Fate::Denied
        }
        Error::InputOutput(cause)
            if cause
                .get_ref()
                .is_some_and(|cause| cause.is::<ForeignBus>()) =>
        {
            Fate::ForeignBus
        }
        // The environment names no bus, or one that is not there.
        Error::InputOutput(_) | Error::InterfaceNotFound => Fate::NoBus,
        error => of_call(error),
    }
}

/// Tells a call's error.
pub(in crate::store::keyring) fn of_call(error: &Error) -> Fate {
    match error {
        Error::Connection(cause, _) => match cause.kind() {
            io::ErrorKind::PermissionDenied => Fate::Denied,
            _ => Fate::NoBus,
        },
        Error::Address(_) => Fate::NoBus,
        Error::Handshake(_) => Fate::Denied,
        Error::InputOutput(_) => Fate::DiedMidway,
        Error::MethodError(name, ..) => of_name(name.as_str()),
        Error::FDO(error) => of_name(error.name().as_str()),
        _ => Fate::Unknown,
    }
}

pub(in crate::store::keyring) fn of_name(name: &str) -> Fate {
    let short = name
        .strip_prefix("org.freedesktop.DBus.Error.")
        .or_else(|| name.strip_prefix("org.freedesktop.Secret.Error."))
        .unwrap_or(name);
    match short {
        "ServiceUnknown" | "NameHasNoOwner" => Fate::NoService,
        started if started.starts_with("Spawn.") => Fate::NoService,
        "IsLocked" => Fate::Locked,
        "AccessDenied" | "AuthFailed" => Fate::Denied,
        "NoSession" => Fate::SessionLost,
        "NotSupported" => Fate::NotPlain,
        "NoReply" | "Disconnected" => Fate::DiedMidway,
        "Timeout" | "TimedOut" => Fate::TimedOut,
        // Objects are forgotten when the service restarts under the same name.
        "UnknownObject" | "UnknownMethod" | "NoSuchObject" => Fate::DiedMidway,
        _ => Fate::Unknown,
    }
}
