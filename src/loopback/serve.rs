//! The accept loop of this crate's HTTP servers.
//!
//! Input: bound listeners, an optional TLS configuration and a service. The loop ends when `stop` is
//! true and the connections have had the grace period to finish. The service decides about requests
//! and responses.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::bound::Bound;
use super::capacity::{Capacity, Slot};
use super::close::{self, Abort};
pub(crate) use super::connection::Handler;
use super::connection::{Outcome, serve_connection};
use super::host::is_loopback_peer;
pub(crate) use super::limits::Limits;
use super::peer::{Admission, PeerCheck};
pub(crate) use super::progress::Caller;

/// The pause after the system had no descriptor for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

type Stop = watch::Receiver<bool>;

/// Serves until `stop` is true or its sender is gone.
///
/// # Errors
/// If a listener cannot be registered with the runtime.
pub(crate) async fn serve<S: Handler>(
    bound: Bound,
    tls: Option<Arc<rustls::ServerConfig>>,
    service: S,
    limits: Limits,
    stop: Stop,
) -> io::Result<()> {
    let mut loops = JoinSet::new();
    let peers = Arc::new(PeerCheck::new());
    let tls = tls.map(TlsAcceptor::from);
    for listener in bound.listeners {
        let acceptor = TcpAcceptor {
            listener: TcpListener::from_std(listener)?,
            peers: peers.clone(),
        };
        let (tls, service) = (tls.clone(), service.clone());
        loops.spawn(accept(acceptor, tls, service, limits, stop.clone()));
    }
    while loops.join_next().await.is_some() {}
    Ok(())
}

/// Serves on a socket in the file system, which only its owner can open.
///
/// # Errors
/// If the listener cannot be registered with the runtime.
#[cfg(unix)]
pub(crate) async fn serve_unix<S: Handler>(
    listener: std::os::unix::net::UnixListener,
    service: S,
    limits: Limits,
    stop: Stop,
) -> io::Result<()> {
    let listener = tokio::net::UnixListener::from_std(listener)?;
    accept(listener, None, service, limits, stop).await;
    Ok(())
}

/// A source of connections.
trait Acceptor: Send + Sync + 'static {
    type Stream: AsyncRead + AsyncWrite + Abort + Unpin + Send + Sync + 'static;

    /// Accepts a connection. Returns `None` if it must be closed.
    fn accept(&self) -> impl Future<Output = io::Result<Option<Self::Stream>>> + Send;

    /// Checks the peer. Returns `None` if it is another user's program.
    fn admit(&self, stream: &Self::Stream) -> impl Future<Output = Option<Admission>> + Send;

    /// Waits for bytes of the peer, or for its end.
    fn readable(stream: &Self::Stream) -> impl Future<Output = io::Result<()>> + Send;
}

struct TcpAcceptor {
    listener: TcpListener,
    peers: Arc<PeerCheck>,
}

impl Acceptor for TcpAcceptor {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<Option<TcpStream>> {
        let (stream, peer) = self.listener.accept().await?;
        let is_local = is_loopback_peer(peer) && stream.set_nodelay(true).is_ok();
        Ok(is_local.then_some(stream))
    }

    async fn admit(&self, stream: &TcpStream) -> Option<Admission> {
        // An error means that the peer has closed the connection.
        let (local, peer) = (stream.local_addr().ok()?, stream.peer_addr().ok()?);
        self.peers.admit(local, peer).await
    }

    async fn readable(stream: &TcpStream) -> io::Result<()> {
        // `TcpStream::readable` may end without bytes.
        stream.peek(&mut [0]).await.map(drop)
    }
}

#[cfg(unix)]
impl Acceptor for tokio::net::UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn accept(&self) -> io::Result<Option<Self::Stream>> {
        let (stream, _) = tokio::net::UnixListener::accept(self).await?;
        Ok(Some(stream))
    }

    /// Trusts all peers: the modes of the socket and its folder exclude other users.
    async fn admit(&self, _stream: &Self::Stream) -> Option<Admission> {
        Some(Admission::Trusted)
    }

    fn readable(stream: &Self::Stream) -> impl Future<Output = io::Result<()>> + Send {
        stream.readable()
    }
}

async fn accept<S: Handler, A: Acceptor>(
    acceptor: A,
    tls: Option<TlsAcceptor>,
    service: S,
    limits: Limits,
    mut stop: Stop,
) {
    let stopping = stop.clone();
    let acceptor = Arc::new(acceptor);
    let mut connections = JoinSet::new();
    let capacity = Arc::new(Capacity::new(limits));
    // The system may have fewer descriptors than the limit of connections.
    let mut is_exhausted = false;
    loop {
        let is_full = connections.len() >= limits.connections || is_exhausted;
        capacity.set_full(is_full);
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = acceptor.accept(), if !is_full => accepted,
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
                tokio::time::sleep(ACCEPT_PAUSE).await;
                is_exhausted = true;
                continue;
            }
        };
        // A weak reference: the port is free as soon as the loop ends.
        let weak = Arc::downgrade(&acceptor);
        let (tls, service) = (tls.clone(), service.clone());
        let (capacity, stop) = (capacity.clone(), stopping.clone());
        connections.spawn(async move {
            let admission = match weak.upgrade() {
                Some(acceptor) => acceptor.admit(&stream).await,
                None => None,
            };
            let Some(admission) = admission else {
                // A reset frees the peer's port. After an ordinary close, another user could hold
                // every port of the machine in CLOSE_WAIT, and this user could not connect.
                stream.abort();
                return;
            };
            let server = Server {
                service,
                admission,
                capacity,
                stop,
            };
            server.handle::<A>(stream, tls).await;
        });
    }
    drop(acceptor);
    let finish = async { while connections.join_next().await.is_some() {} };
    // Dropping the set closes the connections that are left.
    let _ = tokio::time::timeout(limits.grace, finish).await;
}

/// The service of one connection.
struct Server<S> {
    service: S,
    admission: Admission,
    capacity: Arc<Capacity>,
    stop: Stop,
}

impl<S: Handler> Server<S> {
    /// Waits without buffers, serves, and waits again.
    async fn handle<A: Acceptor>(&self, mut stream: A::Stream, tls: Option<TlsAcceptor>) {
        let mut is_authenticated = false;
        while let Some(slot) = self.next_slot::<A>(&stream, is_authenticated).await {
            // Boxed, so that a waiting connection does not take the memory of a busy one.
            let served = Box::pin(async {
                let Some(tls) = &tls else {
                    return self.serve(stream, false, slot).await;
                };
                let stream = tokio::select! {
                    stream = tls.accept(stream) => stream.ok()?,
                    () = self.capacity.handshake_expired() => return None,
                };
                // TLS may have read ahead, so that the socket does not become readable.
                let (stream, _) = self.serve(stream, true, slot).await?;
                self.close(stream).await;
                None
            });
            match served.await {
                Some(idle) => (stream, is_authenticated) = idle,
                None => return,
            }
        }
    }

    /// Waits for bytes of the peer, and then for a slot. Returns `None` if the connection ends.
    /// A connection without a slot takes little memory.
    async fn next_slot<A: Acceptor>(
        &self,
        stream: &A::Stream,
        is_authenticated: bool,
    ) -> Option<Slot> {
        let (capacity, mut stop) = (&self.capacity, self.stop.clone());
        let timeout = match is_authenticated {
            true => capacity.limits.authenticated_idle,
            false => capacity.limits.idle,
        };
        tokio::select! {
            biased;
            readable = A::readable(stream) => readable.ok()?,
            _ = stop.wait_for(|stop| *stop) => return None,
            () = capacity.idle_expired(timeout) => return None,
        }
        // The wait does not count as time of the caller. Each slot is taken for a bounded time.
        let slot = capacity.acquire(is_authenticated);
        tokio::select! {
            biased;
            slot = tokio::time::timeout(capacity.limits.exchange, slot) => slot.ok().flatten(),
            _ = stop.wait_for(|stop| *stop) => None,
        }
    }

    /// Serves with this slot. Returns the stream if it is idle, and whether its caller is
    /// authenticated.
    async fn serve<IO>(&self, stream: IO, keeps_idle: bool, mut slot: Slot) -> Option<(IO, bool)>
    where
        IO: AsyncRead + AsyncWrite + Abort + Unpin + Send + 'static,
    {
        let outcome = serve_connection(
            stream,
            self.service.clone(),
            self.admission,
            keeps_idle,
            (&mut slot, &self.capacity),
            self.stop.clone(),
        )
        .await;
        drop(slot);
        match outcome {
            Outcome::Idle {
                stream,
                is_authenticated,
            } => Some((stream, is_authenticated)),
            Outcome::Closing(stream) => {
                self.close(stream).await;
                None
            }
            Outcome::Closed => None,
        }
    }

    /// Lets the peer read its last response. A server that stops does not wait.
    async fn close<IO: AsyncRead + AsyncWrite + Unpin>(&self, stream: IO) {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            // An error means that the peer has closed the connection.
            _ = close::close_gracefully(stream) => {}
            _ = stop.wait_for(|stop| *stop) => {}
            () = self.capacity.idle_expired(self.capacity.limits.linger) => {}
        }
    }
}
