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

/// A running daemon ignores `--unlock`, and the whole input is the password, so that a line end would be
/// a part of it.
const NEW_DAEMON_UNLOCKS: &str = "Run `read -rsp 'Password of the keyring: ' P && printf %s \"$P\" | \
     gnome-keyring-daemon --unlock --replace --components=secrets; unset P` in bash, then run the command \
     again. ";
const NEW_DAEMON_CREATES: &str = "Run `read -rsp 'Password of the new keyring: ' P && printf %s \"$P\" | \
     gnome-keyring-daemon --unlock --replace --components=secrets; unset P` in bash to create it. ";

impl KeyringFailure {
    /// Returns whether there is no keyring here, as opposed to one that fails.
    pub(super) fn is_absence(self) -> bool {
        matches!(
            self,
            KeyringFailure::NoBus | KeyringFailure::NoService | KeyringFailure::NoKeyring
        )
    }

    /// Returns the error with its next step.
    pub(super) fn into_error(self, item: &str) -> Error {
        let (message, step) = match self {
            KeyringFailure::NoBus => (
                "no keyring is available, because there is no D-Bus session bus".to_owned(),
                "",
            ),
            KeyringFailure::ForeignBus => (
                "another user owns the D-Bus session bus, so the keyring is not used".to_owned(),
                "Sign in to the desktop again, or unset DBUS_SESSION_BUS_ADDRESS. ",
            ),
            KeyringFailure::NoService => (
                "no keyring is available, because no Secret Service runs on the D-Bus session bus"
                    .to_owned(),
                "Run `gnome-keyring-daemon --unlock --components=secrets` to start one. ",
            ),
            KeyringFailure::NoCollection => (
                "the keyring has no default collection".to_owned(),
                NEW_DAEMON_CREATES,
            ),
            KeyringFailure::Locked => (
                "the keyring is locked, and cannot ask for its password here".to_owned(),
                NEW_DAEMON_UNLOCKS,
            ),
            KeyringFailure::Denied => (
                "the keyring denied access".to_owned(),
                "Allow acspass in the settings of the keyring, or use your own login session. ",
            ),
            KeyringFailure::TimedOut => (
                "the keyring timed out after 5 s".to_owned(),
                "Answer the keyring's dialog if it is open, or restart the keyring service. Then run \
                 the command again. ",
            ),
            KeyringFailure::ServiceDisconnected | KeyringFailure::SessionLost => (
                "the keyring service ended during the call".to_owned(),
                "Run the command again. If it fails again, run `gnome-keyring-daemon --unlock`. ",
            ),
            KeyringFailure::PlainSessionRefused => (
                "the keyring service refused to open a session".to_owned(),
                "Restart or update the keyring service, then run the command again. ",
            ),
            KeyringFailure::Ambiguous => (
                format!("the keyring has several items `{item}`"),
                "Run `acspass logout`, which removes all of them, then `acspass login`. ",
            ),
            KeyringFailure::TooLong(limit) => (
                format!("the keyring accepts no item larger than {limit} bytes"),
                "Run `acspass logout` to remove cached tokens, then `acspass login`. ",
            ),
            KeyringFailure::Damaged => (
                format!("the keyring's item `{item}` is damaged"),
                "Run `acspass logout --all`, then `acspass login`. ",
            ),
            KeyringFailure::NoKeyring => (
                "acspass supports no keyring on this platform".to_owned(),
                "",
            ),
            KeyringFailure::Unknown => (
                "the keyring failed with an unknown error".to_owned(),
                "Check the keyring with its own program, then run the command again. ",
            ),
        };
        let or = if step.is_empty() { "Run" } else { "Or run" };
        let other_store = match cfg!(target_os = "linux") {
            true => {
                "`acspass config set store keyutils` to use the kernel's keyring, which is cleared at \
                 logout, or `acspass config set store file` to use encrypted files."
            }
            false => "`acspass config set store file` to use encrypted files.",
        };
        Error::new(Kind::Store, message, format!("{step}{or} {other_store}"))
    }
}
