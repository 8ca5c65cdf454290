//! Everyone who is connected and has not brought the answer: few at a time, none for long.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::page::{self, Refusal};
use super::request::{self, ReadError, Request, TIME_LIMIT};
use crate::loopback::peer::{Admission, PeerCheck};

const MAX_CONNECTIONS: usize = 32;
/// How much of what a refused client still sends is thrown away, so that it gets to read its page
/// instead of a reset (RFC 9112, section 9.6).
const DRAIN_LIMIT: usize = 64 * 1024 * 1024;

/// What has arrived at the listener.
pub(super) enum Incoming {
    /// A whole request, its connection, and what is known of its sender.
    Whole(Request, TcpStream, Admission),
    /// A request that could not be read. Its page is on the way.
    Refused(Refusal),
}

/// Where a visit leads.
enum ConnectionOutcome {
    Whole(Request, TcpStream, Admission),
    Refused(Refusal, TcpStream),
    Gone,
}

struct PendingConnection {
    is_sending: bool,
    task: Pin<Box<dyn Future<Output = ConnectionOutcome> + Send>>,
}

/// The connections that are open, the oldest first. Dropping the lobby closes them all at once:
/// nothing here is a task of its own.
#[derive(Default)]
pub(super) struct PendingConnections {
    connections: VecDeque<PendingConnection>,
    peers: Arc<PeerCheck>,
}

impl PendingConnections {
    /// Takes a new connection in, and lets another go if every seat is taken: idle strangers
    /// cannot keep the answer out. Another user's connection is closed before a byte is read.
    pub(super) fn accept(&mut self, mut stream: TcpStream) {
        let peers = self.peers.clone();
        self.push(true, async move {
            let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else {
                return ConnectionOutcome::Gone;
            };
            let Some(admission) = peers.admit(local, peer).await else {
                return ConnectionOutcome::Gone;
            };
            match request::read(&mut stream, TIME_LIMIT).await {
                Ok(whole) => ConnectionOutcome::Whole(whole, stream, admission),
                Err(ReadError::Refused(refusal)) => ConnectionOutcome::Refused(refusal, stream),
                Err(ReadError::Gone) => ConnectionOutcome::Gone,
            }
        });
    }

    /// Gives a stranger the page that says so.
    pub(super) fn reject(&mut self, stream: TcpStream, refusal: Refusal, is_head: bool) {
        tracing::debug!(
            "a request was not the sign-in's answer: {} (status {})",
            refusal.heading,
            refusal.status
        );
        self.respond(stream, Zeroizing::new(page::refuse(refusal, is_head)));
    }

    /// Sends a response that does not end the wait.
    pub(super) fn respond(&mut self, stream: TcpStream, response: Zeroizing<Vec<u8>>) {
        self.push(false, async move {
            respond_and_drain(stream, &response).await;
            ConnectionOutcome::Gone
        });
    }

    /// The next request, whole or refused. Never ends if there is none.
    pub(super) async fn next(&mut self) -> Incoming {
        poll_fn(|context| {
            let mut at = 0;
            while let Some(connection) = self.connections.get_mut(at) {
                match connection.task.as_mut().poll(context) {
                    Poll::Pending => at += 1,
                    Poll::Ready(step) => {
                        self.connections.remove(at);
                        match step {
                            ConnectionOutcome::Whole(whole, stream, admission) => {
                                return Poll::Ready(Incoming::Whole(whole, stream, admission));
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

    /// Lets one visitor go: the oldest who has been answered, else the oldest who has not yet
    /// sent a whole request.
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
        visit: impl Future<Output = ConnectionOutcome> + Send + 'static,
    ) {
        if self.connections.len() >= MAX_CONNECTIONS {
            self.make_room();
        }
        self.connections.push_back(PendingConnection {
            is_sending,
            task: Box::pin(visit),
        });
    }
}

async fn respond_and_drain(mut stream: TcpStream, answer: &[u8]) {
    let farewell = async {
        stream.write_all(answer).await?;
        stream.shutdown().await?;
        let mut scrap = vec![0; 64 * 1024];
        let mut drained = 0;
        while drained < DRAIN_LIMIT {
            match stream.read(&mut scrap).await? {
                0 => break,
                read => drained += read,
            }
            // All visitors share one task: whoever pours without end must not dry out the others.
            tokio::task::yield_now().await;
        }
        std::io::Result::Ok(())
    };
    // A stranger who does not take the page has no other claim.
    let _ = tokio::time::timeout(TIME_LIMIT, farewell).await;
}
