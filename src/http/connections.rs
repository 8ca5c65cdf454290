//! The clients of `reqwest`, built on demand: one for each kind of connection.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::PoisonError;
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use tokio::time::Instant;
use tracing::trace;
use url::Url;

use super::client::{Clients, ConnectionKind, Http};
use super::early::{self, EarlyConnections};
use super::message::host_of;
use super::proxies::{ProxyRoute, Route};
use super::trust::{client_config, read_all, system_bundle};
use crate::error::{Error, Result};
use crate::loopback;

/// The time limit of connecting, including name resolution, proxy and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);
/// A cloud machine's metadata service, which gives a managed identity its tokens: link-local (RFC
/// 3927), never routed, over plain http.
const METADATA_SERVICE: &str = "169.254.169.254";
/// A connection with a response this recently is still open, in most cases.
const STILL_OPEN: Duration = Duration::from_secs(80);
/// The longest time that a connection without a request is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

impl Http {
    /// Returns the time limit of connecting: less than a whole try, so that a failed connection differs
    /// from a missing response.
    pub(super) fn connect_timeout(&self) -> Duration {
        CONNECT_TIMEOUT.min(self.options.attempt_timeout * 2 / 3)
    }

    /// Opens a connection for a request to this address that follows soon, unless one is open. A failure
    /// is left to that request.
    pub(crate) fn open_early(&self, url: &Url) {
        let Ok(route) = self.route(url) else { return };
        let route = match &route {
            Route::Direct { .. } => None,
            Route::Through(route) => Some(route),
        };
        let Ok(clients) = self.clients_for(url, route) else {
            return;
        };
        if let Some((opener, early)) = clients.opener.filter(|_| !self.has_open_connection(url)) {
            let url = url.clone();
            tokio::spawn(async move {
                trace!("Opening a connection to {} early.", host_of(&url));
                let stand_in = opener.get(url.clone()).send();
                // It always fails: what was opened is kept.
                let _ = early::for_later(&url, stand_in).await;
                early.close_unused().await;
            });
        }
    }

    fn has_open_connection(&self, url: &Url) -> bool {
        let last = self.last_responses.lock();
        let last = last.unwrap_or_else(PoisonError::into_inner);
        let last = last.get(&host_of(url));
        last.is_some_and(|at| at.elapsed() < STILL_OPEN)
    }

    /// Records that a response came from this host.
    pub(super) fn record_response(&self, host: &str) {
        let last = self.last_responses.lock();
        let mut last = last.unwrap_or_else(PoisonError::into_inner);
        last.insert(host.to_owned(), Instant::now());
    }

    /// Returns the clients for this address, and for the proxy on the way to it. Files of authorities
    /// are read when they are built.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if plain http would leave this machine, or if they cannot be
    /// built.
    pub(super) fn clients_for(&self, url: &Url, route: Option<&ProxyRoute>) -> Result<Clients> {
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
        if let Some(clients) = clients.get(&kind) {
            return Ok(clients.clone());
        }
        let built = self.build(kind, route)?;
        clients.insert(kind, built.clone());
        Ok(built)
    }

    fn build(&self, kind: ConnectionKind, route: Option<&ProxyRoute>) -> Result<Clients> {
        // The embedding program may have installed another provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = match kind {
            ConnectionKind::Plain => None,
            ConnectionKind::Tls | ConnectionKind::Proxied => Some(self.tls_config()?),
        };
        let route = route.filter(|_| kind == ConnectionKind::Proxied);
        let kept = EarlyConnections::default();
        Ok(Clients {
            sender: self.build_client(route, tls.clone(), &kept)?,
            opener: Some((self.build_client(route, tls, &kept)?, kept)),
        })
    }

    /// Returns the TLS settings of a client: the system's certificates and those of the options.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if a required file cannot be read.
    pub(crate) fn tls_config(&self) -> Result<ClientConfig> {
        let files = &self.options.ca_files;
        let mut extra = read_all(files)?;
        if self.options.needs_system_bundle {
            extra.extend(system_bundle());
        }
        let named_by = files.iter().map(|file| file.named_by).collect();
        client_config(extra, named_by, self.issuers.clone()).map_err(no_ca_certificates)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the only call that builds the HTTP client"
    )]
    fn build_client(
        &self,
        route: Option<&ProxyRoute>,
        tls: Option<ClientConfig>,
        kept: &EarlyConnections,
    ) -> Result<Client> {
        // Port 0 means the port of the requested address.
        let localhost = [
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
        ];
        let mut builder = Client::builder()
            .user_agent(concat!("acspass/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(self.connect_timeout())
            .connector_layer(kept.clone())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .resolve_to_addrs("localhost", &localhost)
            .no_proxy();
        if let Some(route) = route {
            builder = builder.proxy(route.for_client()?);
        }
        let builder = match tls {
            None => builder.tls_certs_only([]),
            Some(tls) => builder.tls_backend_preconfigured(tls),
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
