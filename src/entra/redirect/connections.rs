//! The open connections of a wait: at most 32, each for a limited time. Each is read, judged and
//! answered here.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::SetOnce;
use zeroize::Zeroizing;

use super::authorization_response::{self, AuthorizationResponse, ResponseMode};
use super::page;
use super::refusal::{Refusal, Refused};
use super::request::{self, Request, TIME_LIMIT};
use crate::error::Error;
use crate::loopback::peer::{Admission, PeerCheck};
use crate::loopback::{self, FetchMetadata, Navigation, PURPOSES};

const MAX_CONNECTIONS: usize = 32;
/// The number of bytes that are read and discarded after a response, so that the client reads its
/// page instead of a reset (RFC 9112, section 9.6).
const DRAIN_LIMIT: usize = 64 * 1024 * 1024;

/// The progress of a redirect listener, readable while the listener waits.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    has_requests: Arc<AtomicBool>,
    is_answered: Arc<AtomicBool>,
    failure: Arc<SetOnce<Error>>,
}

impl Progress {
    /// Returns whether a request has arrived, from any sender.
    pub fn has_requests(&self) -> bool {
        self.has_requests.load(Ordering::Relaxed)
    }

    /// Returns whether the authorization response has arrived.
    pub fn is_answered(&self) -> bool {
        self.is_answered.load(Ordering::Relaxed)
    }

    /// Ends the wait with this error. A [`Browser`](crate::entra::browser::Browser) calls it if its page
    /// cannot lead to the redirect address any more. Only the first error counts, and none after the
    /// authorization response.
    pub fn fail(&self, error: Error) {
        let _ = self.failure.set(error);
    }

    /// Waits until the browser reports a failure.
    pub(crate) async fn failure(&self) -> Error {
        self.failure.wait().await.clone()
    }
}

/// The start page: it sends this user's browser to the authority, as often as it is opened.
///
/// Its address is on the browser's command line, so it contains no secret. Its target
/// contains `state`, `nonce` and the PKCE challenge: other users, other web pages and frames are
/// refused.
pub(super) struct StartPage {
    pub(super) path: &'static str,
    /// The whole response.
    pub(super) response: Zeroizing<Vec<u8>>,
}

/// The judge of the requests of one wait.
pub(super) struct Judge<'a> {
    pub(super) port: u16,
    /// The path of the redirect address.
    pub(super) path: &'a str,
    pub(super) state: &'a str,
    pub(super) mode: ResponseMode,
    pub(super) start: Option<StartPage>,
    pub(super) progress: &'a Progress,
    /// Receives each reason once, so that many requests do not fill the terminal.
    pub(super) refused: &'a (dyn Fn(Refused) + Send + Sync),
    pub(super) reported: Mutex<Vec<Refused>>,
    pub(super) peers: PeerCheck,
}

/// The authorization response, and the connection that it came by.
type Answer = (AuthorizationResponse, TcpStream);

impl Judge<'_> {
    /// Serves one connection. Another user's connection is closed before a byte is read.
    async fn serve(&self, mut stream: TcpStream, is_answered: &AtomicBool) -> Option<Answer> {
        let (local, peer) = (stream.local_addr().ok()?, stream.peer_addr().ok()?);
        let Some(admission) = self.peers.admit(local, peer).await else {
            // A reset frees the peer's port, which another user could hold otherwise.
            let _ = stream.set_zero_linger();
            return None;
        };
        let request = match request::read(&mut stream, TIME_LIMIT).await {
            Err(None) => return None,
            Err(Some(refusal)) => Err(refusal),
            Ok(request) => Ok(request),
        };
        self.progress.has_requests.store(true, Ordering::Relaxed);
        let is_head = request.as_ref().is_ok_and(|it| it.method == "HEAD");
        let response = match request.and_then(|request| self.judge(&request, admission)) {
            Ok(Some(response)) => {
                self.progress.is_answered.store(true, Ordering::Relaxed);
                return Some((response, stream));
            }
            Ok(None) => self.start.as_ref().map(|start| start.response.clone())?,
            Err(refusal) => {
                self.report(refusal);
                Zeroizing::new(page::refuse(refusal, is_head))
            }
        };
        is_answered.store(true, Ordering::Relaxed);
        respond_and_drain(stream, &response).await;
        None
    }

    /// Returns the authorization response; `None` if the request is for the start page.
    pub(super) fn judge(
        &self,
        request: &Request,
        admission: Admission,
    ) -> Result<Option<AuthorizationResponse>, Refusal> {
        if !loopback::is_our_host(request.header("host").unwrap_or_default(), self.port) {
            return Err(Refusal::WrongHost);
        }
        match &self.start {
            Some(start) if *request.target == start.path => {
                check_start(request, admission).map(|()| None)
            }
            _ => authorization_response::read(request, self.path, self.state, self.mode).map(Some),
        }
    }

    fn report(&self, refusal: Refusal) {
        let (status, heading) = refusal.status();
        tracing::debug!("Refused a request with status {status}: {heading}.");
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = refusal.why()
            && !reported.contains(&why)
        {
            reported.push(why);
            (self.refused)(why);
        }
    }
}

/// Checks that a request for the start page is a direct navigation of this user's browser.
fn check_start(request: &Request, admission: Admission) -> Result<(), Refusal> {
    let metadata = FetchMetadata {
        site: request.header("sec-fetch-site"),
        mode: request.header("sec-fetch-mode"),
        dest: request.header("sec-fetch-dest"),
        purpose: PURPOSES.iter().find_map(|name| request.header(name)),
    };
    match (metadata.navigation(), admission) {
        (Navigation::None, _) => Err(Refusal::NoNavigation),
        (Navigation::OtherOrigin, _) => Err(Refusal::OtherSite),
        _ if request.method != "GET" => Err(Refusal::NotGet),
        (Navigation::Direct, Admission::Unreported) => Err(Refusal::UnknownOwner),
        (Navigation::Direct, Admission::Trusted) => Ok(()),
    }
}

struct Connection<'a> {
    /// Its response is being sent.
    is_answered: Arc<AtomicBool>,
    exchange: Pin<Box<dyn Future<Output = Option<Answer>> + Send + 'a>>,
}

/// The open connections, the oldest first. Dropping this value closes them all at once: no
/// connection is a spawned task.
pub(super) struct Connections<'a> {
    judge: &'a Judge<'a>,
    open: VecDeque<Connection<'a>>,
}

impl<'a> Connections<'a> {
    pub(super) fn new(judge: &'a Judge<'a>) -> Self {
        Connections {
            judge,
            open: VecDeque::new(),
        }
    }

    /// Adds a connection, and closes another one at the limit, so that idle connections cannot
    /// keep the response out.
    pub(super) fn add(&mut self, stream: TcpStream) {
        if self.open.len() >= MAX_CONNECTIONS {
            self.make_room();
        }
        let (judge, is_answered) = (self.judge, Arc::new(AtomicBool::new(false)));
        self.open.push_back(Connection {
            is_answered: is_answered.clone(),
            exchange: Box::pin(async move { judge.serve(stream, &is_answered).await }),
        });
    }

    /// Closes one connection: the oldest that got its response, else the oldest that is still
    /// sending its request.
    pub(super) fn make_room(&mut self) {
        let mut open = self.open.iter();
        let answered = open.position(|connection| connection.is_answered.load(Ordering::Relaxed));
        self.open.remove(answered.unwrap_or(0));
    }

    /// Serves all connections until one of them brings the authorization response.
    pub(super) async fn serve(&mut self) -> Answer {
        poll_fn(|context| {
            let mut at = 0;
            while let Some(connection) = self.open.get_mut(at) {
                match connection.exchange.as_mut().poll(context) {
                    Poll::Pending => at += 1,
                    Poll::Ready(None) => drop(self.open.remove(at)),
                    Poll::Ready(Some(response)) => return Poll::Ready(response),
                }
            }
            Poll::Pending
        })
        .await
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
