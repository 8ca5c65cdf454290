//! The address of the D-Bus session bus, as the D-Bus specification defines server addresses.
//!
//! DBUS_SESSION_BUS_ADDRESS may hold several addresses, separated by `;`; a client connects to the
//! first that works. Values are escaped with `%` and two hexadecimal digits. `zbus` reads one
//! address only, and does not unescape a socket's name.
//! <https://dbus.freedesktop.org/doc/dbus-specification.html#addresses>
//!
//! In D-Bus the server authenticates the client, and not the reverse. A bus that ends leaves its
//! address to any user who can make a socket there. So the owner of the bus is checked first.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::str::FromStr;
use std::{fmt, io};

use percent_encoding::percent_decode;
use zbus::address::Transport;
use zbus::address::transport::{Unix, UnixSocket};
use zbus::{Address, Connection, DBusError, Error, Guid, connection};

use super::failure::KeyringFailure;

/// The number of addresses that are tried. Further ones are ignored.
const MAX_ADDRESSES: usize = 32;

/// The part of the program that processes a connection's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Executor {
    /// A thread of `zbus`.
    OwnThread,
    /// The caller, during its calls.
    Caller,
}

/// Connects to the first address that works.
///
/// # Errors
/// The error of the last address; [`Error::Address`] if no address can be connected to.
pub(crate) async fn connect(executor: Executor) -> zbus::Result<Connection> {
    let mut failed = Error::Address("no address of a session bus".to_owned());
    for address in addresses() {
        let connected = async {
            let connection = builder(&address)?
                .internal_executor(executor == Executor::OwnThread)
                .build()
                .await?;
            match address.guid() {
                Some(guid) if *guid != **connection.server_guid() => {
                    Err(Error::Handshake("another bus has this address".to_owned()))
                }
                _ => Ok(connection),
            }
        };
        match connected.await {
            Ok(connection) => return Ok(connection),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// The bus at the address belongs to another user, with this user id.
#[derive(Debug)]
pub(crate) struct ForeignBus(u32);

impl fmt::Display for ForeignBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the session bus is run by the user with id {}", self.0)
    }
}

impl std::error::Error for ForeignBus {}

/// Connects to the socket and checks that this user or root listens there. Does not block.
#[cfg(target_os = "linux")]
fn builder(address: &Address) -> zbus::Result<connection::Builder<'static>> {
    use rustix::net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, sockopt,
    };

    let Transport::Unix(unix) = address.transport() else {
        return Err(Error::Address(
            "only a bus at a Unix socket has an owner that can be checked".to_owned(),
        ));
    };
    let at = match unix.path() {
        UnixSocket::File(path) => SocketAddrUnix::new(path),
        UnixSocket::Abstract(name) => SocketAddrUnix::new_abstract_name(name.as_bytes()),
        _ => return Err(Error::Address("this address is for servers".to_owned())),
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let owner = || {
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        connect(&socket, &at?)?;
        let owner = sockopt::socket_peercred(&socket)?.uid;
        io::Result::Ok((socket, owner))
    };
    let (socket, owner) = owner().map_err(Error::from)?;
    if owner != rustix::process::geteuid() && !owner.is_root() {
        return Err(io::Error::other(ForeignBus(owner.as_raw())).into());
    }
    Ok(connection::Builder::async_io_unix_stream(
        std::os::unix::net::UnixStream::from(socket),
    ))
}

/// Elsewhere the owner is not checked.
#[cfg(not(target_os = "linux"))]
fn builder(address: &Address) -> zbus::Result<connection::Builder<'static>> {
    connection::Builder::address(address.clone())
}

/// The environment's addresses. Without any, it is the socket in the runtime directory, as `zbus`
/// and systemd have it.
#[expect(
    clippy::disallowed_methods,
    reason = "the variable of every D-Bus client; zbus and the crates over it read it themselves"
)]
fn addresses() -> Vec<Address> {
    match std::env::var_os("DBUS_SESSION_BUS_ADDRESS") {
        Some(list) if !list.is_empty() => parse(&list),
        _ => {
            let folder = std::env::var_os("XDG_RUNTIME_DIR").unwrap_or_else(|| {
                let user = rustix::process::geteuid().as_raw();
                OsString::from(format!("/run/user/{user}"))
            });
            let path = std::path::Path::new(&folder).join("bus");
            vec![Transport::Unix(Unix::new(UnixSocket::File(path))).into()]
        }
    }
}

/// The addresses of the list that a client can connect to, in their order.
fn parse(list: &OsStr) -> Vec<Address> {
    let parts = list.as_bytes().split(|byte| *byte == b';');
    let addresses = parts.filter(|part| !part.is_empty()).map(one);
    addresses.flatten().take(MAX_ADDRESSES).collect()
}

/// `None` if it has no known form. `unix:dir`, `unix:tmpdir` and `unix:runtime` are for servers.
fn one(address: &[u8]) -> Option<Address> {
    let Some(options) = address.strip_prefix(b"unix:") else {
        return Address::from_str(std::str::from_utf8(address).ok()?).ok();
    };
    let (mut socket, mut guid) = (None, None);
    for option in options.split(|byte| *byte == b',') {
        let (key, value) = option.split_at(option.iter().position(|byte| *byte == b'=')?);
        let value = unescaped(&value[1..])?;
        match key {
            b"path" if socket.is_none() => socket = Some(UnixSocket::File(value.into())),
            #[cfg(target_os = "linux")]
            b"abstract" if socket.is_none() => socket = Some(UnixSocket::Abstract(value)),
            b"guid" => guid = Some(value.into_string().ok()?),
            b"path" | b"abstract" | b"dir" | b"tmpdir" | b"runtime" => return None,
            // The specification lets clients ignore keys that they do not know.
            _ => {}
        }
    }
    let address = Address::from(Transport::Unix(Unix::new(socket?)));
    let Some(guid) = guid else {
        return Some(address);
    };
    address.set_guid(Guid::try_from(guid).ok()?).ok()
}

fn unescaped(value: &[u8]) -> Option<OsString> {
    let mut escapes = value.split(|byte| *byte == b'%').skip(1);
    let is_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    let is_valid = escapes.all(|rest| rest.get(..2).is_some_and(is_hex));
    (is_valid && !value.is_empty()).then(|| OsString::from_vec(percent_decode(value).collect()))
}

/// Translates the error of connecting to the bus.
pub(super) fn failure_of_connecting(error: Error) -> KeyringFailure {
    let Error::InputOutput(cause) = &error else {
        return match error {
            Error::InterfaceNotFound => KeyringFailure::NoBus,
            error => error.into(),
        };
    };
    let inner = cause.get_ref();
    match cause.kind() {
        io::ErrorKind::PermissionDenied => KeyringFailure::Denied,
        _ if inner.is_some_and(|inner| inner.is::<ForeignBus>()) => KeyringFailure::ForeignBus,
        // There is no address of a bus, or no bus at it.
        _ => KeyringFailure::NoBus,
    }
}

/// Translates a call's error by its kind and name. Its text is not standardized, so it is neither
/// parsed nor shown.
impl From<Error> for KeyringFailure {
    fn from(error: Error) -> Self {
        match error {
            Error::Connection(cause, _) if cause.kind() == io::ErrorKind::PermissionDenied => {
                KeyringFailure::Denied
            }
            Error::Connection(..) | Error::Address(_) => KeyringFailure::NoBus,
            Error::Handshake(_) => KeyringFailure::Denied,
            Error::InputOutput(_) => KeyringFailure::ServiceDisconnected,
            Error::MethodError(name, ..) => failure_of_name(name.as_str()),
            Error::FDO(error) => failure_of_name(error.name().as_str()),
            _ => KeyringFailure::Unknown,
        }
    }
}

/// Translates an error's name.
pub(super) fn failure_of_name(name: &str) -> KeyringFailure {
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
        "NotSupported" => KeyringFailure::PlainSessionRefused,
        "NoReply" | "Disconnected" => KeyringFailure::ServiceDisconnected,
        "Timeout" | "TimedOut" => KeyringFailure::TimedOut,
        // A restarted service does not know the objects of the previous one.
        "UnknownObject" | "UnknownMethod" | "NoSuchObject" => KeyringFailure::ServiceDisconnected,
        _ => KeyringFailure::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(list: &str) -> Vec<String> {
        let addresses = parse(OsStr::new(list));
        addresses.iter().map(Address::to_string).collect()
    }

    #[test]
    fn every_address_of_a_list_is_read_in_its_order() {
        let guid = "0123456789abcdef0123456789abcdef";
        let table = [
            ("unix:path=/run/bus", vec!["unix:path=/run/bus"]),
            (
                "unix:path=/a;unix:path=/b",
                vec!["unix:path=/a", "unix:path=/b"],
            ),
            (
                ";unix:path=/a;;tcp:host=localhost,port=4;",
                vec!["unix:path=/a", "tcp:host=localhost,port=4"],
            ),
            // Addresses without a connection are left out.
            (
                "autolaunch:;disabled:;nonsense;unix:runtime=yes;unix:tmpdir=/tmp;unix:path=/a",
                vec!["unix:path=/a"],
            ),
            // Escapes, in either case, and a byte that the specification wants escaped.
            ("unix:path=/a%20b%2Cc%3bd", vec!["unix:path=/a%20b%2cc%3bd"]),
            ("unix:path=/a b", vec!["unix:path=/a%20b"]),
            ("unix:path=/a%2", vec![]),
            ("unix:path=/a%zz;unix:path=/b", vec!["unix:path=/b"]),
            ("unix:path=", vec![]),
            ("unix:path=/a,abstract=b", vec![]),
            ("unix:path", vec![]),
            ("", vec![]),
            ("unix:path=/a,guid=short", vec![]),
            ("unix:path=/a,new-key=1", vec!["unix:path=/a"]),
        ];
        for (list, expected) in table {
            assert_eq!(shown(list), expected, "{list}");
        }
        let with_guid = format!("unix:path=/a,guid={guid}");
        assert_eq!(shown(&with_guid), [with_guid]);
        #[cfg(target_os = "linux")]
        assert_eq!(
            shown("unix:abstract=/tmp/dbus-%41"),
            ["unix:abstract=/tmp/dbus-A"]
        );
    }

    #[test]
    fn a_list_without_end_is_bounded() {
        assert_eq!(shown(&"unix:path=/a;".repeat(1000)).len(), MAX_ADDRESSES);
    }
}
