//! The clients of `reqwest`, built on demand: one for each kind of connection.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::PoisonError;
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use url::Url;

use super::client::{ConnectionKind, Http};
use super::message::host_of;
use super::proxies::ProxyRoute;
use super::trust::{client_config, read_all, system_bundle};
use crate::error::{Error, Result};
use crate::loopback;

/// The time limit of connecting, including name resolution, proxy and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);
/// A cloud machine's metadata service, which gives a managed identity its tokens: link-local (RFC
/// 3927), never routed, over plain http.
const METADATA_SERVICE: &str = "169.254.169.254";

impl Http {
    /// Returns the time limit of connecting: less than a whole try, so that a failed connection differs
    /// from a missing response.
    pub(super) fn connect_timeout(&self) -> Duration {
        CONNECT_TIMEOUT.min(self.options.attempt_timeout * 2 / 3)
    }

    /// Returns the client for this address, and for the proxy on the way to it. Files of authorities
    /// are read when a client is built.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if plain http would leave this machine, or if a client
    /// cannot be built.
    pub(super) fn client_for(&self, url: &Url, route: Option<&ProxyRoute>) -> Result<Client> {
        let host = url.host_str().unwrap_or_default();
        let is_local = loopback::is_loopback_host(host) || host == METADATA_SERVICE;
        let kind = match (url.scheme(), route) {
            ("https", Some(_)) if !is_local => ConnectionKind::Proxied,
            ("https", _) => ConnectionKind::Tls,
            _ if is_local => ConnectionKind::Plain,
            _ => {
                return Err(Error::usage(
                    format!("the address of {} uses http without TLS", host_of(url)),
                    "Use https. http is allowed for loopback hosts only.",
                ));
            }
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&kind) {
            return Ok(client.clone());
        }
        let client = self.build(kind, route)?;
        clients.insert(kind, client.clone());
        Ok(client)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the only call that builds the HTTP client"
    )]
    fn build(&self, kind: ConnectionKind, route: Option<&ProxyRoute>) -> Result<Client> {
        // Port 0 means the port of the requested address.
        let localhost = [
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
        ];
        let mut builder = Client::builder()
            .user_agent(concat!("acspass/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(self.connect_timeout())
            .resolve_to_addrs("localhost", &localhost)
            .no_proxy();
        if let (ConnectionKind::Proxied, Some(route)) = (kind, route) {
            builder = builder.proxy(route.for_client()?);
        }
        // The embedding program may have installed another provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        builder = if kind == ConnectionKind::Plain {
            builder.tls_certs_only([])
        } else {
            let files = &self.options.ca_files;
            let mut extra = read_all(files)?;
            if self.options.needs_system_bundle {
                extra.extend(system_bundle());
            }
            let named_by = files.iter().map(|file| file.named_by).collect();
            let tls = client_config(extra, named_by, self.issuers.clone());
            builder.tls_backend_preconfigured(tls.map_err(no_ca_certificates)?)
        };
        builder.build().map_err(no_ca_certificates)
    }
}

fn no_ca_certificates(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::usage(
        "no certificate authorities were found for TLS connections",
        "Install the system's CA certificates (Debian: ca-certificates), or name a PEM file in \
         ACSPASS_CA_FILE.",
    )
    .caused_by(error)
}
