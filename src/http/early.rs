//! Connections that are opened before their request exists.
//!
//! A renewal needs Entra ID's response before it can send a request to the resource, and opens the
//! connection to the resource meanwhile. `reqwest` has no call for this. A request that is never sent
//! stands for it: its connector keeps the connection and reports an error in its place.

use std::any::Any;
use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;
use url::Url;

/// The longest time that a connection waits for its request. Servers may close idle connections later.
const MAX_WAIT: Duration = Duration::from_secs(30);

type BoxError = Box<dyn StdError + Send + Sync>;
/// A connection, whose type `reqwest` does not name.
type AnyConnection = Box<dyn Any + Send>;

tokio::task_local! {
    /// The purpose of the connection that the current request may open.
    static PURPOSE: Purpose;
}

/// The purpose of a connection, by the origin (scheme, host and port) of its request.
#[derive(Clone)]
enum Purpose {
    /// A later request.
    Early(String),
    /// The current request.
    Request(String),
}

/// Lets the connector know that a request to `url` is sent within this future.
pub(super) async fn for_request<F: Future>(url: &Url, request: F) -> F::Output {
    let purpose = Purpose::Request(origin(url));
    PURPOSE.scope(purpose, request).await
}

/// Lets the connector keep the connection that this future opens, for a request to `url`.
pub(super) async fn for_later<F: Future>(url: &Url, request: F) -> F::Output {
    let purpose = Purpose::Early(origin(url));
    PURPOSE.scope(purpose, request).await
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The connections that wait for a request, by origin. It is a layer of `reqwest`'s connectors.
#[derive(Clone, Default)]
pub(super) struct EarlyConnections(Arc<Mutex<BTreeMap<String, Waiting>>>);

struct Waiting {
    since: Instant,
    /// The connection, or nothing if it failed.
    connection: oneshot::Receiver<AnyConnection>,
}

impl EarlyConnections {
    fn insert(&self, origin: String) -> oneshot::Sender<AnyConnection> {
        let (sender, connection) = oneshot::channel();
        let since = Instant::now();
        let waiting = Waiting { since, connection };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(origin, waiting);
        sender
    }

    fn take(&self, origin: &str) -> Option<oneshot::Receiver<AnyConnection>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = all.remove(origin)?;
        (waiting.since.elapsed() < MAX_WAIT).then_some(waiting.connection)
    }
}

impl EarlyConnections {
    /// Closes the connections that no request has used in time.
    pub(super) async fn close_unused(&self) {
        tokio::time::sleep(MAX_WAIT).await;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, waiting| waiting.since.elapsed() < MAX_WAIT);
    }
}

impl<S> Layer<S> for EarlyConnections {
    type Service = EarlyConnector<S>;

    fn layer(&self, inner: S) -> EarlyConnector<S> {
        let connections = self.clone();
        EarlyConnector { inner, connections }
    }
}

/// A connector that keeps connections for later, and hands them out.
#[derive(Clone)]
pub(super) struct EarlyConnector<S> {
    inner: S,
    connections: EarlyConnections,
}

impl<S, R> Service<R> for EarlyConnector<S>
where
    S: Service<R> + Clone + Send + 'static,
    S::Response: Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: R) -> Self::Future {
        // The clone has not been polled to be ready, so it stays here.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        match PURPOSE.try_with(Purpose::clone) {
            Ok(Purpose::Early(origin)) => {
                let sender = self.connections.insert(origin);
                Box::pin(async move {
                    let connection = inner.call(request).await.map_err(Into::into)?;
                    // Without a receiver, its request has opened another one.
                    let _ = sender.send(Box::new(connection));
                    Err(KeptForLater.into())
                })
            }
            Ok(Purpose::Request(origin)) => {
                let waiting = self.connections.take(&origin);
                Box::pin(async move {
                    if let Some(waiting) = waiting
                        && let Ok(connection) = waiting.await
                        && let Ok(connection) = connection.downcast()
                    {
                        return Ok(*connection);
                    }
                    inner.call(request).await.map_err(Into::into)
                })
            }
            Err(_) => Box::pin(async move { inner.call(request).await.map_err(Into::into) }),
        }
    }
}

/// The outcome of a request that stands for an early connection.
#[derive(Debug)]
struct KeptForLater;

impl fmt::Display for KeptForLater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is kept for a later request")
    }
}

impl StdError for KeptForLater {}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::http::{Http, Options, Request};

    const DEADLINE: Duration = Duration::from_secs(20);

    async fn accept(listener: &TcpListener) -> TcpStream {
        let accepted = tokio::time::timeout(DEADLINE, listener.accept());
        accepted.await.expect("in time").expect("a connection").0
    }

    /// Responds to one request, and returns its first line.
    async fn respond(connection: &mut TcpStream) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(connection.read_u8().await.expect("a request"));
        }
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        connection.write_all(response).await.expect("sent");
        let head = String::from_utf8(head).expect("text");
        head.lines().next().expect("a line").to_owned()
    }

    async fn server() -> (TcpListener, Url) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("its address");
        let url = Url::parse(&format!("http://{address}/path")).expect("a URL");
        (listener, url)
    }

    #[tokio::test]
    async fn the_request_uses_the_connection_that_was_opened_before() {
        let (listener, url) = server().await;
        let http = Http::new(Options::default());
        http.open_early(&url);
        let mut early = accept(&listener).await;

        let sending = http.send(|| Ok(Request::get(url.clone())));
        let (response, line) = tokio::join!(sending, respond(&mut early));
        assert_eq!(line, "GET /path HTTP/1.1");
        assert!(response.expect("a response").status.is_success());

        // It is open, so that no second one is opened.
        http.open_early(&url);
        let sending = http.send(|| Ok(Request::get(url.clone())));
        let (response, _) = tokio::join!(sending, respond(&mut early));
        assert!(response.is_ok());
        drop(http);
        let none = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
        assert!(none.is_err(), "a second connection");
    }

    #[tokio::test]
    async fn a_connection_for_another_host_is_not_used() {
        let ((listener, url), (other, other_url)) = (server().await, server().await);
        let http = Http::new(Options::default());
        http.open_early(&other_url);
        let mut early = accept(&other).await;

        let sending = http.send(|| Ok(Request::get(url.clone())));
        let responding = async { respond(&mut accept(&listener).await).await };
        let (response, _) = tokio::join!(sending, responding);
        assert!(response.is_ok());
        drop(http);
        assert_eq!(early.read(&mut [0; 1]).await.expect("closed"), 0);
    }

    #[tokio::test]
    async fn a_failed_connection_is_left_to_the_request() {
        let (listener, url) = server().await;
        drop(listener);
        let http = Http::new(Options {
            first_wait: Duration::from_millis(1),
            ..Options::default()
        });
        http.open_early(&url);
        let failed = http.send(|| Ok(Request::get(url.clone()))).await;
        assert!(failed.is_err());
    }
}
