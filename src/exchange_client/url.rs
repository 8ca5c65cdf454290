//! The address of an exchange service, and the hosts that may get Entra tokens.

use std::fmt;

use url::Url;

use crate::error::{Error, Result};
use crate::http::BaseAddress;
use crate::text::{shell_word, shown};

/// The address of an exchange service: scheme, host, port and perhaps a path.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceUrl(BaseAddress);

impl ServiceUrl {
    /// Reads an address such as `https://exchange.contoso.com`. Trailing slashes are dropped; a host
    /// without a scheme is meant with https.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if it is not a URL, has a query, a fragment or a user name, or is
    /// `http` on a host that is not this machine's loopback.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Error::usage(
                format!("the address of the exchange service {what}"),
                "Use the address from your organisation, like https://exchange.contoso.com.",
            )
        };
        BaseAddress::parse(text, wrong).map(ServiceUrl)
    }

    /// Returns the address as text, without a trailing slash. It is part of a cached token's key.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host, without a port.
    pub fn host(&self) -> &str {
        self.0.host()
    }

    /// The host, with the port if it is not the scheme's default.
    pub fn host_and_port(&self) -> String {
        self.0.host_and_port()
    }

    /// Returns the address of a path, which begins with a slash.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if the path is not valid in a URL.
    pub(crate) fn at(&self, path: &str) -> Result<Url> {
        self.0.at(path)
    }

    /// Checks that Entra tokens may be sent to this service: to loopback, and to hosts that the profile
    /// allows by name.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) naming the host.
    pub fn check_may_receive(&self, allowed_hosts: &[String]) -> Result<()> {
        if self.0.is_loopback_or(allowed_hosts) {
            return Ok(());
        }
        let host = self.host();
        Err(Error::usage(
            format!(
                "the profile does not allow the exchange service at {}: no Entra token is sent there",
                shown(host)
            ),
            format!(
                "Check `exchange-service` with your organisation. If it is correct, run `acspass config \
                 set allow-endpoint {}`.",
                shell_word(host, "HOST")
            ),
        ))
    }
}

impl fmt::Debug for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceUrl({})", self.as_str())
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_or_on_loopback() {
        for (text, expected) in [
            (
                "https://exchange.contoso.com/",
                "https://exchange.contoso.com",
            ),
            (
                "https://apps.contoso.com/acs//",
                "https://apps.contoso.com/acs",
            ),
            ("\"http://127.0.0.1:8488\"", "http://127.0.0.1:8488"),
            ("exchange.contoso.com", "https://exchange.contoso.com"),
        ] {
            let url = ServiceUrl::parse(text).expect(text);
            assert_eq!(url.as_str(), expected);
            let token = url.at("/v1/token").expect("an address");
            assert_eq!(token.as_str(), format!("{expected}/v1/token"));
        }
        for text in [
            "",
            "exchange",
            "localhost:8488",
            "http://exchange.contoso.com",
            "http://localhost.evil.test",
            "ftp://localhost",
            "https://user:pass@exchange.contoso.com",
            "https://exchange.contoso.com/?x=1",
            "https://exchange.contoso.com/#x",
        ] {
            assert!(ServiceUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_loopback_and_allowed_hosts_get_a_token() {
        let may = |text: &str, allowed: &[&str]| {
            let allowed: Vec<String> = allowed.iter().map(|host| (*host).to_owned()).collect();
            let url = ServiceUrl::parse(text).expect(text);
            url.check_may_receive(&allowed).is_ok()
        };
        assert!(may("http://127.0.0.1:8488", &[]));
        assert!(may(
            "https://exchange.contoso.com",
            &["Exchange.Contoso.com"]
        ));
        assert!(!may("https://exchange.contoso.com", &[]));
        assert!(!may(
            "https://exchange.contoso.com.evil.test",
            &["exchange.contoso.com"]
        ));
        // A host of ACS does not run an exchange service.
        assert!(!may("https://a.communication.azure.com", &[]));
    }
}
