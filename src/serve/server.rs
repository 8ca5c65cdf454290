//! Listens and serves.

use std::future::Future;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::OptionFuture;
use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::files::Folder;
use crate::hardening::Confined;
use crate::loopback::serve::{Limits, serve};
use crate::loopback::{self, Bound, WebOrigin};
use crate::secret::ServiceSecret;

use super::access::Listener;
use super::accounts::Accounts;
use super::context::{Context, Options};
use super::dashboard::{Dashboard, DashboardLink};
use super::instance::{InstanceDir, Running, Served};
use super::managed_identity;
use super::routes::{Service, router};

/// The default port: in the range that IANA registers on request, and unassigned.
pub const PORT: u16 = 8487;

/// The limits of the port and of the socket.
const LIMITS: Limits = Limits {
    connections: 16 * 1024,
    buffers: 2 * 1024,
    unauthenticated: 3 * 512,
    kept_buffers: 1024,
    head: 16 * 1024,
    // A program sends its request at once. A known program may use its connection again later; the
    // idle connection costs little, and is closed if there are too many.
    idle: Duration::from_secs(10),
    authenticated_idle: Duration::from_secs(5 * 60),
    unauthenticated_exchange: Duration::from_secs(5),
    // Longer than a refresh with all its retries.
    exchange: Duration::from_secs(5 * 60),
    stall: Duration::from_secs(10),
    linger: Duration::from_secs(2),
    tick: Duration::from_millis(250),
    // A refresh in progress may end.
    grace: Duration::from_secs(5),
    dates: true,
};

/// The limits of the dashboard. A browser opens few connections, but sends the cookies of every
/// program on this host.
const DASHBOARD_LIMITS: Limits = Limits {
    connections: 1024,
    buffers: 256,
    unauthenticated: 192,
    kept_buffers: 128,
    head: 64 * 1024,
    ..LIMITS
};

/// The hint for a port that is taken.
const OTHER_PORT: &str = "Run `acspass serve --port 0` to use a free port.";

/// The sockets of a service.
#[derive(Debug)]
pub enum Sockets {
    /// Both loopback families at this port; 0 takes a free one.
    Port(u16),
    /// Listeners that a service manager bound and keeps.
    Given(Vec<TcpListener>),
}

impl From<u16> for Sockets {
    fn from(port: u16) -> Self {
        Sockets::Port(port)
    }
}

/// A service with its port, its folder and its secret. Dropping it removes the secret and the socket.
pub struct Server {
    service: Arc<Service>,
    bound: Bound,
    dashboard_bound: Option<Bound>,
    dir: InstanceDir,
}

impl Server {
    /// Takes the folder and the sockets, and writes the secret of this run. The service answers no
    /// request before [`Server::run`].
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if another service has the folder or the port, or if the
    /// given sockets are not suitable; [`Kind::Store`](crate::Kind::Store) if the folder cannot be
    /// written.
    pub fn open(
        options: Options,
        sockets: impl Into<Sockets>,
        folder: impl Into<Folder>,
    ) -> Result<Server> {
        let folder = folder.into();
        let mut dir = InstanceDir::acquire(&folder)?;
        let bound = match sockets.into() {
            Sockets::Port(port) => loopback::bind(port, OTHER_PORT)?,
            Sockets::Given(listeners) => loopback::adopt(listeners)?,
        };
        // A new port, and so a new origin, in every run.
        let has_dashboard = options.only.is_none();
        let dashboard_bound = has_dashboard.then(loopback::bind_free).transpose()?;
        let serves = Served::by(&options.session, &options.token_request);
        let secret = dir.publish(bound.port, serves)?;
        let context = Arc::new(Context::new(options, folder));
        let accounts = Arc::new(Accounts::new(context.clone()));
        let running = dir.running.clone();
        let dashboard = dashboard_bound.as_ref().map(|bound| {
            let dashboard = Dashboard::new(accounts.clone(), running, bound.port);
            Arc::new(dashboard)
        });
        let service = Service {
            router: router(accounts, dashboard.clone()),
            secret,
            context,
            dashboard,
        };
        Ok(Server {
            service: Arc::new(service),
            bound,
            dashboard_bound,
            dir,
        })
    }

    /// Returns the description of this service in its lock file.
    pub fn running(&self) -> &Running {
        &self.dir.running
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.dir.running.url
    }

    /// Issues a ticket that opens the dashboard in one browser, once, within a minute. With
    /// `has_start`, its link has a start page if the system reports the owners of connections.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if this service has no dashboard, or if the system gives
    /// no random bytes.
    pub fn dashboard_opening(&self, has_start: bool) -> Result<DashboardLink> {
        let dashboard = self.service.dashboard.as_ref();
        let dashboard = dashboard.ok_or_else(|| Error::internal("there is no dashboard"))?;
        dashboard.link(has_start)
    }

    /// Ends once the ticket is used or has expired.
    pub fn dashboard_opened(&self, opening: &DashboardLink) -> impl Future<Output = ()> + use<> {
        let dashboard = self.service.dashboard.as_ref();
        let gone = dashboard.map(|dashboard| dashboard.sessions.ticket_gone(opening.number));
        async {
            if let Some(gone) = gone {
                gone.await;
            }
        }
    }

    /// The values of `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`, if there is a managed identity.
    pub fn managed_identity(&self) -> Option<(String, &ServiceSecret)> {
        let identity = self.service.context.options.managed_identity.as_ref()?;
        let endpoint = format!("{}{}", self.url(), managed_identity::PATH);
        Some((endpoint, identity.secret()))
    }

    /// The file that contains the secret, and nothing else.
    pub fn secret_file(&self) -> &Path {
        &self.dir.running.secret_file
    }

    /// The approved web origins: those of the options, and those that the user approved.
    pub fn origins(&self) -> Vec<WebOrigin> {
        self.service.context.origins.approved()
    }

    /// The Unix socket, if there is one.
    pub fn socket(&self) -> Option<&PathBuf> {
        self.dir.running.socket.as_ref()
    }

    /// Writes to the lock file how far this process is confined.
    pub fn note_confinement(&mut self, confined: Confined) {
        self.dir.note_confinement(confined);
    }

    /// Serves until `stop` ends. Then requests in progress may take five more seconds.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if a listener cannot be used.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<()> {
        let (dir, service) = (self.dir, self.service);
        #[cfg(unix)]
        let mut dir = dir;
        let (stop_sender, stopping) = watch::channel(false);
        let listen = |bound, listener, limits| {
            serve(bound, None, service.at(listener), limits, stopping.clone())
        };
        let port = Listener::Port(self.bound.port);
        let port = listen(self.bound, port, LIMITS);
        let dashboard = self
            .dashboard_bound
            .map(|bound| listen(bound, Listener::Dashboard, DASHBOARD_LIMITS));
        let dashboard = async { OptionFuture::from(dashboard).await.unwrap_or(Ok(())) };
        #[cfg(unix)]
        let socket = dir.listener.take().map(|socket| {
            let service = service.at(Listener::Socket);
            loopback::serve::serve_unix(socket, service, LIMITS, stopping.clone())
        });
        #[cfg(not(unix))]
        let socket: Option<std::future::Ready<std::io::Result<()>>> = None;
        let socket = async { OptionFuture::from(socket).await.unwrap_or(Ok(())) };
        let stopped = async {
            stop.await;
            // An error means that no listener is left.
            let _ = stop_sender.send(true);
            std::io::Result::Ok(())
        };
        let served = tokio::try_join!(port, dashboard, socket, stopped);
        drop(dir);
        served.map(drop).map_err(|error| {
            Error::internal("the service's sockets cannot be used").caused_by(error)
        })
    }
}
