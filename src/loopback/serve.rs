//! The accept loop that this crate's own little servers share.
//!
//! In come bound listeners, TLS or none, and a service; it ends when it is told to stop and every
//! connection has been given a moment to finish. What is answered, to whom and with which headers
//! is the service's business; even the `Date` header is.

use std::error::Error as StdError;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::{Bound, is_loopback_peer};

/// Connections that one listener holds at a time; the next ones wait in the system's queue.
const CONNECTIONS: usize = 256;
/// How long a peer may take over the TLS handshake, and over each request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// What is answered already may take this long to be sent once the server stops.
const GRACE: Duration = Duration::from_secs(1);
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
    stop: watch::Receiver<bool>,
) -> io::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<Body>> + Clone + Send + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>> + Send,
    S::Future: Send,
{
    let mut loops = JoinSet::new();
    for listener in bound.listeners {
        let listener = TcpListener::from_std(listener)?;
        let tls = tls.clone().map(TlsAcceptor::from);
        loops.spawn(accept(listener, tls, service.clone(), stop.clone()));
    }
    while loops.join_next().await.is_some() {}
    Ok(())
}

async fn accept<S>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    service: S,
    mut stop: watch::Receiver<bool>,
) where
    S: Service<Request<Incoming>, Response = Response<Body>> + Clone + Send + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>> + Send,
    S::Future: Send,
{
    let told = stop.clone();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept(), if connections.len() < CONNECTIONS => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        let stream = match accepted {
            Ok((stream, peer)) if is_loopback_peer(peer) => stream,
            Ok(_) => continue,
            Err(_) => {
                tokio::time::sleep(BREATHER).await;
                continue;
            }
        };
        let (tls, service, told) = (tls.clone(), service.clone(), told.clone());
        connections.spawn(async move {
            let Some(tls) = tls else {
                return converse(stream, service, told).await;
            };
            if let Ok(Ok(stream)) = tokio::time::timeout(HEAD_TIMEOUT, tls.accept(stream)).await {
                converse(stream, service, told).await;
            }
        });
    }
    drop(listener);
    let finish = async { while connections.join_next().await.is_some() {} };
    // Whoever is still there after the grace is cut off by the set's own drop.
    let _ = tokio::time::timeout(GRACE, finish).await;
}

async fn converse<S>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: S,
    mut stop: watch::Receiver<bool>,
) where
    S: Service<Request<Incoming>, Response = Response<Body>>,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .auto_date_header(false)
            .max_buf_size(64 * 1024)
            .serve_connection(TokioIo::new(stream), service)
    );
    // A peer that breaks off is no failure of ours: both results are let go.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
