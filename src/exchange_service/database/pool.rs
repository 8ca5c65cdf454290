//! The connections to the database.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::tls::Tls;
use crate::error::{Error, Result};
use crate::http::Http;
use crate::secret::ServiceSecret;
use crate::{loopback, text};

/// How long a caller waits for a connection.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The database ends statements and waits for locks after this time. It is longer than a request to
/// the resource, because the lock of a user is held during the creation of an identity.
/// A lock is only safe if later statements see what its last holder wrote.
const OPTIONS: &str = "-c statement_timeout=20s -c idle_in_transaction_session_timeout=30s \
     -c default_transaction_isolation=read\\ committed";

/// The database.
#[derive(Clone)]
pub(in crate::exchange_service) struct Database(Pool);

impl Database {
    /// Prepares connections; none is opened yet. Hosts other than loopback need TLS, unless the URL
    /// has `sslmode=disable`.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the certificates of the settings cannot be read.
    pub(in crate::exchange_service) fn new(
        url: &ServiceSecret,
        http: &Http,
        connections: usize,
    ) -> Result<Self> {
        let mut config: Config = url
            .expose()
            .parse()
            .map_err(|_| Error::internal("the checked URL of the database cannot be read"))?;
        let is_local = |host: &Host| match host {
            Host::Tcp(name) => loopback::is_loopback_host(name),
            #[cfg(unix)]
            Host::Unix(_) => true,
        };
        let hosts = config.get_hosts();
        let is_local = !hosts.is_empty() && hosts.iter().all(is_local);
        let is_local = is_local && config.get_hostaddrs().is_empty();
        if config.get_ssl_mode() == SslMode::Prefer && !is_local {
            config.ssl_mode(SslMode::Require);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(TIMEOUT);
        }
        if config.get_options().is_none() {
            config.options(OPTIONS);
        }
        config.application_name("acspass-exchange");
        let manager = Manager::from_config(
            config,
            Tls::new(http.tls_config()?),
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = Pool::builder(manager)
            .max_size(connections)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: Some(TIMEOUT),
                create: Some(TIMEOUT),
                recycle: Some(TIMEOUT),
            })
            .build();
        let pool = pool.map_err(|_| Error::internal("the pool of connections has no runtime"))?;
        Ok(Database(pool))
    }

    pub(super) async fn connection(&self) -> Result<Object> {
        self.0.get().await.map_err(|error| unavailable(&error))
    }
}

/// Returns the error for a failed request to the database. Its text names a host or a constraint, and no
/// value.
pub(super) fn unavailable(error: &(dyn std::error::Error + 'static)) -> Error {
    let mut causes = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    let causes = text::one_line(&causes.join(": "), 300);
    Error::unreachable(
        "the database is unavailable",
        "Check DATABASE_URL, the database and the rights of its user.",
    )
    .caused_by(text::without_secrets(&causes).into_owned())
}
