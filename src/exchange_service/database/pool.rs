//! The connections to the database.

use std::future::Future;
use std::io;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;

use super::tls::Tls;
use crate::error::{Error, Kind, Result};
use crate::http::Http;
use crate::secret::ServiceSecret;
use crate::{loopback, text};

/// The time limit of a statement that waits for no lock. The database's own limit is longer, and has no
/// effect if the database has stopped.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
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

/// Returns the outcome of work with the database, or an error after this time.
pub(super) async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let outcome = tokio::time::timeout(limit, work).await;
    outcome.unwrap_or_else(|_| {
        let hint = "Check the database and the network.";
        Err(Error::unreachable(
            "the database did not respond in time",
            hint,
        ))
    })
}

/// Returns the error for a failed request to the database. Its text names a host or a constraint, and no
/// value.
pub(super) fn unavailable(error: &(dyn std::error::Error + 'static)) -> Error {
    let chain = std::iter::successors(Some(error), |cause| cause.source());
    let state = chain
        .clone()
        .find_map(|cause| cause.downcast_ref::<tokio_postgres::Error>()?.code());
    // Each layer repeats that the connection failed; the last one knows why.
    let cause = chain.last().unwrap_or(error);
    let cause = match cause.downcast_ref::<io::Error>() {
        Some(error) if error.raw_os_error().is_some() => error.kind().to_string(),
        _ => cause.to_string(),
    };
    let cause = text::one_line(&cause, 300);
    let error = match state {
        Some(state) if is_refusal(state) => Error::new(
            Kind::Refused,
            "the database refused the access",
            "Check the user, the password and the database in DATABASE_URL, and the rights of the user.",
        ),
        _ => Error::unreachable(
            "the database is unavailable",
            "Check the host and the port in DATABASE_URL, and the database.",
        ),
    };
    error.caused_by(text::without_secrets(&cause).into_owned())
}

/// Whether the database responds, and this user may not do what this program needs: a wrong user or
/// password (class 28), a database that does not exist, or a missing right.
fn is_refusal(state: &SqlState) -> bool {
    let others = [
        SqlState::INVALID_CATALOG_NAME,
        SqlState::INSUFFICIENT_PRIVILEGE,
    ];
    state.code().starts_with("28") || others.contains(state)
}
