//! Web origins, parsed strictly.

use std::fmt;

use url::Url;

use super::host::is_loopback_host;
use crate::error::{Error, Kind, Result};
use crate::text::quoted;

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
                "write it as the browser does, like https://app.contoso.com or \
                 http://localhost:3000",
            )
        };
        let none = || wrong("is not a web origin");
        let url = Url::parse(text).map_err(|_| none())?;
        let host = url.host_str().ok_or_else(none)?;
        let origin = url.origin().ascii_serialization();
        match url.scheme() {
            "https" => {}
            "http" if is_loopback_host(host) => {}
            "http" => return Err(wrong("is plain http and not on this machine")),
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
