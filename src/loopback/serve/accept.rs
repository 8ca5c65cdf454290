//! The accept loop of this crate's HTTP servers.
//!
//! The loop ends when `stop` is true and the connections have had the grace period to finish.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::capacity::{Capacity, Limits};
use super::connection::{Connection, Handler, Stop};
use super::stream::Stream;
use crate::loopback::host::is_loopback_peer;
use crate::loopback::listeners::Bound;
use crate::loopback::peer::{Admission, PeerCheck};

/// The pause after the system had no descriptor for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` is true or its sender is gone.
///
/// # Errors
/// If a listener cannot be registered with the runtime.
pub(crate) async fn serve(
    bound: Bound,
    tls: Option<Arc<rustls::ServerConfig>>,
    handler: Handler,
    limits: Limits,
    stop: Stop,
) -> io::Result<()> {
    let peers = Some(Arc::new(PeerCheck::new()));
    serve_tcp(bound, peers, tls, handler, limits, stop).await
}

/// Serves as [`serve`] does, but accepts connections of other machines and other users too.
///
/// # Errors
/// If a listener cannot be registered with the runtime.
#[cfg(any(feature = "emulator", feature = "exchange-service"))]
pub(crate) async fn serve_network(
    bound: Bound,
    tls: Option<Arc<rustls::ServerConfig>>,
    handler: Handler,
    limits: Limits,
    stop: Stop,
) -> io::Result<()> {
    serve_tcp(bound, None, tls, handler, limits, stop).await
}

async fn serve_tcp(
    bound: Bound,
    peers: Option<Arc<PeerCheck>>,
    tls: Option<Arc<rustls::ServerConfig>>,
    handler: Handler,
    limits: Limits,
    stop: Stop,
) -> io::Result<()> {
    let mut loops = JoinSet::new();
    let tls = tls.map(TlsAcceptor::from);
    for listener in bound.listeners {
        let listener = Listener::Tcp(TcpListener::from_std(listener)?, peers.clone());
        let (tls, handler) = (tls.clone(), handler.clone());
        loops.spawn(accept(listener, tls, handler, limits, stop.clone()));
    }
    while loops.join_next().await.is_some() {}
    Ok(())
}

/// Serves on a socket in the file system, which only its owner can open.
///
/// # Errors
/// If the listener cannot be registered with the runtime.
#[cfg(unix)]
pub(crate) async fn serve_unix(
    listener: std::os::unix::net::UnixListener,
    handler: Handler,
    limits: Limits,
    stop: Stop,
) -> io::Result<()> {
    let listener = Listener::Unix(tokio::net::UnixListener::from_std(listener)?);
    accept(listener, None, handler, limits, stop).await;
    Ok(())
}

/// A source of connections.
enum Listener {
    /// Without a check, every peer is accepted.
    Tcp(TcpListener, Option<Arc<PeerCheck>>),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
}

/// A connection, and the check of its peer, which is due before it is read.
type Accepted = (Box<dyn Stream>, BoxFuture<'static, Option<Admission>>);

impl Listener {
    /// Accepts a connection. Returns `None` if it must be closed.
    async fn accept(&self) -> io::Result<Option<Accepted>> {
        match self {
            Listener::Tcp(listener, peers) => {
                let (stream, _) = listener.accept().await?;
                // An error means that the peer has closed the connection.
                let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else {
                    return Ok(None);
                };
                if stream.set_nodelay(true).is_err() {
                    return Ok(None);
                }
                let Some(peers) = peers.clone() else {
                    let admission = std::future::ready(Some(Admission::Unreported));
                    return Ok(Some((Box::new(stream), admission.boxed())));
                };
                if !is_loopback_peer(peer) {
                    return Ok(None);
                }
                let check = async move { peers.admit(local, peer).await };
                Ok(Some((Box::new(stream), check.boxed())))
            }
            #[cfg(unix)]
            Listener::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                // The modes of the socket and its folder exclude other users.
                let check = std::future::ready(Some(Admission::Trusted));
                Ok(Some((Box::new(stream), check.boxed())))
            }
        }
    }
}

async fn accept(
    listener: Listener,
    tls: Option<TlsAcceptor>,
    handler: Handler,
    limits: Limits,
    mut stop: Stop,
) {
    let stopping = stop.clone();
    let mut connections = JoinSet::new();
    let capacity = Arc::new(Capacity::new(limits));
    // The system may have fewer descriptors than the limit of connections.
    let mut is_exhausted = false;
    loop {
        let is_full = connections.len() >= limits.connections || is_exhausted;
        capacity.is_full.store(is_full, Ordering::Relaxed);
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept(), if !is_full => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => {
                is_exhausted = false;
                continue;
            }
            () = tokio::time::sleep(limits.tick), if is_full => {
                capacity.close_idle.notify_waiters();
                is_exhausted = false;
                continue;
            }
        };
        let (stream, check) = match accepted {
            Ok(Some(accepted)) => accepted,
            Ok(None) => continue,
            Err(_) => {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                is_exhausted = true;
                continue;
            }
        };
        let (tls, handler) = (tls.clone(), handler.clone());
        let (capacity, stop) = (capacity.clone(), stopping.clone());
        connections.spawn(async move {
            let Some(admission) = check.await else {
                // A reset frees the peer's port. After an ordinary close, another user could hold
                // every port of the machine in CLOSE_WAIT, and this user could not connect.
                stream.abort();
                return;
            };
            let connection = Connection {
                handler,
                admission,
                capacity,
                stop,
            };
            connection.serve(stream, tls).await;
        });
    }
    drop(listener);
    let finish = async { while connections.join_next().await.is_some() {} };
    // Dropping the set closes the connections that are left.
    let _ = tokio::time::timeout(limits.grace, finish).await;
}
