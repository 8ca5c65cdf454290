//! A resource's endpoint and the hosts that may get Entra tokens; its connection string and access
//! key, which are parsed strictly and never shown.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::{Position, Url};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::http::BaseAddress;
use crate::input;
use crate::secret::AccessKey;
use crate::text::{shell_word, shown};

/// The domains of the public and the US Government cloud, below which ACS resources live.
const SERVICE_DOMAINS: [&str; 2] = [".communication.azure.com", ".communication.azure.us"];

/// An ACS resource's endpoint: scheme, host and port, nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(BaseAddress);

impl Endpoint {
    /// Reads an endpoint such as `https://contoso.communication.azure.com`. Trailing slashes are
    /// dropped; a host without a scheme is meant with https.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if it is not a URL, has a path, query or user name, or is `http` on a
    /// host that is not this machine's loopback.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Error::usage(
                format!("the endpoint of the ACS resource {what}"),
                "Copy the endpoint from the portal, under Keys, like \
                 https://contoso.communication.azure.com.",
            )
        };
        let address = BaseAddress::parse(text, wrong)?;
        if address.has_path() {
            return Err(wrong("has a path, a query or a fragment"));
        }
        Ok(Endpoint(address))
    }

    /// Returns the endpoint as text, without a trailing slash. It is part of a cached token's key.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host, without a port.
    pub fn host(&self) -> &str {
        self.0.host()
    }

    /// The `Host` header that a request to it carries, and that its signature covers: with the
    /// port if it is not the scheme's default.
    pub fn host_header(&self) -> String {
        self.0.host_and_port()
    }

    /// The address of a request target, which begins with a slash.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if the target is not valid in a URL.
    pub(crate) fn at(&self, target: &str) -> Result<Url> {
        self.0.at(target)
    }

    /// Returns path and query of a link that leads to this endpoint; `None` if it leads elsewhere.
    pub(crate) fn target_of(&self, link: &str) -> Option<String> {
        let url = self.0.url().join(link).ok()?;
        let is_here = url.origin() == self.0.url().origin() && url.username().is_empty();
        is_here.then(|| url[Position::BeforePath..Position::AfterQuery].to_owned())
    }

    /// Checks that an Entra token may be sent to this endpoint: to ACS's domains, to loopback, and to
    /// hosts that the profile allows by name.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) naming the host.
    pub fn check_may_receive(&self, allowed_hosts: &[String]) -> Result<()> {
        let host = self.host();
        if SERVICE_DOMAINS.iter().any(|domain| host.ends_with(domain))
            || self.0.is_loopback_or(allowed_hosts)
        {
            return Ok(());
        }
        Err(Error::usage(
            format!(
                "{} is not a host of Azure Communication Services: no Entra token is sent there",
                shown(host)
            ),
            format!(
                "Check the endpoint. If the host is yours, run `acspass config set allow-endpoint {}`.",
                shell_word(host, "HOST")
            ),
        ))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.as_str())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An endpoint and its access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionString {
    /// The resource.
    pub endpoint: Endpoint,
    /// Its access key.
    pub access_key: AccessKey,
}

impl ConnectionString {
    /// Reads `endpoint=https://…/;accesskey=…`: keys in any case and order, spaces around them
    /// and a trailing semicolon allowed, unknown keys left alone (as the .NET and Python SDKs do).
    /// Quotes, an assignment or JSON around it are removed, see [`input::connection_string`].
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage); nothing of the string is in the error.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Error::usage(
                format!("the connection string {what}"),
                "Copy the whole connection string from the portal, under Keys. It begins with `endpoint=`.",
            )
        };
        let text = input::connection_string(text);
        if text.is_empty() {
            return Err(wrong("is empty"));
        }
        let (mut endpoint, mut access_key) = (None, None);
        for part in text.split(';').filter(|part| !part.trim().is_empty()) {
            let pair = part.split_once('=');
            let (key, value) = pair.ok_or_else(|| wrong("has a part without `=`"))?;
            let slot = match key.trim().to_ascii_lowercase().as_str() {
                "endpoint" => &mut endpoint,
                "accesskey" => &mut access_key,
                _ => continue,
            };
            if slot.replace(value.trim()).is_some() {
                return Err(wrong("has a key twice"));
            }
        }
        let endpoint = endpoint.ok_or_else(|| wrong("has no endpoint"))?;
        let access_key = access_key.ok_or_else(|| wrong("has no accesskey"))?;
        Ok(ConnectionString {
            endpoint: Endpoint::parse(endpoint)?,
            access_key: check_access_key(access_key)?,
        })
    }
}

/// Takes an access key, which is Base64 as the portal shows it.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if it is not; nothing of it is in the error.
pub fn check_access_key(text: &str) -> Result<AccessKey> {
    // A terminal may have broken it into lines.
    let key: Zeroizing<String> = Zeroizing::new(input::bare(text).split_whitespace().collect());
    match STANDARD.decode(key.as_bytes()) {
        Ok(bytes) if !bytes.is_empty() => Ok(AccessKey::new(key.as_str())),
        _ => Err(not_base64()),
    }
}

pub(in crate::acs) fn not_base64() -> Error {
    Error::usage(
        "the access key of the ACS resource is not Base64",
        "Copy the whole access key from the portal, under Keys.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_host_without_a_scheme_is_meant_with_https() {
        for text in [
            "contoso.communication.azure.com",
            " contoso.communication.azure.com/ ",
            "Contoso.communication.azure.com:443",
        ] {
            let endpoint = Endpoint::parse(text).expect(text);
            assert_eq!(endpoint.as_str(), "https://contoso.communication.azure.com");
        }
        let with_port = Endpoint::parse("proxy.contoso.com:8443/").expect("a host and a port");
        assert_eq!(with_port.as_str(), "https://proxy.contoso.com:8443");
        // Either scheme could be meant, or it is no host.
        for text in [
            "localhost:8485",
            "127.0.0.1:8485",
            "[::1]:8485",
            "contoso",
            "a.b/path",
            "a b.c",
            "user@a.b",
        ] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn http_is_for_loopback_only() {
        assert!(Endpoint::parse("http://localhost:8080").is_ok());
        assert!(Endpoint::parse("http://[::1]:8080/").is_ok());
        assert!(Endpoint::parse("http://localhost.evil.test").is_err());
    }

    #[test]
    fn host_header_has_a_port_only_if_it_is_not_the_default() {
        for (endpoint, host) in [
            (
                "https://a.communication.azure.com:443/",
                "a.communication.azure.com",
            ),
            ("https://127.0.0.1:8443", "127.0.0.1:8443"),
            ("http://localhost:7071", "localhost:7071"),
            ("http://[::1]:7071", "[::1]:7071"),
        ] {
            let endpoint = Endpoint::parse(endpoint).expect(endpoint);
            assert_eq!(endpoint.host_header(), host);
        }
    }

    #[test]
    fn entra_token_is_sent_to_no_other_host() {
        let may = |text: &str, allowed: &[String]| {
            Endpoint::parse(text)
                .expect(text)
                .check_may_receive(allowed)
                .is_ok()
        };
        assert!(may("https://a.communication.azure.com", &[]));
        assert!(may("https://a.unitedstates.communication.azure.com", &[]));
        assert!(may("https://a.communication.azure.us", &[]));
        assert!(may("http://localhost:1", &[]));
        assert!(!may("https://communication.azure.com.evil.test", &[]));
        assert!(!may("https://evilcommunication.azure.com", &[]));
        assert!(!may("https://proxy.test", &[]));
        assert!(may("https://proxy.test", &["Proxy.test".to_owned()]));
    }

    const KEY: &str = "c2VjcmV0LW1hcmtlcg==";

    #[test]
    fn connection_string_is_parsed_in_common_forms() {
        for text in [
            format!("endpoint=https://c.communication.azure.com/;accesskey={KEY}"),
            format!("endpoint=https://c.communication.azure.com;accesskey={KEY};"),
            format!("AccessKey={KEY};Endpoint=https://C.communication.azure.com//"),
            format!(" endpoint = https://c.communication.azure.com ; accesskey = {KEY} ;extra=1"),
            format!("endpoint=c.communication.azure.com;accesskey={KEY}"),
            format!("\u{feff}\"endpoint=https://c.communication.azure.com/;accesskey={KEY}\"\r\n"),
            format!(
                "endpoint=https://c.communication.azure.com/;\r\naccesskey={}\r\n{}",
                &KEY[..9],
                &KEY[9..]
            ),
        ] {
            let read = ConnectionString::parse(&text).expect(&text);
            assert_eq!(read.endpoint.as_str(), "https://c.communication.azure.com");
            assert_eq!(read.access_key.expose(), KEY);
        }
    }

    #[test]
    fn malformed_text_is_refused_and_not_shown() {
        for text in [
            String::new(),
            KEY.to_owned(),
            format!("accesskey={KEY}"),
            "endpoint=https://c.communication.azure.com/".to_owned(),
            format!("endpoint=https://c.communication.azure.com/x;accesskey={KEY}"),
            format!("endpoint=https://c.communication.azure.com/?q={KEY};accesskey={KEY}"),
            format!("endpoint=http://c.communication.azure.com;accesskey={KEY}"),
            format!("endpoint=ftp://localhost;accesskey={KEY}"),
            format!("endpoint=localhost:8485;accesskey={KEY}"),
            format!("endpoint=https://u:{KEY}@localhost;accesskey={KEY}"),
            format!("endpoint=https://a.b;accesskey={KEY};accesskey={KEY}"),
            format!("endpoint=https://a.b;endpoint=https://c.d;accesskey={KEY}"),
            "endpoint=https://a.b;accesskey=not base64!".to_owned(),
            "endpoint=https://a.b;accesskey=".to_owned(),
        ] {
            let error = ConnectionString::parse(&text).expect_err(&text);
            assert_eq!(error.kind(), Kind::Usage, "{text}");
            assert!(!format!("{error:?}").contains(KEY), "{text}");
        }
    }

    #[test]
    fn a_link_to_another_host_has_no_target_here() {
        let endpoint = Endpoint::parse("https://a.communication.azure.com").expect("one");
        let list = "/access/entra/assignments?api-version=1&$skip=2";
        for link in [list, &format!("https://a.communication.azure.com{list}")] {
            assert_eq!(endpoint.target_of(link).as_deref(), Some(list));
        }
        for other in [
            "https://b.communication.azure.com/x",
            "http://a.communication.azure.com/x",
            "https://a.communication.azure.com:8443/x",
            "//evil.test/x",
            "https://user@a.communication.azure.com/x",
            "https://",
        ] {
            assert_eq!(endpoint.target_of(other), None, "{other}");
        }
    }
}
