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
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::admitted::Admitted;
use super::bound::Bound;
use super::capacity::{Capacity, Slot};
use super::close::{self, Abort};
use super::connection::{Idle, Outcome, serve_connection};
use super::host::is_loopback_peer;
pub(crate) use super::limits::Limits;
use super::peer::{Admission, PeerCheck};
pub(crate) use super::progress::Caller;

/// How long to wait after the system refused to hand out a connection (out of descriptors).
const BREATHER: Duration = Duration::from_millis(50);

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
        let listener = TcpAcceptor {
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
trait Acceptor: Send + Sync + 'static {
    type Stream: AsyncRead + AsyncWrite + Abort + Unpin + Send + Sync + 'static;

    /// The next connection; `None` where it is a stranger's.
    fn accept(&self) -> impl Future<Output = io::Result<Option<Self::Stream>>> + Send;

    /// Whether the connection may be read: `None` if its peer is another user's program.
    fn admits(&self, stream: &Self::Stream) -> impl Future<Output = Option<Admission>> + Send;

    /// Ends when the peer says something, or goes.
    fn readable(stream: &Self::Stream) -> impl Future<Output = io::Result<()>> + Send;
}

struct TcpAcceptor {
    listener: TcpListener,
    peers: Arc<PeerCheck>,
}

impl Acceptor for TcpAcceptor {
    type Stream = TcpStream;

    async fn admits(&self, stream: &TcpStream) -> Option<Admission> {
        match (stream.local_addr(), stream.peer_addr()) {
            (Ok(local), Ok(peer)) => self.peers.admit(local, peer).await,
            // The peer has gone.
            _ => None,
        }
    }

    async fn accept(&self) -> io::Result<Option<TcpStream>> {
        let (stream, peer) = self.listener.accept().await?;
        // Small answers go out at once.
        let is_ours = is_loopback_peer(peer) && stream.set_nodelay(true).is_ok();
        Ok(is_ours.then_some(stream))
    }

    async fn readable(stream: &TcpStream) -> io::Result<()> {
        // Not `readable`, which may end though nothing is there.
        stream.peek(&mut [0]).await.map(|_| ())
    }
}

#[cfg(unix)]
impl Acceptor for tokio::net::UnixListener {
    type Stream = tokio::net::UnixStream;

    /// The socket's mode and folder keep other users out.
    async fn admits(&self, _stream: &Self::Stream) -> Option<Admission> {
        Some(Admission::Trusted)
    }

    async fn accept(&self) -> io::Result<Option<Self::Stream>> {
        let (stream, _) = tokio::net::UnixListener::accept(self).await?;
        Ok(Some(stream))
    }

    fn readable(stream: &Self::Stream) -> impl Future<Output = io::Result<()>> + Send {
        stream.readable()
    }
}

async fn accept<S, D: Acceptor>(
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
    let capacity = Arc::new(Capacity::new(&limits));
    // The system may have fewer descriptors than the listener has places.
    let mut is_exhausted = false;
    loop {
        let is_full = connections.len() >= limits.connections || is_exhausted;
        capacity.set_full(is_full);
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept(), if !is_full => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => {
                is_exhausted = false;
                continue;
            }
            () = tokio::time::sleep(limits.tick), if is_full => {
                capacity.close_idle();
                is_exhausted = false;
                continue;
            }
        };
        let stream = match accepted {
            Ok(Some(stream)) => stream,
            Ok(None) => continue,
            Err(_) => {
                tokio::time::sleep(BREATHER).await;
                is_exhausted = true;
                continue;
            }
        };
        let (tls, service, told) = (tls.clone(), service.clone(), told.clone());
        let (acceptor, capacity) = (Arc::downgrade(&listener), capacity.clone());
        connections.spawn(async move {
            // Not held any longer than this, so that the port is free as soon as the loop ends.
            let admitted = match acceptor.upgrade() {
                Some(acceptor) => acceptor.admits(&stream).await,
                None => None,
            };
            let Some(admission) = admitted else {
                // A reset frees the peer's port. After an ordinary close, another user could hold
                // every port of the machine in CLOSE_WAIT, and this user could not connect.
                stream.abort();
                return;
            };
            let head = limits.head;
            let service = Admitted {
                service,
                admission,
                head,
            };
            handle_connection::<_, D>(stream, tls, service, limits, capacity, told).await;
        });
    }
    drop(listener);
    let finish = async { while connections.join_next().await.is_some() {} };
    // Whoever is still there after the grace is cut off by the set's own drop.
    let _ = tokio::time::timeout(limits.grace, finish).await;
}

/// One connection: it waits without buffers, talks, and waits again.
async fn handle_connection<S, D: Acceptor>(
    mut stream: D::Stream,
    tls: Option<TlsAcceptor>,
    service: S,
    limits: Limits,
    capacity: Arc<Capacity>,
    stop: watch::Receiver<bool>,
) where
    S: Service<Request<Incoming>, Response = Response<Body>> + Clone + Send + Unpin + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>> + Send,
    S::Future: Send,
{
    let mut is_known = false;
    loop {
        let speaks = wait_readable::<D>(&stream, is_known, &limits, &capacity, stop.clone());
        if !speaks.await {
            return;
        }
        let Some(mut seat) = acquire_slot(is_known, &limits, &capacity, stop.clone()).await else {
            return;
        };
        let (tls, service, told) = (tls.clone(), service.clone(), stop.clone());
        // Boxed, so that a connection that waits does not cost the memory of a busy one.
        let talked = Box::pin(async {
            let place = (&mut seat, &*capacity);
            let left = match tls {
                None => {
                    serve_connection(stream, service, limits, Idle::Returned, place, told).await
                }
                Some(tls) => {
                    let shaken = tokio::select! {
                        shaken = tls.accept(stream) => shaken.ok()?,
                        () = capacity.head_expired(&limits) => return None,
                    };
                    // What TLS has read ahead cannot be waited for on the socket.
                    let left =
                        serve_connection(shaken, service, limits, Idle::Kept, place, told).await;
                    drop(seat);
                    if let Outcome::Quiet { stream, .. } | Outcome::Closing(stream) = left {
                        close(stream, &limits, &capacity, stop.clone()).await;
                    }
                    return None;
                }
            };
            drop(seat);
            match left {
                Outcome::Quiet { stream, is_known } => Some((stream, is_known)),
                Outcome::Closing(stream) => {
                    close(stream, &limits, &capacity, stop.clone()).await;
                    None
                }
                Outcome::Nothing => None,
            }
        })
        .await;
        match talked {
            Some(left) => (stream, is_known) = left,
            None => return,
        }
    }
}

/// Waits for the peer to send something; `false` if it has been silent for too long, has gone, or
/// `stop` turned true. A silent connection costs next to nothing.
async fn wait_readable<D: Acceptor>(
    stream: &D::Stream,
    is_known: bool,
    limits: &Limits,
    capacity: &Capacity,
    mut stop: watch::Receiver<bool>,
) -> bool {
    let silence = match is_known {
        true => limits.authenticated_idle,
        false => limits.idle,
    };
    tokio::select! {
        biased;
        said = D::readable(stream) => said.is_ok(),
        _ = stop.wait_for(|stop| *stop) => false,
        () = capacity.idle_expired(silence, limits) => false,
    }
}

/// Waits for a place. This is not the caller's time; it is bounded since each place is taken for a
/// bounded time.
async fn acquire_slot(
    is_known: bool,
    limits: &Limits,
    capacity: &Capacity,
    mut stop: watch::Receiver<bool>,
) -> Option<Slot> {
    tokio::select! {
        biased;
        seat = tokio::time::timeout(limits.exchange, capacity.acquire(is_known)) => seat.ok().flatten(),
        _ = stop.wait_for(|stop| *stop) => None,
    }
}

/// Lets the peer read its last answer. A server that stops throws away what has arrived, and does
/// not wait.
async fn close<IO: AsyncRead + AsyncWrite + Unpin>(
    stream: IO,
    limits: &Limits,
    capacity: &Capacity,
    mut stop: watch::Receiver<bool>,
) {
    tokio::select! {
        biased;
        // A peer that has gone reads nothing.
        _ = close::close_gracefully(stream) => {}
        _ = stop.wait_for(|stop| *stop) => {}
        () = capacity.idle_expired(limits.linger, limits) => {}
    }
}
