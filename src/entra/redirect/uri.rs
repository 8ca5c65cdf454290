//! The redirect address: the ones that a user may configure, and the form that Entra gets.

use std::net::IpAddr;

use crate::error::{Error, Result};
use crate::text::shell_word;

/// Entra's limit for a redirect address, in characters.
const MAX_URI_LENGTH: usize = 256;

/// A redirect address on this machine: `http`, a loopback host, perhaps a port and a path.
///
/// Host and path are not normalized, because Entra compares them with the registered address. It
/// ignores the port (RFC 8252, section 7.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri {
    host: String,
    port: u16,
    /// The port is not part of the configured address: the setting `port` has it.
    has_separate_port: bool,
    path: String,
}

impl RedirectUri {
    /// Returns `http://localhost:<port>`, as MSAL does; 0 means a free port.
    pub fn localhost(port: u16) -> Self {
        RedirectUri {
            host: "localhost".to_owned(),
            port,
            has_separate_port: true,
            path: String::new(),
        }
    }

    /// Parses `http://localhost[:port][/path]`, also with `127.0.0.1` and `[::1]`. Without a port it
    /// means a free one.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) for another host, and for an address that a browser
    /// would rewrite.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::usage(
                format!("the redirect URI {why}"),
                "Run `acspass config set redirect-uri http://localhost:8080/redirect`, with the URI as it is \
                 registered.",
            )
        };
        if text.len() > MAX_URI_LENGTH {
            return Err(wrong("must have at most 256 characters"));
        }
        let rest = text
            .strip_prefix("http://")
            .ok_or_else(|| wrong("must start with http://"))?;
        let (authority, path) = match rest.find(['/', '?', '#']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if path.contains(['?', '#']) {
            return Err(wrong("must not have a query or a fragment"));
        }
        if !is_plain_path(path) {
            return Err(wrong("has a path that a browser would change"));
        }
        // The colons of `[::1]` do not start a port.
        let host_end = authority.find(']').map_or(0, |bracket| bracket + 1);
        let (host, port) = match authority[host_end..].find(':') {
            Some(colon) => {
                let (host, port) = authority.split_at(host_end + colon);
                let port = &port[1..];
                let number = port.parse().unwrap_or(0);
                if number == 0 || number.to_string() != port {
                    return Err(wrong("must have a port from 1 to 65535"));
                }
                (host, number)
            }
            None => (authority, 0),
        };
        if !host.eq_ignore_ascii_case("localhost") && host != "127.0.0.1" && host != "[::1]" {
            return Err(wrong("must have the host localhost, 127.0.0.1 or [::1]"));
        }
        Ok(RedirectUri {
            host: host.to_owned(),
            port,
            has_separate_port: false,
            path: path.to_owned(),
        })
    }

    /// Returns the same address at another port; 0 means a free one.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self.has_separate_port = true;
        self
    }

    /// Returns the configured port; 0 means a free one.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the hint for a port that is taken: the command that selects a free one.
    pub(crate) fn other_port(&self) -> String {
        let setting = match self.has_separate_port {
            true => "port 0".to_owned(),
            false => {
                let uri = format!("http://{}{}", self.host, self.path);
                format!("redirect-uri {}", shell_word(&uri, "URI"))
            }
        };
        format!("Run `acspass config set {setting}` to use a free port.")
    }

    /// Returns the address with its actual port, as Entra gets it.
    pub(super) fn at(&self, port: u16) -> String {
        self.beside(port, &self.path)
    }

    /// Returns the address of another path at the same host and port.
    pub(super) fn beside(&self, port: u16, path: &str) -> String {
        format!("http://{}:{port}{path}", self.host)
    }

    /// Returns the path of a browser's request to this address.
    pub(super) fn request_path(&self) -> &str {
        match self.path.as_str() {
            "" => "/",
            path => path,
        }
    }

    /// Returns the IP address if the host is not a name.
    pub(super) fn literal(&self) -> Option<IpAddr> {
        self.host.trim_matches(['[', ']']).parse().ok()
    }
}

/// A redirect address without a listener: the user pastes the response. It is not normalized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasteUri(String);

impl PasteUri {
    /// Returns `http://localhost`, with a port unless that is 0.
    pub fn localhost(port: u16) -> Self {
        match port {
            0 => PasteUri("http://localhost".to_owned()),
            port => PasteUri(format!("http://localhost:{port}")),
        }
    }

    /// Parses any absolute URI without a fragment (RFC 6749, section 3.1.2).
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) for other text.
    pub fn parse(text: &str) -> Result<Self> {
        let is_plain =
            text.len() <= MAX_URI_LENGTH && text.bytes().all(|byte| byte.is_ascii_graphic());
        let is_absolute = url::Url::parse(text).is_ok_and(|url| {
            url.fragment().is_none() && url.username().is_empty() && url.password().is_none()
        });
        match is_plain && is_absolute {
            true => Ok(PasteUri(text.to_owned())),
            false => Err(Error::usage(
                "the redirect URI must be absolute and have no fragment",
                "Write it as it is registered, for example \
                 https://login.microsoftonline.com/common/oauth2/nativeclient.",
            )),
        }
    }

    /// Returns the address as Entra gets it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether a browser sends this path unchanged: it has only characters of RFC 3986, section
/// 3.3, and no dot segments.
fn is_plain_path(path: &str) -> bool {
    let bytes = path.as_bytes();
    let plain = bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'%' => bytes
            .get(at + 1..at + 3)
            .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)),
        byte => byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(byte),
    });
    plain
        && path.split('/').all(|segment| {
            let segment = segment.to_ascii_lowercase().replace("%2e", ".");
            segment != "." && segment != ".."
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn addresses_are_not_normalized() {
        for (text, sent, path) in [
            ("http://localhost", "http://localhost:7", "/"),
            ("http://localhost/", "http://localhost:7/", "/"),
            (
                "http://localhost:8080/redirect",
                "http://localhost:7/redirect",
                "/redirect",
            ),
            (
                "http://127.0.0.1:8080/A/b%20c",
                "http://127.0.0.1:7/A/b%20c",
                "/A/b%20c",
            ),
            ("http://[::1]:8080", "http://[::1]:7", "/"),
            ("http://LOCALHOST:8080", "http://LOCALHOST:7", "/"),
        ] {
            let uri = RedirectUri::parse(text).expect(text);
            assert_eq!(uri.at(7), sent);
            assert_eq!(uri.request_path(), path);
        }
        assert_eq!(
            RedirectUri::localhost(0).at(51_004),
            "http://localhost:51004"
        );
    }

    #[test]
    fn ports_are_read_or_left_to_chance() {
        for (text, port) in [
            ("http://localhost:8080/x", 8080),
            ("http://localhost/x", 0),
            ("http://[::1]", 0),
            ("http://[::1]:65535", 65_535),
        ] {
            assert_eq!(RedirectUri::parse(text).expect(text).port(), port);
        }
    }

    #[test]
    fn free_port_is_selected_by_the_setting_that_has_the_port() {
        let uri = |text| RedirectUri::parse(text).expect(text);
        for (uri, command) in [
            (RedirectUri::localhost(8080), "port 0"),
            (uri("http://localhost:8080/x").with_port(8081), "port 0"),
            (
                uri("http://localhost:8080/x"),
                "redirect-uri http://localhost/x",
            ),
        ] {
            let expected = format!("Run `acspass config set {command}` to use a free port.");
            assert_eq!(uri.other_port(), expected);
        }
    }

    #[test]
    fn address_that_is_not_plain_loopback_is_refused() {
        let long = format!("http://localhost/{}", "a".repeat(250));
        for text in [
            "",
            "localhost:8080",
            "https://localhost:8080",
            "http://",
            "http://:8080",
            "http://localhost.evil.test:8080",
            "http://localhost@evil.test",
            "http://user@localhost:8080",
            "http://evil.test#@localhost",
            "http://127.0.0.2:8080",
            "http://0.0.0.0:8080",
            "http://[::]:8080",
            "http://[::1:8080",
            "http://::1:8080",
            "http://[::1]x:80",
            "http://localhost:0",
            "http://localhost:08080",
            "http://localhost:+80",
            "http://localhost:65536",
            "http://localhost:",
            "http://localhost:80/a?b=c",
            "http://localhost?x",
            "http://localhost#f",
            "http://localhost\\x",
            "http://localhost:80/a b",
            "http://localhost:80/a\r\nHost: evil.test",
            "http://localhost:80/../a",
            "http://localhost:80/%2E%2e/a",
            "http://localhost:80/%zz",
            "http://localhost:80/%2",
            "http://localhost:80/ü",
            &long,
        ] {
            let error = RedirectUri::parse(text).expect_err(text);
            assert_eq!(error.kind(), Kind::Usage, "{text}");
        }
    }
}
