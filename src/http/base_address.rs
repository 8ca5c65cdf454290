//! The address of a service as a user enters it: scheme, host, port and perhaps a path.

use std::fmt;

use url::{Host, Url};

use super::message::host_of;
use crate::error::{Error, Result};
use crate::input;
use crate::loopback;
use crate::text::secret_form;

/// A checked address: https, or http on this machine's loopback; no user name, query or fragment.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BaseAddress(Url);

impl BaseAddress {
    /// Reads an address. Trailing slashes are dropped; a host without a scheme is meant with https. `wrong`
    /// makes the error from what is wrong, which contains nothing of the text.
    ///
    /// # Errors
    /// The error of `wrong`.
    pub(crate) fn parse(text: &str, wrong: impl Fn(&str) -> Error) -> Result<Self> {
        if let Some(form) = secret_form(text) {
            return Err(wrong(&format!("is {form}")));
        }
        let url = with_scheme(input::bare(text).trim_end_matches('/'))
            .ok_or_else(|| wrong("is not a URL with a scheme"))?;
        match url.scheme() {
            "https" => {}
            "http" if url.host_str().is_some_and(loopback::is_loopback_host) => {}
            "http" => return Err(wrong("uses http, which is allowed for loopback hosts only")),
            _ => return Err(wrong("uses neither https nor http")),
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(wrong("has no host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("contains a user name or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("has a query or a fragment"));
        }
        Ok(BaseAddress(url))
    }

    /// Returns the URL.
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// Returns whether the address has a path beside `/`.
    pub(crate) fn has_path(&self) -> bool {
        self.0.path() != "/"
    }

    /// Returns the address as text, without a trailing slash.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// Returns the host, without a port.
    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Returns the host, with the port if it is not the scheme's default.
    pub(crate) fn host_and_port(&self) -> String {
        host_of(&self.0)
    }

    /// Returns the address of a request target, which begins with a slash.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if the target is not valid in a URL.
    pub(crate) fn at(&self, target: &str) -> Result<Url> {
        Url::parse(&format!("{}{target}", self.as_str()))
            .map_err(|_| Error::internal("a request target does not make a URL"))
    }

    /// Returns whether the host is this machine's loopback, or one of these.
    pub(crate) fn is_loopback_or(&self, allowed_hosts: &[String]) -> bool {
        let host = self.host();
        let mut allowed = allowed_hosts.iter();
        loopback::is_loopback_host(host) || allowed.any(|own| own.eq_ignore_ascii_case(host))
    }
}

/// Reads a URL. A host alone is meant with https, since plain http is for loopback only; a loopback
/// host alone could be either.
fn with_scheme(text: &str) -> Option<Url> {
    if text.contains("://") {
        return Url::parse(text).ok();
    }
    let url = Url::parse(&format!("https://{text}")).ok()?;
    let is_name = matches!(url.host(), Some(Host::Domain(name)) if name.contains('.'));
    (is_name && !url.host_str().is_some_and(loopback::is_loopback_host)).then_some(url)
}

impl fmt::Display for BaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
