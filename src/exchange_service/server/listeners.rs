//! The two listeners, and the end of the service.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::sync::watch;
use tracing::info;

use crate::error::{Error, Result};
use crate::exchange_service::routes::{Health, Service, metrics_router, router};
use crate::exchange_service::settings::{Drain, ListenOn};
use crate::loopback::serve::{Handler, Limits, handler, serve_network};
use crate::loopback::{self, Bound};

/// The limits of the service's listener. A load balancer brings many users over one connection, so that
/// a connection counts as authenticated after its first valid token.
const LIMITS: Limits = Limits {
    connections: 16 * 1024,
    // A buffer can grow to 272 KiB. Callers without a valid token can have 70 MiB together.
    buffers: 1024,
    unauthenticated: 256,
    kept_buffers: 128,
    // A token of 100 KB gets a response with the reason for its refusal.
    head: 128 * 1024,
    idle: Duration::from_secs(65),
    authenticated_idle: Duration::from_secs(5 * 60),
    unauthenticated_exchange: Duration::from_secs(15),
    exchange: Duration::from_secs(60),
    stall: Duration::from_secs(10),
    linger: Duration::from_secs(2),
    tick: Duration::from_millis(250),
    grace: Duration::from_secs(30),
    dates: true,
};

/// The limits of the port for metrics.
const METRICS_LIMITS: Limits = Limits {
    connections: 64,
    buffers: 64,
    unauthenticated: 64,
    kept_buffers: 32,
    head: 16 * 1024,
    ..LIMITS
};

/// The bound listeners.
pub(super) struct Listeners {
    service: (Bound, SocketAddr),
    metrics: (Bound, SocketAddr),
    tls: Option<Arc<ServerConfig>>,
}

impl Listeners {
    /// Binds both addresses.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if one is taken, or not one of this machine.
    pub(super) fn bind(listen: &ListenOn, tls: Option<Arc<ServerConfig>>) -> Result<Listeners> {
        let bind = |address: SocketAddr, name: &str| {
            let hint = format!("Set {name} to another address; port 0 selects a free one.");
            let bound = loopback::bind_network(address.ip(), address.port(), &hint)?;
            let address = SocketAddr::new(address.ip(), bound.port);
            Ok::<_, Error>((bound, address))
        };
        Ok(Listeners {
            service: bind(listen.service, "ACSPASS_EXCHANGE_LISTEN")?,
            metrics: bind(listen.metrics, "ACSPASS_EXCHANGE_METRICS_LISTEN")?,
            tls,
        })
    }

    /// The URL of the service.
    pub(super) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.service.1)
    }

    /// The URL of the metrics.
    pub(super) fn metrics_url(&self) -> String {
        format!("http://{}/metrics", self.metrics.1)
    }

    /// Serves until a signal. Then the service reports that it is not ready, waits, stops accepting,
    /// and finishes the requests in progress. A second signal ends the wait.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if a listener cannot be used.
    pub(super) async fn serve<F, S>(
        self,
        service: &Arc<Service>,
        drain: Drain,
        signal: impl Fn() -> F,
        work: S,
    ) -> Result<()>
    where
        F: Future<Output = ()>,
        S: Future<Output = ()>,
    {
        let (stop, stopping) = watch::channel(false);
        let (stop_metrics, stopping_metrics) = watch::channel(false);
        let limits = Limits {
            grace: drain.maximum,
            ..LIMITS
        };
        let routes = routed(router(service.clone()));
        let main = async {
            let served = serve_network(self.service.0, self.tls, routes, limits, stopping).await;
            // The metrics and the probes are there until the last response.
            let _ = stop_metrics.send(true);
            served
        };
        let metrics = serve_network(
            self.metrics.0,
            None,
            routed(metrics_router(service.clone())),
            METRICS_LIMITS,
            stopping_metrics,
        );
        let ending = async {
            signal().await;
            begin_drain(&service.health);
            tokio::select! {
                () = tokio::time::sleep(drain.minimum) => {}
                () = signal() => {}
            }
            // An error means that no listener is left.
            let _ = stop.send(true);
        };
        let served = async { tokio::join!(main, metrics, ending) };
        let (main, metrics, ()) = tokio::select! {
            served = served => served,
            () = work => return Err(Error::internal("the maintenance of the service ended")),
        };
        main.and(metrics).map_err(|error| {
            Error::internal("the service's sockets cannot be used").caused_by(error)
        })
    }
}

fn begin_drain(health: &Health) {
    health.drain();
    info!("The service ends after the requests in progress.");
}

fn routed(router: Router) -> Handler {
    handler(move |request: Request<hyper::body::Incoming>| {
        let service = TowerToHyperService::new(router.clone());
        async move {
            let Ok(response) = service.call(request).await;
            Some(response)
        }
    })
}
