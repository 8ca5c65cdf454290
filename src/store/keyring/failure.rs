//! The failures of a keyring call, and their messages.
//!
//! The platform files reduce foreign errors to these kinds, because some contain the item's bytes.

use crate::error::{Error, Kind};

/// The failure of a keyring call.
#[allow(dead_code, reason = "no platform has all of these failures")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyringFailure {
    /// No session bus, or none at the configured address.
    NoBus,
    /// Another user runs the bus at the session bus's address.
    ForeignBus,
    /// A session bus on which no Secret Service runs or can be started.
    NoService,
    /// A Secret Service without a default collection.
    NoCollection,
    /// The keyring is locked, and was not unlocked.
    Locked,
    /// The keyring's access rules deny the call.
    Denied,
    /// No response within the deadline.
    TimedOut,
    /// The connection or the service ended during the call or since the last one.
    ServiceDisconnected,
    /// The service no longer knows this process's session.
    SessionLost,
    /// The service opens no unencrypted session.
    PlainSessionRefused,
    /// Several items have the name.
    Ambiguous,
    /// The platform's limit for an item, in bytes.
    TooLong(u32),
    /// The item is not in the keyring's format.
    Damaged,
    /// No known keyring on this platform.
    NoKeyring,
    /// Anything else.
    Unknown,
}

impl KeyringFailure {
    /// Returns the error with its next step.
    pub(super) fn into_error(self, item: &str) -> Error {
        let (message, step) = match self {
            KeyringFailure::NoBus => (
                "there is no D-Bus session bus, so the keyring cannot be reached".to_owned(),
                "run inside a desktop session, or start one for this shell with `dbus-run-session -- bash` and in it `gnome-keyring-daemon --unlock`",
            ),
            KeyringFailure::ForeignBus => (
                "another user runs the bus at the address of the D-Bus session bus, so it gets \
                 nothing"
                    .to_owned(),
                "unset DBUS_SESSION_BUS_ADDRESS if your session bus has ended, and sign in to the \
                 desktop again or run `dbus-run-session -- bash`",
            ),
            KeyringFailure::NoService => (
                "no Secret Service answers on the D-Bus session bus, so there is no keyring"
                    .to_owned(),
                "install and start one, for example with `gnome-keyring-daemon --unlock --components=secrets`",
            ),
            KeyringFailure::NoCollection => (
                "the keyring has no default collection to keep items in".to_owned(),
                "create one by unlocking it with a password: `gnome-keyring-daemon --unlock --components=secrets`",
            ),
            KeyringFailure::Locked => (
                "the keyring is locked, and nothing here could ask for its password".to_owned(),
                "unlock it, for example with `gnome-keyring-daemon --unlock`, and run this again",
            ),
            KeyringFailure::Denied => (
                "the keyring denied access".to_owned(),
                "allow acspass in the keyring's own settings, or run it in your own login session",
            ),
            KeyringFailure::TimedOut => (
                "the keyring did not answer within 5 seconds".to_owned(),
                "answer the keyring's dialog if one is open, or restart the keyring service, and run this again",
            ),
            KeyringFailure::ServiceDisconnected | KeyringFailure::SessionLost => (
                "the keyring service went away during the call".to_owned(),
                "run this again; if that fails too, restart it with `gnome-keyring-daemon --unlock`",
            ),
            KeyringFailure::PlainSessionRefused => (
                "the keyring service refused to open a session".to_owned(),
                "restart or update the keyring service, and run this again",
            ),
            KeyringFailure::Ambiguous => (
                format!("the keyring holds several items `{item}`"),
                "run `acspass logout`, which removes them all, then `acspass login`",
            ),
            KeyringFailure::TooLong(limit) => (
                format!("the keyring takes no item larger than {limit} bytes"),
                "run `acspass logout` to shed cached tokens, then `acspass login`",
            ),
            KeyringFailure::Damaged => (
                format!("the keyring's item `{item}` is damaged"),
                "run `acspass logout --all`, then `acspass login`",
            ),
            KeyringFailure::NoKeyring => (
                "there is no keyring that acspass knows on this platform".to_owned(),
                "choose another store",
            ),
            KeyringFailure::Unknown => (
                "the keyring failed in a way that acspass does not know".to_owned(),
                "see that the keyring works with its own program, and run this again",
            ),
        };
        let kernels = match cfg!(target_os = "linux") {
            true => " `keyutils` (the kernel's keyring, until logout),",
            false => "",
        };
        let hint = format!(
            "{step}. Or choose another store with ACSPASS_STORE: `file` (sealed, with a passphrase \
             or the key in ACSPASS_STORE_KEY_FILE),{kernels} or `memory` (only while a command runs)"
        );
        Error::new(Kind::Store, message, hint)
    }
}
