//! The peers and names by which clients reach the emulator: from this machine only, or with
//! [`Options::listen`] from other machines too.
//!
//! Other machines often use another port than the listener's, because a container's port is published
//! at any number. So a `Host` header may then have any port; its name must still be the emulator's.

use std::net::IpAddr;

use crate::emulator::context::base;
use crate::emulator::options::Options;
use crate::loopback;

impl Options {
    /// Returns whether other machines can connect.
    pub(crate) fn is_open(&self) -> bool {
        let listen = self.listen.map(|address| address.to_canonical());
        listen.is_some_and(|address| !address.is_loopback())
    }

    /// Returns the additional host names: those of the options, then the address that it listens on.
    pub(crate) fn given_names(&self) -> Vec<String> {
        let address = self.listen.filter(|address| !address.is_unspecified());
        let address = address.map(|address| address.to_string());
        self.host_names.iter().cloned().chain(address).collect()
    }

    /// Returns the URL of a port. Its host is localhost, or the first additional name if other machines
    /// can connect. `host_names` are all names then.
    pub(crate) fn url(&self, scheme: &str, port: u16) -> String {
        let is_additional = |name: &&String| !loopback::is_loopback_host(name);
        let mut names = self.host_names.iter().filter(|_| self.is_open());
        match names.find(is_additional) {
            Some(name) if name.parse::<IpAddr>().is_ok_and(|own| own.is_ipv6()) => {
                base(scheme, &format!("[{name}]"), port)
            }
            Some(name) => base(scheme, name, port),
            None => base(scheme, "localhost", port),
        }
    }

    /// Returns the port that a `Host` header must have: the listener's, or any if other machines can
    /// connect.
    pub(crate) fn port_in(&self, scheme: &str, host: &str, listener: u16) -> u16 {
        if !self.is_open() {
            return listener;
        }
        let port = host
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok());
        port.unwrap_or(match scheme {
            "https" => 443,
            _ => 80,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::host_names::own_names;

    fn options(listen: Option<&str>, host_names: &[&str]) -> Options {
        let mut options = Options {
            listen: listen.map(|address| address.parse().expect("an address")),
            host_names: host_names.iter().map(|name| (*name).to_owned()).collect(),
            ..Options::default()
        };
        options.host_names = own_names(&options.given_names()).expect("names");
        options
    }

    #[test]
    fn addresses_have_the_first_additional_name_only_for_other_machines() {
        for (listen, names, host) in [
            (None, &["acspass"][..], "localhost"),
            (Some("127.0.0.1"), &["acspass"], "localhost"),
            (Some("::1"), &["acspass"], "localhost"),
            (Some("0.0.0.0"), &[], "localhost"),
            (Some("0.0.0.0"), &["acspass", "other"], "acspass"),
            (Some("::"), &["acspass"], "acspass"),
            (Some("192.0.2.1"), &[], "192.0.2.1"),
            (Some("192.0.2.1"), &["acspass"], "acspass"),
            (Some("2001:db8::1"), &[], "[2001:db8::1]"),
        ] {
            let options = options(listen, names);
            let url = options.url("https", 8486);
            assert_eq!(url, format!("https://{host}:8486"), "{listen:?}");
            assert!(options.url("http", 80).ends_with(host), "{listen:?}");
        }
    }

    #[test]
    fn another_port_than_the_listeners_is_for_other_machines_only() {
        let (own, open) = (options(None, &[]), options(Some("0.0.0.0"), &[]));
        for (host, port) in [("acspass:32768", 32768), ("acspass", 443), ("[::1]", 443)] {
            assert_eq!(own.port_in("https", host, 8486), 8486, "{host}");
            assert_eq!(open.port_in("https", host, 8486), port, "{host}");
        }
        assert_eq!(open.port_in("http", "acspass", 8485), 80);
    }
}
