//! Listeners on 127.0.0.1 and `::1` at one port: bound by this program, or by a service manager, which
//! keeps them during a restart.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use crate::error::{Error, Kind, Result};

/// The attempts to find a free port that is free on both families.
const TRIES: usize = 16;

/// The connections that may wait to be accepted; the system may allow fewer.
#[cfg(unix)]
const QUEUE: i32 = 4096;

const FAMILIES: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// Listeners on every loopback family that the machine has, all at one port. Those of the emulator may
/// include an address that other machines reach.
#[derive(Debug)]
pub struct Bound {
    /// One listener a family: 127.0.0.1 first, then `::1`. At least one, non-blocking.
    pub listeners: Vec<TcpListener>,
    /// The port they share.
    pub port: u16,
}

/// Binds 127.0.0.1 and `::1` at a free port, see [`bind`].
///
/// # Errors
/// [`Kind::Internal`] if the machine has no loopback.
pub fn bind_free() -> Result<Bound> {
    bind(0, "Run the command again.")
}

/// Binds 127.0.0.1 and `::1` at one port; 0 takes a free one. A family that the machine lacks is left
/// out. If another program has the port on one family, this fails: that program could answer instead
/// (RFC 8252, section 8.3). `other_port` is the hint for that case: the option that sets the port.
///
/// # Errors
/// [`Kind::Usage`] if the requested port is taken or not allowed; [`Kind::Internal`] if the machine
/// has no loopback.
pub fn bind(port: u16, other_port: &str) -> Result<Bound> {
    bind_all(&FAMILIES, port).map_err(|cause| unbound(cause, port, other_port))
}

/// Binds this address, and the loopback addresses that it does not include, at one port; 0 takes a free
/// one. [`bind`] describes the rest.
///
/// # Errors
/// [`Kind::Usage`] if the machine does not have the address, or as [`bind`].
#[cfg(any(feature = "emulator", feature = "exchange-service"))]
pub(crate) fn bind_network(address: IpAddr, port: u16, other_port: &str) -> Result<Bound> {
    // The system's default for `::` includes IPv4.
    let is_included = |loopback: &IpAddr| match address {
        IpAddr::V6(address) if address.is_unspecified() => true,
        _ => address == *loopback || (address.is_unspecified() && loopback.is_ipv4()),
    };
    let mut addresses = vec![address];
    addresses.extend(FAMILIES.into_iter().filter(|own| !is_included(own)));
    let bound = bind_all(&addresses, port).map_err(|cause| unbound(cause, port, other_port))?;
    let is_there =
        |listener: &TcpListener| listener.local_addr().is_ok_and(|at| at.ip() == address);
    match bound.listeners.iter().any(is_there) {
        true => Ok(bound),
        false => Err(Error::usage(
            format!("this machine does not have the address {address}"),
            "Use the address of one of its network interfaces, or `0.0.0.0` for all of them.",
        )),
    }
}

/// Returns the error about a port that could not be bound.
fn unbound(cause: io::Error, port: u16, other_port: &str) -> Error {
    let is_taken = cause.kind() == ErrorKind::AddrInUse;
    let error = match port {
        0 if is_taken => Error::new(
            Kind::Usage,
            "no port of the loopback address is free",
            "End a program that listens on many ports, then run the command again.",
        ),
        0 => Error::new(
            Kind::Internal,
            "this machine has no loopback address to listen on",
            "Check that the loopback interface is up.",
        ),
        _ if is_taken => Error::new(
            Kind::Usage,
            format!("port {port} is already in use"),
            other_port,
        ),
        _ => Error::new(
            Kind::Usage,
            format!("port {port} cannot be used"),
            other_port,
        ),
    };
    error.caused_by(cause)
}

/// Binds these addresses at one port, except those that the machine lacks.
fn bind_all(addresses: &[IpAddr], port: u16) -> io::Result<Bound> {
    let mut bound = complete(addresses, Vec::new(), port);
    for _ in 1..TRIES {
        match &bound {
            Err(error) if port == 0 && error.kind() == ErrorKind::AddrInUse => {
                bound = complete(addresses, Vec::new(), port);
            }
            _ => break,
        }
    }
    bound
}

/// Adopts one listener per family. Binds a missing family at the same port: otherwise another program
/// could answer there (see [`bind`]).
///
/// # Errors
/// [`Kind::Usage`] if a socket does not listen on 127.0.0.1 or `::1`, if the ports differ, or if
/// another program has the port of the missing family.
pub fn adopt(listeners: Vec<TcpListener>) -> Result<Bound> {
    let mut port = None;
    for listener in &listeners {
        let address = listener.local_addr().map_err(unusable)?;
        if !FAMILIES.contains(&address.ip()) {
            return Err(refused(format!(
                "the inherited socket is bound to {address}, which is not loopback"
            )));
        }
        let first = *port.get_or_insert(address.port());
        if address.port() != first {
            return Err(refused(format!(
                "the inherited sockets have two ports, {first} and {}",
                address.port()
            )));
        }
        if !listens(listener).map_err(unusable)? {
            return Err(refused(format!(
                "the inherited socket at {address} does not listen"
            )));
        }
    }
    let port = port.ok_or_else(|| refused("no socket was inherited".to_owned()))?;
    complete(&FAMILIES, listeners, port).map_err(unusable)
}

/// Binds the addresses without a listener; port 0 takes one that is free on the first address.
fn complete(
    addresses: &[IpAddr],
    mut listeners: Vec<TcpListener>,
    mut port: u16,
) -> io::Result<Bound> {
    for address in addresses {
        let is_at_address =
            |listener: &TcpListener| listener.local_addr().is_ok_and(|at| at.ip() == *address);
        if listeners.iter().any(is_at_address) {
            continue;
        }
        let listener = match TcpListener::bind((*address, port)) {
            Err(error) if is_absent(&error) => continue,
            bound => bound?,
        };
        // The standard library's queue of 128 is too short for thousands of callers: a full queue
        // delays a connection by one second. A family that a service manager left out gets the same.
        #[cfg(unix)]
        rustix::net::listen(&listener, QUEUE)?;
        port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    if listeners.is_empty() {
        return Err(ErrorKind::AddrNotAvailable.into());
    }
    listeners.sort_by_key(|listener| listener.local_addr().is_ok_and(|address| address.is_ipv6()));
    for listener in &listeners {
        listener.set_nonblocking(true)?;
    }
    Ok(Bound { listeners, port })
}

/// Whether the machine lacks the family.
fn is_absent(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error()) {
        return true;
    }
    matches!(
        error.kind(),
        ErrorKind::AddrNotAvailable | ErrorKind::Unsupported
    )
}

/// Whether a socket accepts connections. A connection or a socket that is only bound does not.
#[cfg(target_os = "linux")]
fn listens(listener: &TcpListener) -> io::Result<bool> {
    Ok(rustix::net::sockopt::socket_acceptconn(listener)?)
}

#[cfg(not(target_os = "linux"))]
fn listens(_listener: &TcpListener) -> io::Result<bool> {
    Ok(true)
}

fn unusable(cause: io::Error) -> Error {
    refused("the inherited sockets cannot be used".to_owned()).caused_by(cause)
}

fn refused(message: String) -> Error {
    Error::new(
        Kind::Usage,
        message,
        "Pass stream sockets that listen on 127.0.0.1 and [::1] at one port, as the units of \
         `acspass serve --install` do.",
    )
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn both_families_share_a_port() {
        let bound = bind_free().expect("this machine has a loopback");
        for listener in &bound.listeners {
            let address = listener.local_addr().expect("bound");
            assert_eq!(address.port(), bound.port);
            assert!(address.ip().is_loopback());
        }
    }

    #[test]
    fn a_taken_port_is_refused_by_name() {
        let first = bind_free().expect("this machine has a loopback");
        let error = bind(first.port, "Use `--port 0`.").expect_err("the port is taken");
        assert_eq!(error.hint(), "Use `--port 0`.");
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.message().contains(&first.port.to_string()));
    }

    #[test]
    fn a_machine_without_a_free_port_is_told_from_one_without_loopback() {
        let said = |kind: ErrorKind| unbound(kind.into(), 0, "").message().to_owned();
        assert!(said(ErrorKind::AddrInUse).contains("no port"));
        assert!(said(ErrorKind::AddrNotAvailable).contains("no loopback"));
    }

    #[test]
    fn a_port_taken_on_one_family_only_is_not_half_taken() {
        // The port can be that of another test's connection on the other family.
        let is_given_back = || {
            let other = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("this machine has ::1");
            let port = other.local_addr().expect("bound").port();
            assert!(bind(port, "").is_err());
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        };
        assert!(
            (0..100).any(|_| is_given_back()),
            "127.0.0.1 was given back"
        );
    }

    fn listener(address: &str) -> TcpListener {
        TcpListener::bind(address).expect("a free port")
    }

    #[test]
    fn the_family_that_is_missing_is_bound_too() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            // The port can be that of another test's connection on the other family.
            let bound = (0..100)
                .find_map(|_| adopt(vec![listener(address)]).ok())
                .expect("a port of both families");
            let places: Vec<_> = bound
                .listeners
                .iter()
                .map(TcpListener::local_addr)
                .collect();
            let places: Vec<_> = places
                .into_iter()
                .map(|place| place.expect("bound"))
                .collect();
            assert_eq!(
                places,
                [
                    (IpAddr::from(Ipv4Addr::LOCALHOST), bound.port).into(),
                    (IpAddr::from(Ipv6Addr::LOCALHOST), bound.port).into()
                ]
            );
        }
    }

    #[test]
    fn what_others_reach_is_refused() {
        for address in ["0.0.0.0:0", "[::]:0", "127.0.0.2:0"] {
            let error = adopt(vec![listener(address)]).expect_err("not ours alone");
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.message().contains("not loopback"), "{error}");
        }
    }

    #[cfg(feature = "emulator")]
    #[test]
    fn an_address_of_other_machines_is_bound_beside_the_loopback_that_it_does_not_include() {
        let bound_at = |text: &str| {
            let address = text.parse().expect("an address");
            let bound = bind_network(address, 0, "").expect("a free port");
            let places = bound.listeners.iter().map(TcpListener::local_addr);
            let mut places: Vec<String> = places
                .map(|place| place.expect("bound").ip().to_string())
                .collect();
            places.sort();
            places
        };
        assert_eq!(bound_at("0.0.0.0"), ["0.0.0.0", "::1"]);
        assert_eq!(bound_at("::"), ["::"]);
        assert_eq!(bound_at("127.0.0.1"), ["127.0.0.1", "::1"]);
        assert_eq!(bound_at("127.0.0.2"), ["127.0.0.1", "127.0.0.2", "::1"]);
        // RFC 5737: no machine has it.
        let error = bind_network("192.0.2.77".parse().expect("an address"), 0, "");
        let error = error.expect_err("it belongs to no interface");
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.message().contains("192.0.2.77"), "{error}");
    }

    #[test]
    fn two_ports_and_none_are_refused() {
        let two = vec![listener("127.0.0.1:0"), listener("[::1]:0")];
        assert!(adopt(two).is_err_and(|error| error.message().contains("two ports")));
        assert!(adopt(Vec::new()).is_err());
    }

    #[test]
    fn a_family_that_another_program_holds_is_refused() {
        // The port can be that of another test's connection on the other family.
        let pair = || {
            let other = TcpListener::bind("[::1]:0").ok()?;
            let port = other.local_addr().ok()?.port();
            let own = TcpListener::bind(("127.0.0.1", port)).ok()?;
            Some((other, own))
        };
        let (_other, own) = (0..100)
            .find_map(|_| pair())
            .expect("a port of both families");
        assert!(adopt(vec![own]).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_connection_is_no_listener() {
        let other = listener("127.0.0.1:0");
        let connection =
            TcpStream::connect(other.local_addr().expect("bound")).expect("it listens");
        let as_listener = TcpListener::from(std::os::fd::OwnedFd::from(connection));
        let error = adopt(vec![as_listener]).expect_err("it never accepts");
        assert!(error.message().contains("does not listen"), "{error}");
    }
}
