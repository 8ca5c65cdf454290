//! Tells loopback hosts and peers from others.

use std::net::{IpAddr, SocketAddr};

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

/// Whether a `Host` header names this listener: a loopback name with exactly this port. A page on a
/// name that an attacker points at 127.0.0.1 (DNS rebinding) sends another host.
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
