//! Sockets that only this machine can reach, and the check that a request was meant for them.
//!
//! In comes a port, out come bound listeners on 127.0.0.1 and `::1` at that same port. What is
//! served on them, and how, is not this room's business.

mod admitted;
mod adopt;
mod capacity;
mod close;
mod connection;
mod deadlines;
mod head;
mod limits;
mod navigation;
mod origin;
pub mod peer;
mod progress;
pub(crate) mod serve;
#[cfg(test)]
mod slow_callers_tests;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

pub use adopt::adopt;
pub use navigation::{FetchMetadata, Navigation, PURPOSES};
pub use origin::WebOrigin;

use crate::error::{Error, Kind, Result};

/// How often a fresh port is tried where the other family already has it taken.
const TRIES: usize = 16;

/// Callers that may wait to be accepted; the system may allow fewer.
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

/// Binds 127.0.0.1 and `::1` at one port; 0 takes a free one. A family that the machine lacks is
/// left out. A port that someone else holds on either family is never half taken: what we did
/// not bind, a stranger could answer on (RFC 8252, section 8.3).
///
/// # Errors
/// [`Kind::Usage`] where the port that was asked for is taken or not allowed;
/// [`Kind::Internal`] where the machine has no loopback at all.
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
        // The standard library's queue of 128 is short where thousands call at one moment: who
        // finds it full tries again after a whole second.
        #[cfg(unix)]
        rustix::net::listen(listener, QUEUE)?;
    }
    Ok(Bound { listeners, port })
}

/// A family that the machine lacks is not an error.
fn absent_is_none(bound: io::Result<TcpListener>) -> io::Result<Option<TcpListener>> {
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

/// Whether a URL's host can only be this machine: `localhost`, 127.0.0.0/8 or `::1`, with or
/// without brackets. `localhost.example` and names below `localhost` are not.
pub fn is_loopback_host(host: &str) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Whether a `Host` header names this listener: a loopback name with exactly this port. A page
/// on a name that an attacker points at 127.0.0.1 (DNS rebinding) carries another.
pub fn is_our_host(header: &str, port: u16) -> bool {
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|name| match header.get(..name.len()) {
            Some(start) if start.eq_ignore_ascii_case(name) => {
                let rest = &header[name.len()..];
                rest.strip_prefix(':')
                    .is_some_and(|digits| digits == port.to_string())
                    || (rest.is_empty() && port == 80)
            }
            _ => false,
        })
}

/// Whether a peer's address is this machine's loopback.
pub fn is_loopback_peer(peer: SocketAddr) -> bool {
    peer.ip().to_canonical().is_loopback()
}

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
        let other = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("this machine has ::1");
        let port = other.local_addr().expect("bound").port();
        assert!(bind(port).is_err());
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("127.0.0.1 was given back");
    }

    #[test]
    fn only_our_own_host_is_ours() {
        for ours in [
            "localhost:8080",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
        ] {
            assert!(is_our_host(ours, 8080), "{ours}");
        }
        for theirs in [
            "localhost",
            "localhost:80",
            "localhost:8080.evil.test",
            "evil.test:8080",
            "localhost.evil.test:8080",
            "::1:8080",
            "localhost:08080",
            "",
            "lö",
        ] {
            assert!(!is_our_host(theirs, 8080), "{theirs}");
        }
        assert!(is_our_host("localhost", 80));
    }

    #[test]
    fn loopback_hosts_are_told_from_look_alikes() {
        for yes in [
            "localhost",
            "LocalHost",
            "127.0.0.1",
            "127.8.9.1",
            "::1",
            "[::1]",
        ] {
            assert!(is_loopback_host(yes), "{yes}");
        }
        for no in [
            "localhost.evil.test",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "evil.test",
            "",
        ] {
            assert!(!is_loopback_host(no), "{no}");
        }
    }
}
