//! The open connections that have not sent the response: at most 32, each for a limited time.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::content;
use super::refusal::Refusal;
use super::request::{self, ReadError, Request, TIME_LIMIT};
use crate::loopback::peer::{Admission, PeerCheck};

const MAX_CONNECTIONS: usize = 32;
/// The number of bytes that are read and discarded after a response, so that the client reads its
/// page instead of a reset (RFC 9112, section 9.6).
const DRAIN_LIMIT: usize = 64 * 1024 * 1024;

/// A request that arrived at the listener.
pub(super) enum Incoming {
    /// A whole request, its connection, and the check of its sender.
    Request(Request, TcpStream, Admission),
    /// A request that could not be read. Its page is being sent.
    Refused(Refusal),
}

/// The end of a connection's task.
enum ConnectionOutcome {
    Request(Request, TcpStream, Admission),
    Refused(Refusal, TcpStream),
    Gone,
}

struct PendingConnection {
    is_sending: bool,
    task: Pin<Box<dyn Future<Output = ConnectionOutcome> + Send>>,
}

/// The open connections, the oldest first. Dropping this value closes them all at once: no
/// connection is a spawned task.
#[derive(Default)]
pub(super) struct PendingConnections {
    connections: VecDeque<PendingConnection>,
    peers: Arc<PeerCheck>,
}

impl PendingConnections {
    /// Adds a connection, and closes another one at the limit, so that idle connections cannot
    /// keep the response out. Another user's connection is closed before a byte is read.
    pub(super) fn accept(&mut self, mut stream: TcpStream) {
        let peers = self.peers.clone();
        self.push(true, async move {
            let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else {
                return ConnectionOutcome::Gone;
            };
            let Some(admission) = peers.admit(local, peer).await else {
                // A reset frees the peer's port, which another user could hold otherwise.
                let _ = stream.set_zero_linger();
                return ConnectionOutcome::Gone;
            };
            match request::read(&mut stream, TIME_LIMIT).await {
                Ok(request) => ConnectionOutcome::Request(request, stream, admission),
                Err(ReadError::Refused(refusal)) => ConnectionOutcome::Refused(refusal, stream),
                Err(ReadError::Gone) => ConnectionOutcome::Gone,
            }
        });
    }

    /// Sends the page of a refusal.
    pub(super) fn reject(&mut self, stream: TcpStream, refusal: Refusal, is_head: bool) {
        tracing::debug!(
            "a request was not the sign-in's answer: {} (status {})",
            refusal.heading,
            refusal.status
        );
        self.respond(stream, Zeroizing::new(content::refuse(refusal, is_head)));
    }

    /// Sends a response that does not end the wait.
    pub(super) fn respond(&mut self, stream: TcpStream, response: Zeroizing<Vec<u8>>) {
        self.push(false, async move {
            respond_and_drain(stream, &response).await;
            ConnectionOutcome::Gone
        });
    }

    /// Waits for the next request, whole or refused.
    pub(super) async fn next(&mut self) -> Incoming {
        poll_fn(|context| {
            let mut at = 0;
            while let Some(connection) = self.connections.get_mut(at) {
                match connection.task.as_mut().poll(context) {
                    Poll::Pending => at += 1,
                    Poll::Ready(outcome) => {
                        self.connections.remove(at);
                        match outcome {
                            ConnectionOutcome::Request(request, stream, admission) => {
                                return Poll::Ready(Incoming::Request(request, stream, admission));
                            }
                            ConnectionOutcome::Refused(refusal, stream) => {
                                self.reject(stream, refusal, false);
                                return Poll::Ready(Incoming::Refused(refusal));
                            }
                            ConnectionOutcome::Gone => {}
                        }
                    }
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Closes one connection: the oldest that got its response, else the oldest that is still
    /// sending its request.
    pub(super) fn make_room(&mut self) {
        let answered = self
            .connections
            .iter()
            .position(|connection| !connection.is_sending);
        self.connections.remove(answered.unwrap_or(0));
    }

    fn push(
        &mut self,
        is_sending: bool,
        task: impl Future<Output = ConnectionOutcome> + Send + 'static,
    ) {
        if self.connections.len() >= MAX_CONNECTIONS {
            self.make_room();
        }
        self.connections.push_back(PendingConnection {
            is_sending,
            task: Box::pin(task),
        });
    }
}

async fn respond_and_drain(mut stream: TcpStream, response: &[u8]) {
    let exchange = async {
        stream.write_all(response).await?;
        stream.shutdown().await?;
        let mut scrap = vec![0; 64 * 1024];
        let mut drained = 0;
        while drained < DRAIN_LIMIT {
            match stream.read(&mut scrap).await? {
                0 => break,
                read => drained += read,
            }
            // All connections share one task, so an endless sender must yield to the others.
            tokio::task::yield_now().await;
        }
        std::io::Result::Ok(())
    };
    // A client that does not read its page changes nothing.
    let _ = tokio::time::timeout(TIME_LIMIT, exchange).await;
}
