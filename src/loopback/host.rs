//! Tells loopback hosts and peers from others, and parses web origins strictly.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use url::Url;

use crate::error::{Error, Kind, Result};
use crate::text::quoted;

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
    let name = match header.strip_suffix(&format!(":{port}")) {
        None if port == 80 => header,
        None => return false,
        Some(name) => name,
    };
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|own| name.eq_ignore_ascii_case(own))
}

/// Whether a peer's address is this machine's loopback.
pub fn is_loopback_peer(peer: SocketAddr) -> bool {
    peer.ip().to_canonical().is_loopback()
}

/// The web origin of a page (RFC 6454).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOrigin(String);

impl WebOrigin {
    /// Reads an origin such as `https://app.contoso.com` or `http://localhost:3000`.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the text is no origin, or if it is plain http of another machine: the network
    /// could forge such a page.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Error::new(
                Kind::Usage,
                format!("{} {what}", quoted(text)),
                "Use the form of a browser's address bar without a path, like \
                 https://app.contoso.com or http://localhost:3000.",
            )
        };
        let none = || wrong("is not a web origin");
        let url = Url::parse(text).map_err(|_| none())?;
        let host = url.host_str().ok_or_else(none)?;
        let origin = url.origin().ascii_serialization();
        match url.scheme() {
            "https" => {}
            "http" if is_loopback_host(host) => {}
            "http" => return Err(wrong("uses http, which is accepted for this machine only")),
            _ => return Err(none()),
        }
        // An origin has no path.
        if text.trim_end_matches('/') != origin {
            return Err(none());
        }
        Ok(WebOrigin(origin))
    }

    /// The text that a browser sends.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for (text, origin) in [
            ("https://app.contoso.com", "https://app.contoso.com"),
            ("https://app.contoso.com/", "https://app.contoso.com"),
            (
                "https://app.contoso.com:8443",
                "https://app.contoso.com:8443",
            ),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(WebOrigin::parse(text).expect(text).to_string(), origin);
        }
        for text in [
            "null",
            "*",
            "app.contoso.com",
            "https://app.contoso.com/page",
            "https://app.contoso.com?x",
            "https://user@app.contoso.com",
            "HTTPS://app.contoso.com",
            "http://app.contoso.com",
            "file:///tmp/page.html",
            "",
        ] {
            assert!(WebOrigin::parse(text).is_err(), "{text}");
        }
    }
}
