//! The accept loop that this crate's own little servers share.
//!
//! In come bound listeners, TLS or none, and a service; it ends when it is told to stop and every
//! connection has been given a moment to finish. What is answered, to whom and with which headers
//! is the service's business.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::peer::PeerCheck;
use super::talk::{Idle, talk};
use super::{Bound, is_loopback_peer};

/// How long a peer may take over the TLS handshake, and over each request's head.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait after the system refused to hand out a connection (out of descriptors).
const BREATHER: Duration = Duration::from_millis(50);

/// What one listener takes upon itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Connections that it holds at a time; the next ones wait in the system's queue.
    pub(crate) connections: usize,
    /// How many of them may hold buffers at a time, which is from the first byte on.
    pub(crate) buffers: usize,
    /// While more than this many do, each gives them back after its answer, and slow heads are cut
    /// off.
    pub(crate) kept: usize,
    /// Bytes of a request's head; 8 KiB at least.
    pub(crate) head: usize,
    /// How long the answers under way may take once the server stops.
    pub(crate) grace: Duration,
    /// Whether answers tell the machine's own time. An emulator's tell another.
    pub(crate) dates: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 256,
            buffers: 256,
            kept: 256,
            head: 64 * 1024,
            grace: Duration::from_secs(1),
            dates: false,
        }
    }
}

/// Serves until `stop` turns true or its sender is gone. A service that returns an error drops
/// the connection without an answer.
///
/// # Errors
/// Where a listener cannot be handed to the runtime.
pub(crate) async fn serve<S>(
    bound: Bound,
    tls: Option<Arc<rustls::ServerConfig>>,
    service: S,
    limits: Limits,
    stop: watch::Receiver<bool>,
) -> io::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<Body>> + Clone + Send + Unpin + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>> + Send,
    S::Future: Send,
{
    let mut loops = JoinSet::new();
    let peers = Arc::new(PeerCheck::new());
    for listener in bound.listeners {
        let listener = TcpDoor {
            listener: TcpListener::from_std(listener)?,
            peers: peers.clone(),
        };
        let tls = tls.clone().map(TlsAcceptor::from);
        loops.spawn(accept(listener, tls, service.clone(), limits, stop.clone()));
    }
    while loops.join_next().await.is_some() {}
    Ok(())
}

/// The same for a socket in the file system, that only its owner reaches.
///
/// # Errors
/// Where the listener cannot be handed to the runtime.
#[cfg(unix)]
pub(crate) async fn serve_unix<S>(
    listener: std::os::unix::net::UnixListener,
    service: S,
    limits: Limits,
    stop: watch::Receiver<bool>,
) -> io::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<Body>> + Clone + Send + Unpin + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>> + Send,
    S::Future: Send,
{
    let listener = tokio::net::UnixListener::from_std(listener)?;
    accept(listener, None, service, limits, stop).await;
    Ok(())
}

/// What connections come in by.
trait Door: Send + Sync + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static;

    /// The next connection; `None` where it is a stranger's.
    fn accept(&self) -> impl Future<Output = io::Result<Option<Self::Stream>>> + Send;

    /// Whether the connection may be read: its peer is not another user's program.
    fn admits(&self, stream: &Self::Stream) -> impl Future<Output = bool> + Send;

    /// Ends when the peer says something, or goes.
    fn said(stream: &Self::Stream) -> impl Future<Output = io::Result<()>> + Send;
}

struct TcpDoor {
    listener: TcpListener,
    peers: Arc<PeerCheck>,
}

impl Door for TcpDoor {
    type Stream = TcpStream;

    async fn admits(&self, stream: &TcpStream) -> bool {
        match (stream.local_addr(), stream.peer_addr()) {
            (Ok(local), Ok(peer)) => self.peers.admit(local, peer).await.is_some(),
            // The peer has gone.
            _ => false,
        }
    }

    async fn accept(&self) -> io::Result<Option<TcpStream>> {
        let (stream, peer) = self.listener.accept().await?;
        // Small answers go out at once.
        let is_ours = is_loopback_peer(peer) && stream.set_nodelay(true).is_ok();
        Ok(is_ours.then_some(stream))
    }

    async fn said(stream: &TcpStream) -> io::Result<()> {
        // Not `readable`, which may end though nothing is there.
        stream.peek(&mut [0]).await.map(|_| ())
    }
}

#[cfg(unix)]
impl Door for tokio::net::UnixListener {
    type Stream = tokio::net::UnixStream;

    /// The socket's mode and folder keep other users out.
    async fn admits(&self, _stream: &Self::Stream) -> bool {
        true
    }

    async fn accept(&self) -> io::Result<Option<Self::Stream>> {
        let (stream, _) = tokio::net::UnixListener::accept(self).await?;
        Ok(Some(stream))
    }

    fn said(stream: &Self::Stream) -> impl Future<Output = io::Result<()>> + Send {
        stream.readable()
    }
}

async fn accept<S, D: Door>(
    listener: D,
    tls: Option<TlsAcceptor>,
    service: S,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) where
    S: Service<Request<Incoming>, Response = Response<Body>> + Clone + Send + Unpin + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>> + Send,
    S::Future: Send,
{
    let told = stop.clone();
    let listener = Arc::new(listener);
    let mut connections = JoinSet::new();
    let buffers = Arc::new(Semaphore::new(limits.buffers));
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept(), if connections.len() < limits.connections => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        let stream = match accepted {
            Ok(Some(stream)) => stream,
            Ok(None) => continue,
            Err(_) => {
                tokio::time::sleep(BREATHER).await;
                continue;
            }
        };
        let (tls, service, told) = (tls.clone(), service.clone(), told.clone());
        let (door, buffers) = (Arc::downgrade(&listener), buffers.clone());
        connections.spawn(async move {
            // Not held any longer than this, so that the port is free as soon as the loop ends.
            let admitted = match door.upgrade() {
                Some(door) => door.admits(&stream).await,
                None => false,
            };
            if admitted {
                attend::<S, D>(stream, tls, service, limits, buffers, told).await;
            }
        });
    }
    drop(listener);
    let finish = async { while connections.join_next().await.is_some() {} };
    // Whoever is still there after the grace is cut off by the set's own drop.
    let _ = tokio::time::timeout(limits.grace, finish).await;
}

/// One connection: it waits without buffers, talks, and waits again.
async fn attend<S, D: Door>(
    mut stream: D::Stream,
    tls: Option<TlsAcceptor>,
    service: S,
    limits: Limits,
    buffers: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
) where
    S: Service<Request<Incoming>, Response = Response<Body>> + Clone + Send + Unpin + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>> + Send,
    S::Future: Send,
{
    while let Some(_buffer) = first_byte::<D>(&stream, &buffers, stop.clone()).await {
        let (tls, service, stop) = (tls.clone(), service.clone(), stop.clone());
        // Boxed, so that who says nothing costs nothing of this.
        let left = match tls {
            None => {
                Box::pin(talk(
                    stream,
                    service,
                    limits,
                    Idle::Returned,
                    &buffers,
                    stop,
                ))
                .await
            }
            Some(tls) => {
                let whole = async {
                    let shaken = tokio::time::timeout(HEAD_TIMEOUT, tls.accept(stream)).await;
                    if let Ok(Ok(stream)) = shaken {
                        // What TLS has read ahead cannot be waited for on the socket.
                        talk(stream, service, limits, Idle::Kept, &buffers, stop).await;
                    }
                };
                Box::pin(whole).await;
                None
            }
        };
        match left {
            Some(left) => stream = left,
            None => return,
        }
    }
}

/// Waits for the peer to say something, and then for buffers to be free. Who stays silent is
/// closed as who sends half a head is, and has cost next to nothing.
async fn first_byte<D: Door>(
    stream: &D::Stream,
    buffers: &Arc<Semaphore>,
    mut stop: watch::Receiver<bool>,
) -> Option<OwnedSemaphorePermit> {
    let first = async {
        D::said(stream).await.ok()?;
        buffers.clone().acquire_owned().await.ok()
    };
    tokio::select! {
        first = tokio::time::timeout(HEAD_TIMEOUT, first) => first.ok().flatten(),
        _ = stop.wait_for(|stop| *stop) => None,
    }
}
