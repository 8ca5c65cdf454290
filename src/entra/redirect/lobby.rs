//! Everyone who is connected and has not brought the answer: few at a time, none for long.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::gate::{self, TIME_LIMIT, Turned, Whole};
use super::page::{self, Refusal};
use crate::loopback::peer::{Admission, PeerCheck};

const SEATS: usize = 32;
/// How much of what a refused client still sends is thrown away, so that it gets to read its page
/// instead of a reset (RFC 9112, section 9.6).
const DRAIN_LIMIT: usize = 64 * 1024 * 1024;

/// What has arrived at the listener.
pub(super) enum Arrival {
    /// A whole request, its connection, and what is known of its sender.
    Whole(Whole, TcpStream, Admission),
    /// A request that could not be read. Its page is on the way.
    Refused(Refusal),
}

/// Where a visit leads.
enum Step {
    Whole(Whole, TcpStream, Admission),
    Refused(Refusal, TcpStream),
    Gone,
}

struct Visitor {
    is_sending: bool,
    visit: Pin<Box<dyn Future<Output = Step> + Send>>,
}

/// The connections that are open, the oldest first. Dropping the lobby closes them all at once:
/// nothing here is a task of its own.
#[derive(Default)]
pub(super) struct Lobby {
    visitors: VecDeque<Visitor>,
    peers: Arc<PeerCheck>,
}

impl Lobby {
    /// Takes a new connection in, and lets another go if every seat is taken: idle strangers
    /// cannot keep the answer out. Another user's connection is closed before a byte is read.
    pub(super) fn admit(&mut self, mut stream: TcpStream) {
        let peers = self.peers.clone();
        self.seat(true, async move {
            let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else {
                return Step::Gone;
            };
            let Some(admission) = peers.admit(local, peer).await else {
                return Step::Gone;
            };
            match gate::read(&mut stream, TIME_LIMIT).await {
                Ok(whole) => Step::Whole(whole, stream, admission),
                Err(Turned::Away(refusal)) => Step::Refused(refusal, stream),
                Err(Turned::Gone) => Step::Gone,
            }
        });
    }

    /// Gives a stranger the page that says so.
    pub(super) fn turn_away(&mut self, stream: TcpStream, refusal: Refusal, is_head: bool) {
        tracing::debug!(
            "a request was not the sign-in's answer: {} (status {})",
            refusal.heading,
            refusal.status
        );
        self.answer(stream, Zeroizing::new(page::refuse(refusal, is_head)));
    }

    /// Sends a response that does not end the wait.
    pub(super) fn answer(&mut self, stream: TcpStream, response: Zeroizing<Vec<u8>>) {
        self.seat(false, async move {
            send_away(stream, &response).await;
            Step::Gone
        });
    }

    /// The next request, whole or refused. Never ends if there is none.
    pub(super) async fn next(&mut self) -> Arrival {
        poll_fn(|context| {
            let mut at = 0;
            while let Some(visitor) = self.visitors.get_mut(at) {
                match visitor.visit.as_mut().poll(context) {
                    Poll::Pending => at += 1,
                    Poll::Ready(step) => {
                        self.visitors.remove(at);
                        match step {
                            Step::Whole(whole, stream, admission) => {
                                return Poll::Ready(Arrival::Whole(whole, stream, admission));
                            }
                            Step::Refused(refusal, stream) => {
                                self.turn_away(stream, refusal, false);
                                return Poll::Ready(Arrival::Refused(refusal));
                            }
                            Step::Gone => {}
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
        let answered = self.visitors.iter().position(|visitor| !visitor.is_sending);
        self.visitors.remove(answered.unwrap_or(0));
    }

    fn seat(&mut self, is_sending: bool, visit: impl Future<Output = Step> + Send + 'static) {
        if self.visitors.len() >= SEATS {
            self.make_room();
        }
        self.visitors.push_back(Visitor {
            is_sending,
            visit: Box::pin(visit),
        });
    }
}

async fn send_away(mut stream: TcpStream, answer: &[u8]) {
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
