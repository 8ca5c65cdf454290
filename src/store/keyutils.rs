//! The Linux kernel's keyring, for SSH sessions and containers.
//!
//! Items are keys of type `user` in the session keyring, which the kernel has in memory until logout
//! or reboot. `pam_keyinit` creates one for each login, which other logins do not see. Without it, as
//! in most containers, all processes of the user share one until the reboot. All logins share the
//! user keyring, but since Linux 5.3 it outlives them. The limits are 20,000 bytes for a user other
//! than root, including names, and 32,767 bytes for a key.

use linux_keyutils::{Key, KeyError, KeyRing, KeyRingIdentifier, KeySerialId};

use super::split::Split;
use super::token_store::{LoginSession, TokenStore};
use crate::error::{Error, Kind, Result};
use crate::secret::SecretBytes;

/// The largest payload of a key in bytes, without [`FORM`].
const LIMIT: usize = 32_766;

/// The first byte of each payload, because the kernel rejects an empty one.
const FORM: u8 = b'1';

/// The default limit of root's keys; other users have fewer (`/proc/sys/kernel/keys`).
const MAX_KEYS: usize = 1_000_000;

/// The start of the keys' descriptions.
const PREFIX: &str = "acspass:";

/// Stores items in the kernel's keyring.
pub type KeyutilsStore = Split<Keys>;

impl Split<Keys> {
    /// Creates a store over the login session's keyring in the kernel. Makes no call to it.
    pub fn new() -> Self {
        Split::over(Keys, LIMIT)
    }
}

impl Default for Split<Keys> {
    fn default() -> Self {
        KeyutilsStore::new()
    }
}

/// The keys of the session keyring, each of at most [`LIMIT`] bytes.
#[derive(Debug)]
pub struct Keys;

impl Keys {
    /// Returns the session keyring, and links it to the process's keyring.
    ///
    /// Only a process that possesses a key may read it: the key must be reachable from one of the
    /// process's keyrings. That is not so for the kernel's default session keyring, until it is
    /// linked.
    fn ring() -> Result<KeyRing> {
        let linked = || {
            let process = KeyRing::from_special_id(KeyRingIdentifier::Process, true)?;
            let session = Keys::session()?;
            // At each call, since the link does not reach threads that started before it.
            process.link_keyring(session)?;
            Ok(session)
        };
        linked().map_err(to_error)
    }

    /// Returns the keyring of this login.
    fn session() -> Result<KeyRing, KeyError> {
        // A created one would belong to this process only.
        let session = KeyRing::from_special_id(KeyRingIdentifier::Session, false)?;
        // After `su` it may belong to the other user.
        if session.metadata()?.get_uid() == rustix::process::geteuid().as_raw() {
            return Ok(session);
        }
        KeyRing::from_special_id(KeyRingIdentifier::UserSession, true)
    }

    /// Returns the key of this item; `None` if there is none, or it has expired.
    fn find(item: &str) -> Result<Option<(KeyRing, Key)>> {
        let ring = Keys::ring()?;
        let key = found(ring.search(&description(item)))?;
        Ok(key.map(|key| (ring, key)))
    }
}

impl TokenStore for Keys {
    fn name(&self) -> &'static str {
        "keyutils"
    }

    fn load(&self, item: &str) -> Result<Option<SecretBytes>> {
        let Some((_, key)) = Keys::find(item)? else {
            return Ok(None);
        };
        let payload = found(key.read_to_vec())?;
        Ok(payload.map(|payload| match payload.strip_prefix(&[FORM]) {
            Some(value) => SecretBytes::new(value.to_vec()),
            None => SecretBytes::new(payload),
        }))
    }

    fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
        let payload = SecretBytes::new([&[FORM], value.expose()].concat());
        // An existing key is updated atomically.
        let added = Keys::ring()?.add_key(&description(item), payload.expose());
        added.map(drop).map_err(to_error)
    }

    fn delete(&self, item: &str) -> Result<bool> {
        match Keys::find(item)? {
            Some((ring, key)) => Ok(found(ring.unlink_key(key))?.is_some()),
            None => Ok(false),
        }
    }

    fn items(&self) -> Result<Vec<String>> {
        let links = Keys::ring()?.get_links(MAX_KEYS).map_err(to_error)?;
        let item_of = |key: Key| {
            let metadata = key.metadata().ok()?;
            let item = metadata.get_description().strip_prefix(PREFIX)?;
            Some(item.to_owned())
        };
        let keys = links.iter().filter_map(|link| link.as_key());
        let mut items: Vec<String> = keys.filter_map(item_of).collect();
        items.sort();
        Ok(items)
    }

    fn is_persistent(&self) -> bool {
        true
    }

    fn lacks_room(&self, failure: &Error) -> bool {
        let cause = std::error::Error::source(failure);
        let cause = cause.and_then(|cause| cause.downcast_ref());
        matches!(cause, Some(KeyError::QuotaExceeded | KeyError::OutOfMemory))
    }

    /// Identifies the login by the machine's name, its boot and the keyring's serial number. Serial
    /// numbers are random and unique at a time.
    fn login_session(&self) -> LoginSession {
        let serial = match Keys::session() {
            Ok(session) => serial_of(session),
            Err(KeyError::KeyRevoked | KeyError::KeyExpired) => return LoginSession::Ended,
            Err(_) => None,
        };
        match (serial, machine()) {
            (Some(serial), Some((name, boot))) => {
                LoginSession::Own(format!("{name} {boot} {serial}"))
            }
            _ => LoginSession::Unknown,
        }
    }

    /// A keyring ends with the machine's boot, or with its login. The state of logins on other
    /// machines, which may share a home folder, is unknown.
    fn has_ended(&self, login: &str) -> bool {
        let words: Vec<&str> = login.split(' ').collect();
        let ([name, boot, serial, ..], Some((this_name, this_boot))) = (&words[..], machine())
        else {
            return false;
        };
        if *boot != this_boot {
            return *name == this_name;
        }
        let Ok(serial) = serial.parse().map(KeySerialId::new) else {
            return false;
        };
        // A read with an empty buffer: the kernel checks that the keyring exists.
        matches!(
            Key::from_id(serial).read(&mut []),
            Err(KeyError::KeyDoesNotExist | KeyError::KeyRevoked | KeyError::KeyExpired)
        )
    }

    fn removal_by_hand(&self, item: &str) -> String {
        let quoted = shell_words::quote(&description(item)).into_owned();
        format!("run `keyctl purge user {quoted}`")
    }
}

/// Returns the machine's name and the id of its boot.
fn machine() -> Option<(String, String)> {
    let read = |path| {
        let text = std::fs::read_to_string(path).ok()?;
        let word = text.trim();
        (!word.is_empty() && !word.contains(' ')).then(|| word.to_owned())
    };
    let name = read("/proc/sys/kernel/hostname")?;
    Some((name, read("/proc/sys/kernel/random/boot_id")?))
}

/// Returns the keyring's serial number, which the crate shows only in its debug output.
fn serial_of(ring: KeyRing) -> Option<i32> {
    let shown = format!("{ring:?}");
    let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn description(item: &str) -> String {
    format!("{PREFIX}{item}")
}

/// Treats an expired or revoked key as missing.
fn found<T>(outcome: Result<T, KeyError>) -> Result<Option<T>> {
    match outcome {
        Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => Ok(None),
        outcome => outcome.map(Some).map_err(to_error),
    }
}

/// Translates an error. These errors contain only their kind.
fn to_error(error: KeyError) -> Error {
    let (message, step) = match error {
        KeyError::QuotaExceeded | KeyError::OutOfMemory => (
            "the kernel's keyring is full",
            "Run `acspass logout` to sign out an account. `/proc/key-users` shows the use of the \
             keyring.",
        ),
        KeyError::AccessDenied => (
            "the kernel's keyring denied access to a key of acspass",
            "Run `keyctl session - bash` for a session with its own keyring, and use acspass in it.",
        ),
        KeyError::KeyRevoked | KeyError::KeyExpired => (
            "the kernel's keyring of this login has ended",
            "Log in to this machine again, and run the command there.",
        ),
        // The result of a container's seccomp profile.
        KeyError::PermissionDenied => (
            "access to the kernel's keyring is not permitted",
            "Allow the system calls add_key, keyctl and request_key in the container.",
        ),
        KeyError::OperationNotSupported | KeyError::Unknown(_) => (
            "this kernel has no keyring",
            "Use a kernel that was built with CONFIG_KEYS.",
        ),
        _ => (
            "the kernel's keyring failed with an unknown error",
            "Run `keyctl show @s` to check the keyring.",
        ),
    };
    Error::new(
        Kind::Store,
        message,
        format!("{step} Or run `acspass config set store file` to use encrypted files."),
    )
    .caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keyring is the user's real one, so each test uses unique names and removes them.
    struct Item(String);

    impl Item {
        fn new() -> Self {
            Item(format!("test {}", uuid::Uuid::new_v4()))
        }
    }

    impl Drop for Item {
        fn drop(&mut self) {
            let _ = KeyutilsStore::new().delete(&self.0);
        }
    }

    fn value(length: usize) -> SecretBytes {
        SecretBytes::new((0..length).map(|at| (at * 31) as u8).collect())
    }

    #[test]
    fn items_round_trip_on_another_thread() {
        let Item(item) = &Item::new();
        let store = KeyutilsStore::new();
        assert_eq!(store.load(item).unwrap(), None);
        for length in [0, 1, 6000, 7000, 12_000] {
            store.save(item, &value(length)).unwrap();
            let elsewhere =
                std::thread::scope(|scope| scope.spawn(|| KeyutilsStore::new().load(item)).join());
            assert_eq!(elsewhere.unwrap().unwrap(), Some(value(length)));
            assert!(store.items().unwrap().contains(item));
        }
        assert!(store.delete(item).unwrap());
        assert!(!store.delete(item).unwrap());
        assert!(!store.items().unwrap().contains(item));
        assert_eq!(store.load(item).unwrap(), None);
    }

    #[test]
    fn the_logins_keyring_is_identified_and_alive_and_one_of_an_earlier_boot_has_ended() {
        let store = KeyutilsStore::new();
        let LoginSession::Own(login) = store.login_session() else {
            panic!("a login that can be identified");
        };
        assert_eq!(store.login_session(), LoginSession::Own(login.clone()));
        let words: Vec<_> = login.split(' ').collect();
        let [name, boot, serial] = words[..] else {
            panic!("three words: {login}");
        };
        // The serial number, as `keyctl show @s` prints it, starts the line in /proc/keys.
        let number: i32 = serial.parse().unwrap();
        let keys = std::fs::read_to_string("/proc/keys").unwrap();
        let listed = |line: &str| line.starts_with(&format!("{number:08x} "));
        assert!(keys.lines().any(listed), "{login} in {keys}");
        assert!(!store.has_ended(&login));
        let earlier = format!("{name} 00000000-0000-0000-0000-000000000000 {serial}");
        assert!(store.has_ended(&earlier));
        let elsewhere = format!("another 00000000-0000-0000-0000-000000000000 {serial}");
        assert!(!store.has_ended(&elsewhere), "another machine's login");
        assert!(store.has_ended(&format!("{name} {boot} 2147483647")));
        for unknown in ["", "x", "a b c", "a b"] {
            assert!(!store.has_ended(unknown), "{unknown}");
        }
    }

    #[test]
    fn errors_name_another_store() {
        for error in [
            KeyError::QuotaExceeded,
            KeyError::AccessDenied,
            KeyError::PermissionDenied,
        ] {
            let shown = to_error(error);
            assert_eq!(shown.kind(), Kind::Store);
            assert!(shown.hint().contains("config set store file"), "{shown:?}");
        }
    }
}
