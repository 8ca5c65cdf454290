//! The reqwest clients, built on demand: one for each kind of route.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;
use rustls::pki_types::CertificateDer;
use url::Url;

use super::authorities::{self, AuthorityFile};
use super::options::Options;
use super::proxies::ProxyRoute;
use super::request::host_of;
use super::trust::{self, Issuers};

use crate::error::{Error, Kind, Result};
use crate::loopback;

/// The time limit of connecting, including name resolution, proxy and TLS.
const CONNECTING: Duration = Duration::from_secs(8);

/// The connections of one [`Http`](super::client::Http).
pub(super) struct Connections {
    authorities: Vec<AuthorityFile>,
    adds_system_bundle: bool,
    issuers: Issuers,
    connecting: Duration,
    clients: Mutex<Clients>,
}

/// A client for each kind of route. Most processes build one of them.
#[derive(Default)]
struct Clients {
    loopback_plain: Option<Client>,
    loopback_tls: Option<Client>,
    direct: Option<Client>,
    proxied: Option<Client>,
}

impl Connections {
    /// Creates the connections. Files of authorities are read when a client is built.
    pub(super) fn new(options: Options) -> Self {
        Connections {
            authorities: options.authorities,
            adds_system_bundle: options.adds_system_bundle,
            issuers: Issuers::default(),
            // Less than a whole try, so that a failed connection differs from a missing response.
            connecting: CONNECTING.min(options.one_try * 2 / 3),
            clients: Mutex::default(),
        }
    }

    /// Uses this client for every route.
    pub(super) fn over(client: Client) -> Self {
        Connections {
            authorities: Vec::new(),
            adds_system_bundle: false,
            issuers: Issuers::default(),
            connecting: CONNECTING,
            clients: Mutex::new(Clients {
                loopback_plain: Some(client.clone()),
                loopback_tls: Some(client.clone()),
                direct: Some(client.clone()),
                proxied: Some(client),
            }),
        }
    }

    /// Returns the time limit of connecting.
    pub(super) fn connecting(&self) -> Duration {
        self.connecting
    }

    /// Returns the issuer of the certificate that the host presented last, if one was seen.
    pub(super) fn issuer(&self, url: &Url) -> Option<String> {
        self.issuers.of(url.host_str()?)
    }

    /// Returns the client for this address, and for the proxy on the way to it. All proxied
    /// addresses share one proxy, which the settings name.
    ///
    /// # Errors
    /// [`Kind::Usage`] if plain http would leave this machine, or if a client cannot be built.
    pub(super) fn client_for(&self, url: &Url, route: Option<&ProxyRoute>) -> Result<Client> {
        let host = url.host_str().unwrap_or_default();
        // A managed identity's metadata service uses plain http, on this link only.
        let is_loopback = loopback::is_loopback_host(host) || is_metadata_service(host);
        let is_tls = url.scheme() == "https";
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = match (is_loopback, is_tls, route) {
            (true, false, _) => &mut clients.loopback_plain,
            (true, true, _) => &mut clients.loopback_tls,
            (false, true, None) => &mut clients.direct,
            (false, true, Some(_)) => &mut clients.proxied,
            (false, false, _) => {
                return Err(Error::new(
                    Kind::Usage,
                    format!("{} would be reached over plain http", host_of(url)),
                    "use https; http is for this machine's own loopback only",
                ));
            }
        };
        if slot.is_none() {
            *slot = Some(self.build(is_tls, route.filter(|_| !is_loopback))?);
        }
        slot.clone()
            .ok_or_else(|| Error::internal("a client was built and is not there"))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the only call that builds the HTTP client"
    )]
    fn build(&self, is_tls: bool, route: Option<&ProxyRoute>) -> Result<Client> {
        let mut builder = Client::builder()
            .user_agent(concat!("acspass/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(self.connecting)
            // Port 0 means the port of the requested address.
            .resolve_to_addrs(
                "localhost",
                &[
                    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
                    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
                ],
            );
        builder = builder.no_proxy();
        if let Some(route) = route {
            builder = builder.proxy(route.for_client()?);
        }
        // The embedding program may have installed another provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let no_authorities = |error: Box<dyn std::error::Error + Send + Sync>| {
            Error::new(
                Kind::Usage,
                "secure connections cannot be set up: no certificate authorities were found",
                "install the system's CA certificates (Debian: ca-certificates), or name a PEM \
                 file in ACSPASS_CA_FILE",
            )
            .caused_by(error)
        };
        builder = if is_tls {
            let named_by = self.authorities.iter().map(|file| file.named_by).collect();
            let extra = self.extra_authorities()?;
            let tls = trust::client_config(extra, named_by, self.issuers.clone());
            builder.tls_backend_preconfigured(tls.map_err(|error| no_authorities(error.into()))?)
        } else {
            builder.tls_certs_only([])
        };
        builder
            .build()
            .map_err(|error| no_authorities(error.into()))
    }

    fn extra_authorities(&self) -> Result<Vec<CertificateDer<'static>>> {
        let mut all = authorities::from_files(&self.authorities)?;
        if self.adds_system_bundle {
            all.extend(authorities::system_bundle());
        }
        Ok(all)
    }
}

/// Returns whether this is the address of a cloud machine's metadata service: link-local (RFC 3927), never routed.
fn is_metadata_service(host: &str) -> bool {
    host == "169.254.169.254"
}
