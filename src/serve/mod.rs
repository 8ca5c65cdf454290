//! The token service: fresh tokens for this machine's apps, on loopback and on a Unix socket.
//!
//! In come a session, what leads to the services and who may ask; out come answers in the shapes
//! of [`get`](crate::session) and of the identity operations. Each account's token is held by a
//! [`CommunicationTokenCredential`](crate::credential::CommunicationTokenCredential), so that a
//! warm answer touches neither file nor network. Who may ask is decided in `access`, before
//! anything else looks at a request. A person signs in from its dashboard alone.

mod access;
mod accounts;
mod body;
mod client;
mod dashboard;
mod events;
mod identities;
mod instance_dir;
mod proof;
mod response;
mod routes;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

pub use client::{Client, Response};
pub use dashboard::{DashboardLink, DashboardSignIn};
pub use instance_dir::{Running, Served, running};

use crate::acs::{Endpoint, IdentityClient};
use crate::error::{Error, Result};
use crate::files::Folder;
use crate::hardening::Confined;
use crate::loopback::serve::Limits;
use crate::loopback::{self, Bound, WebOrigin};
use crate::session::{Net, Overview, Session, TokenRequest};
use crate::time::Clock;

use access::{Authorizer, Transport};
use accounts::Accounts;
use dashboard::{Dashboard, DashboardSessions, Redeemer, ServiceInfo};
use events::Events;
use identities::Identities;
use instance_dir::InstanceDir;
use routes::Service;

/// The port where none is named: in the range that IANA lets users register, and unassigned there.
pub const PORT: u16 = 8487;

/// More connections than a careless app opens, and not more memory than is affordable.
const LIMITS: Limits = Limits {
    connections: 16 * 1024,
    buffers: 2 * 1024,
    unauthenticated: 3 * 512,
    kept_buffers: 1024,
    head: 16 * 1024,
    // A program sends its request at once. One that is known may use its connection again later:
    // it costs little, and is closed if there are too many.
    idle: Duration::from_secs(10),
    authenticated_idle: Duration::from_secs(5 * 60),
    unauthenticated_exchange: Duration::from_secs(5),
    // More than a refresh takes with all its repetitions.
    exchange: Duration::from_secs(5 * 60),
    stall: Duration::from_secs(10),
    linger: Duration::from_secs(2),
    tick: Duration::from_millis(250),
    // A refresh that is under way when the service is stopped may just end.
    grace: Duration::from_secs(5),
    dates: true,
};

/// A browser opens a handful of connections. A request has the cookies of every program on this
/// host.
const DASHBOARD_LIMITS: Limits = Limits {
    connections: 1024,
    buffers: 256,
    unauthenticated: 192,
    kept_buffers: 128,
    head: 64 * 1024,
    ..LIMITS
};

/// Makes something when it is first needed.
pub type Factory<T> = Arc<dyn Fn() -> Result<T> + Send + Sync>;

/// What a service is made of.
pub struct Options {
    /// Whose tokens are served.
    pub session: Session,
    /// What a token must be for, and how much it has left where a request says nothing.
    pub token_request: TokenRequest,
    /// What a renewal needs.
    pub net: Factory<Net>,
    /// The ACS resource, as its owner.
    pub owner: Factory<IdentityClient>,
    /// What is kept, without secrets.
    pub overview: Factory<Overview>,
    /// The profile's name, for `GET /status`.
    pub profile: String,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The web pages that may ask, beside programs.
    pub origins: Vec<WebOrigin>,
    /// Where the resource is, if this service has a key or a role there; what a person is to do
    /// where not.
    pub owned: Factory<Endpoint>,
    /// How a person signs in from the dashboard.
    pub sign_in: DashboardSignIn,
    /// Told once whenever a person must sign in before a token can be had. It must not block.
    pub sign_in_needed: Arc<dyn Fn(&Error) + Send + Sync>,
}

/// Where a service listens.
#[derive(Debug)]
pub enum Sockets {
    /// On both loopback families at this port; 0 takes a free one.
    Port(u16),
    /// On these, which somebody else bound and keeps.
    Given(Vec<TcpListener>),
}

impl From<u16> for Sockets {
    fn from(port: u16) -> Self {
        Sockets::Port(port)
    }
}

/// A service that has its port, its folder and its secret. Dropping it removes secret and socket.
pub struct Server {
    service: Arc<Service>,
    bound: Bound,
    dashboard: Bound,
    place: InstanceDir,
}

impl Server {
    /// Takes the folder and the sockets, and writes the secret of this run. Nothing
    /// is answered before [`Server::run`].
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) where another service has the folder or the port, or
    /// where what was handed over will not do;
    /// [`Kind::Store`](crate::Kind::Store) where the folder cannot be written to.
    pub fn open(
        options: Options,
        sockets: impl Into<Sockets>,
        folder: impl Into<Folder>,
    ) -> Result<Server> {
        let mut place = InstanceDir::acquire(&folder.into())?;
        let bound = match sockets.into() {
            Sockets::Port(port) => loopback::bind(port)?,
            Sockets::Given(listeners) => loopback::adopt(listeners)?,
        };
        // Its origin is another one in every run.
        let dashboard_bound = loopback::bind(0)?;
        let serves = Served::by(&options.session, &options.token_request);
        let secret = place.publish(bound.port, serves)?;
        let authorizer = Authorizer::new(secret, options.origins);
        let events = Arc::new(Events::new(options.clock.clone()));
        let identities = Identities::new(options.owner, options.clock.clone());
        let accounts = Arc::new(Accounts::new(
            options.session.clone(),
            options.token_request.clone(),
            options.net,
            options.clock.clone(),
            options.sign_in_needed,
            events.clone(),
        ));
        let facts = ServiceInfo {
            url: place.running().url.clone(),
            port: dashboard_bound.port,
            secret_file: place.running().secret_file.display().to_string(),
            socket: place
                .running()
                .socket
                .as_ref()
                .map(|path| path.display().to_string()),
            profile: options.profile.clone(),
            min_validity_seconds: options.token_request.min_validity.as_secs(),
        };
        let parents = dashboard::Dependencies {
            session: options.session,
            scopes: options.token_request.scopes().to_vec(),
            overview: options.overview.clone(),
            owner: options.owned,
            sign_in: options.sign_in,
            events: events.clone(),
            accounts: accounts.clone(),
            clock: options.clock.clone(),
        };
        let passes = DashboardSessions::new(options.clock.clone());
        let dashboard = Dashboard::new(passes, facts, parents);
        let service = Service {
            authorizer,
            dashboard,
            events,
            accounts,
            identities,
            overview: options.overview,
            profile: options.profile,
            clock: options.clock,
        };
        Ok(Server {
            service: Arc::new(service),
            bound,
            dashboard: dashboard_bound,
            place,
        })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.place.running().url
    }

    /// Issues a ticket that opens the dashboard in one browser, once, within a minute. With
    /// `has_start`, its link has a start page if the system reports the owners of connections.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if the system gives no random bytes.
    pub fn dashboard_opening(&self, has_start: bool) -> Result<DashboardLink> {
        self.service.dashboard.opening(match has_start {
            true => Redeemer::SecretOrStart,
            false => Redeemer::Secret,
        })
    }

    /// Ends once the ticket is used, or its minute is over.
    pub fn dashboard_opened(&self, opening: &DashboardLink) -> impl Future<Output = ()> + use<> {
        self.service.dashboard.gone(opening.number)
    }

    /// The file that holds the secret, and nothing else.
    pub fn secret_file(&self) -> &Path {
        &self.place.running().secret_file
    }

    /// The Unix socket, where there is one.
    pub fn socket(&self) -> Option<&PathBuf> {
        self.place.running().socket.as_ref()
    }

    /// Records how far this process is confined, for those that look for the service.
    pub fn note_confinement(&mut self, confined: Confined) {
        self.place.note_confinement(confined);
    }

    /// Serves until `stop` ends; then the answers under way are finished, for five seconds at most.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) where a listener cannot be served.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<()> {
        let Server {
            service,
            bound,
            dashboard,
            mut place,
        } = self;
        let port = bound.port;
        let (tell, told) = watch::channel(false);
        let failed =
            |error| Error::internal("the service's sockets cannot be used").caused_by(error);
        let router = routes::router(service.clone());
        let over = |entrance| routes::handle(&service, &router, entrance);
        let tcp = loopback::serve::serve(
            bound,
            None,
            over(Transport::Port(port)),
            LIMITS,
            told.clone(),
        );
        let page = loopback::serve::serve(
            dashboard,
            None,
            over(Transport::Dashboard),
            DASHBOARD_LIMITS,
            told.clone(),
        );
        #[cfg(unix)]
        let unix = {
            let socket = place.take_listener();
            let through = over(Transport::Socket);
            async move {
                match socket {
                    Some(socket) => {
                        loopback::serve::serve_unix(socket, through, LIMITS, told).await
                    }
                    None => Ok(()),
                }
            }
        };
        #[cfg(not(unix))]
        let unix = async { std::io::Result::Ok(()) };
        let stopped = async {
            stop.await;
            // All receivers gone means that nothing serves any more.
            let _ = tell.send(true);
            std::io::Result::Ok(())
        };
        tokio::try_join!(tcp, page, unix, stopped).map_err(failed)?;
        Ok(())
    }
}
