//! Listeners of a service manager, which keeps them during a restart.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use super::bound::{Bound, absent_is_none};
use crate::error::{Error, Kind, Result};

/// Adopts one listener per family. Binds a missing family at the same port: otherwise another program
/// could answer there (see [`bind`](super::bind)).
///
/// # Errors
/// [`Kind::Usage`] if a socket does not listen on 127.0.0.1 or `::1`, if the ports differ, or if
/// another program has the port of the missing family.
pub fn adopt(listeners: Vec<TcpListener>) -> Result<Bound> {
    let addresses = listeners.iter().map(TcpListener::local_addr);
    let addresses = addresses
        .collect::<io::Result<Vec<_>>>()
        .map_err(unusable)?;
    let port = match addresses.first() {
        Some(address) => address.port(),
        None => return Err(refused("no socket was handed over".to_owned())),
    };
    for (listener, address) in listeners.iter().zip(&addresses) {
        if ![
            Ipv4Addr::LOCALHOST.into(),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ]
        .contains(&address.ip())
        {
            return Err(refused(format!(
                "the socket that was handed over is bound to {address}, where others reach it"
            )));
        }
        if address.port() != port {
            let ports = format!("{port} and {}", address.port());
            return Err(refused(format!(
                "the sockets that were handed over have two ports, {ports}"
            )));
        }
        if !listens(listener).map_err(unusable)? {
            return Err(refused(format!(
                "the socket that was handed over at {address} does not listen"
            )));
        }
    }
    let lacks =
        |family: fn(&IpAddr) -> bool| !addresses.iter().any(|address| family(&address.ip()));
    let complete = || -> io::Result<Vec<TcpListener>> {
        let mut all = Vec::new();
        if lacks(IpAddr::is_ipv4) {
            all.extend(absent_is_none(TcpListener::bind((
                Ipv4Addr::LOCALHOST,
                port,
            )))?);
        }
        all.extend(listeners);
        if lacks(IpAddr::is_ipv6) {
            all.extend(absent_is_none(TcpListener::bind((
                Ipv6Addr::LOCALHOST,
                port,
            )))?);
        }
        for listener in &all {
            listener.set_nonblocking(true)?;
        }
        Ok(all)
    };
    Ok(Bound {
        listeners: complete().map_err(unusable)?,
        port,
    })
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
    refused("the sockets that were handed over cannot be used".to_owned()).caused_by(cause)
}

fn refused(message: String) -> Error {
    Error::new(
        Kind::Usage,
        message,
        "hand over stream sockets that listen on 127.0.0.1 and [::1] at one port, as the units of \
         `acspass serve --install` do",
    )
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    fn listener(address: &str) -> TcpListener {
        TcpListener::bind(address).expect("a free port")
    }

    #[test]
    fn the_family_that_is_missing_is_bound_too() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let bound = adopt(vec![listener(address)]).expect("it is ours");
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
            assert!(error.message().contains("others reach it"), "{error}");
        }
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
