//! Listeners on 127.0.0.1 and `::1` at one port.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

use crate::error::{Error, Kind, Result};

/// The attempts to find a free port that is free on both families.
const TRIES: usize = 16;

/// The connections that may wait to be accepted; the system may allow fewer.
#[cfg(unix)]
const QUEUE: i32 = 4096;

/// Listeners on every loopback family that the machine has, all at one port.
#[derive(Debug)]
pub struct Bound {
    /// One listener a family: 127.0.0.1 first, then `::1`. At least one, non-blocking.
    pub listeners: Vec<TcpListener>,
    /// The port they share.
    pub port: u16,
}

/// Binds 127.0.0.1 and `::1` at one port; 0 takes a free one. A family that the machine lacks is left
/// out. If another program has the port on one family, this fails: that program could answer instead
/// (RFC 8252, section 8.3).
///
/// # Errors
/// [`Kind::Usage`] if the requested port is taken or not allowed; [`Kind::Internal`] if the machine
/// has no loopback.
pub fn bind(port: u16) -> Result<Bound> {
    let mut last = None;
    for _ in 0..TRIES {
        match bind_both(port) {
            Ok(bound) => return Ok(bound),
            Err(error) if port == 0 && error.kind() == io::ErrorKind::AddrInUse => {
                last = Some(error);
            }
            Err(error) if port != 0 => {
                return Err(Error::new(
                    Kind::Usage,
                    format!("port {port} cannot be listened on"),
                    "choose another port, or stop the program that holds this one",
                )
                .caused_by(error));
            }
            Err(error) => {
                last = Some(error);
                break;
            }
        }
    }
    let error = Error::new(
        Kind::Internal,
        "no loopback address can be listened on",
        "check that the machine's loopback interface is up",
    );
    Err(match last {
        Some(source) => error.caused_by(source),
        None => error,
    })
}

fn bind_both(port: u16) -> io::Result<Bound> {
    let v4 = absent_is_none(TcpListener::bind((Ipv4Addr::LOCALHOST, port)))?;
    let port = match &v4 {
        Some(listener) => listener.local_addr()?.port(),
        None => port,
    };
    let v6 = absent_is_none(TcpListener::bind((Ipv6Addr::LOCALHOST, port)))?;
    let listeners: Vec<TcpListener> = v4.into_iter().chain(v6).collect();
    let port = match listeners.first() {
        Some(listener) => listener.local_addr()?.port(),
        None => return Err(io::ErrorKind::AddrNotAvailable.into()),
    };
    for listener in &listeners {
        listener.set_nonblocking(true)?;
        // The standard library's queue of 128 is too short for thousands of callers: a full queue
        // delays a connection by one second.
        #[cfg(unix)]
        rustix::net::listen(listener, QUEUE)?;
    }
    Ok(Bound { listeners, port })
}

/// A family that the machine lacks is not an error.
pub(super) fn absent_is_none(bound: io::Result<TcpListener>) -> io::Result<Option<TcpListener>> {
    match bound {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => Ok(None),
        // EAFNOSUPPORT has no `ErrorKind` of its own.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
        #[cfg(unix)]
        Err(error) if error.raw_os_error() == Some(EAFNOSUPPORT) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(target_os = "linux")]
const EAFNOSUPPORT: i32 = 97;
#[cfg(all(unix, not(target_os = "linux")))]
const EAFNOSUPPORT: i32 = 47;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_share_a_port() {
        let bound = bind(0).expect("this machine has a loopback");
        for listener in &bound.listeners {
            let address = listener.local_addr().expect("bound");
            assert_eq!(address.port(), bound.port);
            assert!(address.ip().is_loopback());
        }
    }

    #[test]
    fn a_taken_port_is_refused_by_name() {
        let first = bind(0).expect("this machine has a loopback");
        let error = bind(first.port).expect_err("the port is taken");
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.message().contains(&first.port.to_string()));
    }

    #[test]
    fn a_port_taken_on_one_family_only_is_not_half_taken() {
        // The port can be that of another test's connection on the other family.
        let is_given_back = || {
            let other = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("this machine has ::1");
            let port = other.local_addr().expect("bound").port();
            assert!(bind(port).is_err());
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        };
        assert!(
            (0..100).any(|_| is_given_back()),
            "127.0.0.1 was given back"
        );
    }
}
