//! The reqwest clients: built when first needed, one for each way that a connection can take.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Certificate, Client};
use url::Url;

use super::authorities::{self, AuthorityFile};
use super::proxies::Proxies;
use super::{Options, host_of};
use crate::error::{Error, Kind, Result};
use crate::loopback;

const CONNECTING: Duration = Duration::from_secs(8);

/// The connections of one [`super::Http`].
pub(super) struct Connections {
    authorities: Vec<AuthorityFile>,
    adds_system_bundle: bool,
    proxies: Proxies,
    clients: Mutex<Clients>,
}

/// A client for each way that a connection can take; most runs build one of them.
#[derive(Default)]
struct Clients {
    loopback_plain: Option<Client>,
    loopback_tls: Option<Client>,
    outward: Option<Client>,
}

impl Connections {
    /// Reads files of authorities and settings of proxies once a client is built.
    pub(super) fn new(options: Options) -> Self {
        Connections {
            authorities: options.authorities,
            adds_system_bundle: options.adds_system_bundle,
            proxies: options.proxies,
            clients: Mutex::default(),
        }
    }

    /// Takes every way over this one client.
    pub(super) fn over(client: Client) -> Self {
        Connections {
            authorities: Vec::new(),
            adds_system_bundle: false,
            proxies: Proxies::default(),
            clients: Mutex::new(Clients {
                loopback_plain: Some(client.clone()),
                loopback_tls: Some(client.clone()),
                outward: Some(client),
            }),
        }
    }

    pub(super) fn client_for(&self, url: &Url) -> Result<Client> {
        let host = url.host_str().unwrap_or_default();
        // A managed identity's metadata service answers on plain http, on this link only.
        let is_loopback = loopback::is_loopback_host(host) || is_metadata_service(host);
        let is_tls = url.scheme() == "https";
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = match (is_loopback, is_tls) {
            (true, false) => &mut clients.loopback_plain,
            (true, true) => &mut clients.loopback_tls,
            (false, true) => &mut clients.outward,
            (false, false) => {
                return Err(Error::new(
                    Kind::Usage,
                    format!("{} would be reached over plain http", host_of(url)),
                    "use https; http is for this machine's own loopback only",
                ));
            }
        };
        if slot.is_none() {
            *slot = Some(self.build(is_loopback, is_tls)?);
        }
        slot.clone()
            .ok_or_else(|| Error::internal("a client was built and is not there"))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the HTTP client is built"
    )]
    fn build(&self, is_loopback: bool, is_tls: bool) -> Result<Client> {
        let mut builder = Client::builder()
            .user_agent(concat!("acspass/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECTING)
            // Port 0 stands for the port of the address that is asked for.
            .resolve_to_addrs(
                "localhost",
                &[
                    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
                    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
                ],
            );
        let proxies = match is_loopback {
            true => Some(Vec::new()),
            false => self.proxies.for_client()?,
        };
        if let Some(proxies) = proxies {
            builder = proxies
                .into_iter()
                .fold(builder.no_proxy(), |builder, proxy| builder.proxy(proxy));
        }
        // A second provider installed by the program that embeds us is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        builder = if is_tls {
            builder.tls_certs_merge(self.extra_authorities()?)
        } else {
            builder.tls_certs_only([])
        };
        builder.build().map_err(|error| {
            Error::new(
                Kind::Usage,
                "secure connections cannot be set up: no certificate authorities were found",
                "install the system's CA certificates (Debian: ca-certificates), or name a PEM \
                 file in ACSPASS_CA_FILE",
            )
            .caused_by(error)
        })
    }

    fn extra_authorities(&self) -> Result<Vec<Certificate>> {
        let mut all = authorities::from_files(&self.authorities)?;
        if self.adds_system_bundle {
            all.extend(authorities::system_bundle());
        }
        let parsed = all.iter().map(|found| Certificate::from_der(found));
        parsed
            .collect::<Result<_, _>>()
            .map_err(|error| Error::internal("a parsed certificate was not taken").caused_by(error))
    }
}

/// The address of a cloud machine's metadata service: link-local (RFC 3927), never routed.
fn is_metadata_service(host: &str) -> bool {
    host == "169.254.169.254"
}
