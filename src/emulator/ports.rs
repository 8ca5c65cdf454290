//! The ports of the listeners, and the emulator that may use one of them already.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpStream};
use std::time::Duration;

use crate::emulator::options::Options;
use crate::emulator::world::World;
use crate::error::{Error, Kind, Result};
use crate::loopback::{self, Bound};

/// The port for https of `acspass emulator`.
pub const HTTPS_PORT: u16 = 8486;
/// The port for http of `acspass emulator`.
pub const HTTP_PORT: u16 = 8485;

/// The deadline for a connection to this machine, and for each part of its response.
const DEADLINE: Duration = Duration::from_millis(500);
/// The head of the emulator's response is shorter.
const HEAD_LIMIT: usize = 4096;

/// Binds the ports of each resource: http, and https if it is served.
///
/// # Errors
/// [`Kind::Usage`] if a port is taken or the machine does not have the address of the options.
pub(crate) fn bind(options: &Options, world: &World) -> Result<Vec<(Bound, Option<Bound>)>> {
    let mut bound = Vec::new();
    for (index, resource) in world.resources.iter().enumerate() {
        let (http, https) = match index {
            0 => (options.http_port, options.https_port),
            _ => (
                resource.http_port,
                options.https_port.map(|_| resource.https_port),
            ),
        };
        let bind = |scheme, port| bind_one(scheme, port, options.listen);
        // The error about the http port tells whether an emulator has it.
        let http = bind("http", http)?;
        bound.push((http, https.map(|port| bind("https", port)).transpose()?));
    }
    Ok(bound)
}

/// Both, because the other port is often taken by the same program.
const OTHER_PORTS: &str = "Run `acspass emulator --https-port 0 --http-port 0` to use free ports.";

/// Binds the listener of a scheme.
///
/// # Errors
/// [`Kind::Usage`] if the port is taken. The hint names the option that selects another one, and
/// whether the port belongs to an emulator.
fn bind_one(scheme: &str, port: u16, listen: Option<IpAddr>) -> Result<Bound> {
    let bound = match listen {
        Some(address) => loopback::bind_network(address, port, OTHER_PORTS),
        None => loopback::bind(port, OTHER_PORTS),
    };
    bound.map_err(|error| {
        match error.kind() == Kind::Usage && scheme == "http" && is_emulator(port) {
            true => Error::usage(
                format!("port {port} is already in use: an emulator runs there"),
                "Use that emulator, or run `acspass emulator --https-port 0 --http-port 0` for \
                 another one on free ports.",
            ),
            false => error,
        }
    })
}

/// Returns whether an emulator serves plain http at this port. The request changes nothing there.
pub(crate) fn is_emulator(port: u16) -> bool {
    let addresses = [
        IpAddr::from(Ipv4Addr::LOCALHOST),
        Ipv6Addr::LOCALHOST.into(),
    ];
    let mut heads = addresses.iter().filter_map(|address| head(*address, port));
    heads.any(|head| head.to_ascii_lowercase().contains("\r\nx-emulator: "))
}

/// Returns the beginning of the response to a request.
fn head(address: IpAddr, port: u16) -> Option<String> {
    let mut connection = TcpStream::connect_timeout(&(address, port).into(), DEADLINE).ok()?;
    connection.set_read_timeout(Some(DEADLINE)).ok()?;
    connection.set_write_timeout(Some(DEADLINE)).ok()?;
    let request = format!(
        "GET /_emulator/v1/info HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).ok()?;
    let mut head = vec![0; HEAD_LIMIT];
    let read = connection.read(&mut head).ok()?;
    Some(String::from_utf8_lossy(&head[..read]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::Emulator;

    fn error_of(options: Options) -> Error {
        Emulator::start(options).expect_err("the port is taken")
    }

    #[test]
    fn a_port_of_an_emulator_is_distinguished_from_that_of_another_program() {
        let first = Emulator::start(Options::default()).expect("an emulator");
        let port = first.context.main_ports().http;
        let error = error_of(Options {
            http_port: port,
            ..Options::default()
        });
        assert_eq!(error.kind(), Kind::Usage);
        assert!(
            error.message().contains("an emulator runs there"),
            "{error}"
        );

        let other = loopback::bind_free().expect("a port");
        let error = error_of(Options {
            http_port: other.port,
            ..Options::default()
        });
        assert_eq!(
            error.message(),
            format!("port {} is already in use", other.port)
        );
        assert!(
            error
                .hint()
                .contains("`acspass emulator --https-port 0 --http-port 0`"),
            "{}",
            error.hint()
        );
        let error = error_of(Options {
            https_port: Some(other.port),
            ..Options::default()
        });
        assert!(
            error
                .hint()
                .contains("`acspass emulator --https-port 0 --http-port 0`"),
            "{}",
            error.hint()
        );
    }
}
